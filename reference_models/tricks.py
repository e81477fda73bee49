"""What the field does to make training work, each a small piece without a view of the others."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from reference_models.data.base import Batch


def draw_latents(
    kind: str, count: int, width: int, rng: torch.Generator, truncation: float = 0.0
) -> Tensor:
    """Latents (count, width).

    Args:
        kind: ``normal``; ``uniform`` in [-1, 1) (Radford et al. 2016); ``sphere``: uniform on the
            sphere of radius sqrt(width), where nearly all of a wide Gaussian lies (White 2016).
        count: how many.
        width: of each.
        rng: where they come from.
        truncation: above 0, normal values beyond it are drawn again (Brock et al. 2019), here at
            once through the inverse of the distribution function.
    """
    if kind == "uniform":
        return 2 * torch.rand(count, width, generator=rng) - 1
    if truncation:
        edge = math.erf(truncation / math.sqrt(2))
        uniform = torch.rand(count, width, generator=rng, dtype=torch.float64)
        return (math.sqrt(2) * torch.erfinv((2 * uniform - 1) * edge)).float()
    z = torch.randn(count, width, generator=rng)
    return z * (math.sqrt(width) / z.norm(dim=1, keepdim=True)) if kind == "sphere" else z


def targets(
    count: int,
    rng: torch.Generator,
    *,
    real: bool,
    smoothing: float = 0.0,
    noise: float = 0.0,
    flips: float = 0.0,
) -> Tensor:
    """How far each of `count` samples counts as real: (count,) in [0, 1].

    Args:
        count: how many samples.
        rng: where noise and flips come from.
        real: whether the samples are real.
        smoothing: real samples count 1 - smoothing; generated ones stay at 0, since raising them
            would draw the discriminator to the generator's mistakes (Salimans et al. 2016, 3.4).
        noise: each label moves towards the other by U[0, noise) (Chintala et al. 2016, "ganhacks"
            6; theirs also goes above 1).
        flips: this share of labels is swapped ("ganhacks" 6).
    """
    moved = noise * torch.rand(count, generator=rng)
    target = 1 - smoothing - moved if real else moved
    return torch.where(torch.rand(count, generator=rng) < flips, 1 - target, target)


def scale_of_noise(initial: float, step: int, total: int) -> float:
    """Standard deviation of instance noise, on a line to 0 (Sonderby et al. 2017)."""
    return initial * max(0.0, 1 - step / total) if total else initial


def scale_of_rate(kind: str, step: int, total: int) -> float:
    """What to multiply a learning rate with: ``none`` 1; ``linear`` or ``cosine`` from 1 to 0."""
    if kind == "linear":
        return max(0.0, 1 - step / total)
    if kind == "cosine":
        return 0.5 * (1 + math.cos(math.pi * min(1.0, step / total)))
    return 1.0


class Packed(nn.Module):
    """A discriminator that judges m samples at once, stacked as channels (Lin et al. 2018, PacGAN).

    Consecutive samples make a pack, so n of them get n / m rows of logits. With m = 1 it is the
    discriminator itself. A gradient penalty sees the slope of a pack's logit at each sample.
    """

    def __init__(self, discriminator: nn.Module, samples: int):
        super().__init__()
        self.discriminator = discriminator
        self.samples = samples

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, c, ...), (n,) -> (n / m, 1 + k)."""
        packs = x.reshape(x.shape[0] // self.samples, -1, *x.shape[2:])
        logits: Tensor = self.discriminator(packs, y[:: self.samples])
        return logits


class Replay:
    """Earlier generated samples for the discriminator (Shrivastava et al. 2017, section 2.3).

    Half of each batch comes from the buffer as soon as it holds as many; half of the fresh batch
    then takes random places in it. Capacity 0 gives the fresh batch back.
    """

    def __init__(self, capacity: int, shape: tuple[int, ...], device: torch.device):
        self.x = torch.zeros(capacity, *shape, device=device)
        self.y = torch.zeros(capacity, dtype=torch.int64, device=device)
        self.filled = 0

    def mix(self, fresh: Batch, rng: torch.Generator) -> Batch:
        """A batch as large as `fresh`."""
        half = len(fresh.x) // 2
        if not len(self.x) or not half:
            return fresh
        mixed = fresh
        if self.filled >= half:
            old = torch.randperm(self.filled, generator=rng)[:half]
            mixed = Batch(
                torch.cat([self.x[old], fresh.x[half:]]), torch.cat([self.y[old], fresh.y[half:]])
            )
        room = min(half, len(self.x) - self.filled)
        places = torch.arange(self.filled, self.filled + room)
        if not room:
            places = torch.randperm(len(self.x), generator=rng)[:half]
        self.x[places], self.y[places] = fresh.x[: len(places)], fresh.y[: len(places)]
        self.filled += room
        return mixed


class AdamState(NamedTuple):
    """What Adam remembers of the parameters by name, as constants."""

    step: int
    mean: Mapping[str, Tensor]
    square: Mapping[str, Tensor]


def adam_update(
    parameters: Mapping[str, Tensor],
    gradients: Iterable[Tensor],
    state: AdamState,
    *,
    rate: float,
    betas: tuple[float, float],
    eps: float = 1e-8,
) -> tuple[dict[str, Tensor], AdamState]:
    """One step of Adam (Kingma and Ba 2015, algorithm 1) that gradients flow through."""
    b1, b2 = betas
    step = state.step + 1
    updated, mean, square = {}, {}, {}
    for (name, value), gradient in zip(parameters.items(), gradients, strict=True):
        mean[name] = b1 * state.mean[name] + (1 - b1) * gradient
        square[name] = b2 * state.square[name] + (1 - b2) * gradient.square()
        # sqrt(v + tiny): the root has no gradient at 0, where an unused unit's second moment is.
        root = (square[name] / (1 - b2**step) + 1e-24).sqrt()
        updated[name] = value - rate * (mean[name] / (1 - b1**step)) / (root + eps)
    return updated, AdamState(step, mean, square)


def unroll(
    loss: Callable[[Mapping[str, Tensor]], Tensor],
    parameters: Mapping[str, Tensor],
    state: AdamState,
    steps: int,
    *,
    rate: float,
    betas: tuple[float, float],
) -> dict[str, Tensor]:
    """The discriminator's parameters after `steps` further updates, as a function of the generator.

    theta_{k+1} = theta_k - Adam(d loss(theta_k) / d theta_k)  (Metz et al. 2017; Adam in place of
    the plain gradient, as in their published notebook). Gradients flow through all steps.

    Args:
        loss: the discriminator's loss as a function of its parameters; it may carry the generator's
            graph.
        parameters: where to start, by name.
        state: of the optimizer there.
        steps: how many updates.
        rate: learning rate.
        betas: of Adam.
    """
    current = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    for _ in range(steps):
        gradients = torch.autograd.grad(loss(current), list(current.values()), create_graph=True)
        current, state = adam_update(current, gradients, state, rate=rate, betas=betas)
    return current
