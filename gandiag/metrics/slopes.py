"""From a critic's gap to a distance: how steep the critic is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gandiag.errors import GandiagError
from gandiag.metrics.tiles import tiles

Critic = Callable[[Tensor], Tensor]
AT_ONCE = 256
"""Inputs that a critic is asked for at once."""


class CriticBound(NamedTuple):
    """What a critic says of the distance between two sets, and how steep it is."""

    gap: float
    """Mean D(real) - mean D(generated), in the critic's own scale: no distance."""
    slope: float
    """What the gap is divided by: the steepest slope met, or a Lipschitz constant that is known."""
    mean_slope: float
    """Mean of ||grad D|| over interpolates and points."""
    slope_99: float
    """Their 99th percentile."""
    largest_slope: float
    """Their maximum."""
    error: float
    """Standard error of the gap over the rows of both sets, the critic fixed."""

    @property
    def bound(self) -> float:
        """gap / slope, which W1 is not below; 0 of a critic that is flat."""
        return self.gap / self.slope if self.slope else 0.0

    @property
    def deviation(self) -> float:
        """Standard error of `bound`, the critic and its slope fixed."""
        return self.error / self.slope if self.slope else 0.0


def critic_bound(
    critic: Critic,
    real: Tensor,
    generated: Tensor,
    *,
    lipschitz: float | None = None,
    seed: int = 0,
) -> CriticBound:
    """What any critic D, a GAN's own among them, says of W1 between two sets.

    W1(P, Q) = sup over f of slope at most 1 of E_P f - E_Q f (Kantorovich and Rubinstein). A critic
    that was trained by a penalty has some other slope, so that its gap is no distance: between two
    points at a distance W1, Gulrajani's penalty of weight w balances at a slope of 1 + W1 / (2 w),
    and critics of whole distributions were met steeper than that. The gap becomes a lower bound
    when it is divided by the slope. Which is the greater of two:

    - the steepest secant between the sets, L = max |D(x_i) - D(y_j)| / ||x_i - y_j||. With it
      |gap| / L <= W1 of the two sets as they are given, exactly: for any plan p of transport,
      gap = sum p_ij (D(x_i) - D(y_j)) <= L sum p_ij ||x_i - y_j||;
    - the largest ||grad D|| at the rows and at interpolates. Where there are many dimensions rows
      are far apart, mostly across the direction that D rises in, and secants are flat: the first
      alone bounds the distance of finite sets, which is then far above their distributions'.

    Of the distributions it is an estimate of a lower bound, if D has seen neither set: the gap is
    unbiased then, and the slope is the steepest that was met, not the steepest there is. With
    `lipschitz`, a constant that holds everywhere, bound is in mean below the distributions' W1.

    A bound that stays far below says that the critic is poor, or that the sets are near.

        d = MyCritic()                          # as it stands in the middle of training
        critic_bound(d, held_out_images, d_input_of_the_generator).bound

    Args:
        critic: inputs (n, ...) => (n,) or (n, 1), differentiable. A module is put in evaluation
            mode for the time, and its parameters' gradients are left alone; its output for an input
            may not depend on the others.
        real: (n, ...) floating point, n >= 2, as the critic takes them, on its device.
        generated: (m, ...), m >= 2. Distances are Euclidean in these inputs.
        lipschitz: a constant that the critic is known to have, in place of the slopes met.
        seed: of the interpolates, as many as the larger set has rows. They are paired by the order
            of rows, which the slopes depend on by as much as on the seed.

    Raises:
        GandiagError: fewer than two rows, shapes that differ, inputs or answers that are not
            finite, answers that are not one number a row, a Lipschitz constant that is not above 0.
    """
    _check(real, generated, lipschitz)
    with _evaluating(critic):
        at_real, slopes_real = _asked(critic, real)
        at_generated, slopes_generated = _asked(critic, generated)
        between = _asked(critic, _interpolates(real, generated, seed))[1]
    slopes = torch.cat([slopes_real, slopes_generated, between])
    secant = steepest_secant(at_real, at_generated, real.flatten(1), generated.flatten(1))
    largest = float(slopes.max())
    return CriticBound(
        gap=float(at_real.mean() - at_generated.mean()),
        slope=max(secant, largest) if lipschitz is None else lipschitz,
        mean_slope=float(slopes.mean()),
        slope_99=float(_quantile(slopes, 0.99)),
        largest_slope=largest,
        error=float((at_real.var() / len(real) + at_generated.var() / len(generated)).sqrt()),
    )


def steepest_secant(at_x: Tensor, at_y: Tensor, x: Tensor, y: Tensor) -> float:
    """max |D(x_i) - D(y_j)| / ||x_i - y_j|| over all pairs at different places, in float64.

    Args:
        at_x: (n,) float64, D at the rows of `x`, (n, width); `at_y` (m,) and `y` likewise.

    Returns:
        At least 0; 0 if all rows are at one place. Infinite if D differs at one place.
    """
    steepest = torch.zeros((), dtype=torch.float64, device=at_x.device)
    x, y = (each.to(at_x.device) for each in (x, y))
    for i in tiles(len(x)):
        for j in tiles(len(y)):
            # By differences: a product loses the digits of near rows, which are the steep ones.
            apart = torch.cdist(
                x[i].double(), y[j].double(), compute_mode="donot_use_mm_for_euclid_dist"
            )
            rise = (at_x[i, None] - at_y[None, j]).abs()
            secants = torch.where(rise > 0, rise / apart, 0.0)
            steepest = torch.maximum(steepest, secants.max())
    return float(steepest)


def _check(real: Tensor, generated: Tensor, lipschitz: float | None) -> None:
    for name, rows in (("real", real), ("generated", generated)):
        if rows.ndim < 2 or not rows.is_floating_point():
            raise GandiagError(
                f"{name} must be floating point of shape (n, ...), got {rows.dtype} of shape "
                f"{tuple(rows.shape)}; give what the critic takes"
            )
        if len(rows) < 2:
            raise GandiagError(f"{name} has {len(rows)} rows and at least 2 are needed; add some")
        if not bool(torch.isfinite(rows).all()):
            raise GandiagError(f"{name} holds NaN or an infinity; leave these rows out")
    if real.shape[1:] != generated.shape[1:]:
        raise GandiagError(
            f"real is {tuple(real.shape[1:])} a row and generated {tuple(generated.shape[1:])}; "
            "give both as the critic takes them"
        )
    if lipschitz is not None and not 0 < lipschitz < float("inf"):
        raise GandiagError(f"a Lipschitz constant is above 0, not {lipschitz}; leave it out")


@contextmanager
def _evaluating(critic: Critic) -> Iterator[None]:
    modules = [*critic.modules()] if isinstance(critic, nn.Module) else []
    training = [each.training for each in modules]
    for each in modules:
        each.training = False
    try:
        # As it may be called within no_grad or inference_mode.
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        for each, before in zip(modules, training, strict=True):
            each.training = before


def _asked(critic: Critic, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """(n, ...) => D and ||grad D|| at each, (n,) float64 (MPS, which has none: on the CPU)."""
    values, slopes = [], []
    for part in torch.split(inputs, AT_ONCE):
        points = part.detach().clone().requires_grad_()
        answers = critic(points)
        if answers.numel() != len(points):
            raise GandiagError(
                f"the critic gives {tuple(answers.shape)} for {len(points)} inputs, not one number "
                "each; give a function that does"
            )
        (gradients,) = torch.autograd.grad(answers.sum(), points)
        values.append(_double(answers.detach().flatten()))
        slopes.append(torch.linalg.vector_norm(_double(gradients.flatten(1)), dim=1))
    found = torch.cat(values), torch.cat(slopes)
    if not bool(torch.isfinite(torch.stack(found)).all()):
        raise GandiagError(
            "the critic gives NaN or an infinity: its training diverged; use an earlier one"
        )
    return found


def _double(values: Tensor) -> Tensor:
    return values.cpu().double() if values.device.type == "mps" else values.double()


def _interpolates(real: Tensor, generated: Tensor, seed: int) -> Tensor:
    """A uniform place between each row of the larger set and a row of the other."""
    rng = torch.Generator().manual_seed(seed)
    n = max(len(real), len(generated))
    i, j = (torch.randperm(n, generator=rng) % len(rows) for rows in (real, generated))
    share = torch.rand(n, *(1 for _ in real.shape[1:]), generator=rng).to(real)
    return share * real[i.to(real.device)] + (1 - share) * generated[j.to(generated.device)]


def _quantile(values: Tensor, share: float) -> Tensor:
    """The smallest value that at least this share does not exceed."""
    # torch.quantile takes at most 16 million.
    return values.kthvalue(max(1, -int(-share * len(values) // 1))).values
