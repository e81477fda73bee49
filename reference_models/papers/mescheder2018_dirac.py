"""Mescheder et al. 2018: the Dirac-GAN, on which unregularised training circles."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from reference_models.losses import LOSSES
from reference_models.papers.drawing import COLOURS, THEORY, canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.penalties import clip_weights, gradient_penalty, r1
from reference_models.randomness import generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

H, STEPS = 0.2, 500
NOISY = 1000
"""Draws of instance noise at each step, as in the notebook."""
NEAR, LAST = 0.1, 100
"""A run has converged if it stays so near to the equilibrium over its last steps."""


@dataclass(frozen=True)
class Game:
    """A row of the notebook: what the discriminator and the generator play."""

    name: str
    loss: str = "minimax"
    r1: float = 0.0
    gp: float = 0.0
    clip: float = 0.0
    noise: float = 0.0
    consensus: float = 0.0
    converges: bool = False


GAMES = (
    Game("GAN"),
    Game("GAN, R1 .3", r1=0.3, converges=True),
    Game("NSGAN", loss="non-saturating"),
    Game("WGAN, clipped at 1", loss="wasserstein", clip=1.0),
    Game("WGAN-GP", loss="wasserstein", gp=0.7),
    Game("GAN, instance noise .7", noise=0.7, converges=True),
    Game("GAN, R1 1 (critical)", r1=1.0, converges=True),
    Game("GAN, consensus 1", consensus=1.0, converges=True),
    Game("NSGAN, R1 .3", loss="non-saturating", r1=0.3, converges=True),
)
SCHEDULES = {"simultaneous": 0, "alternating": 1, "alternating, 5 steps of D": 5}
"""Name -> discriminator steps after the generator's; 0 for both at once."""

Step = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def downhill(game: Game, theta: Tensor, psi: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Gradients of the generator's loss by theta and of the discriminator's by psi, both (1, 1).

    D(x) = psi x on data at 0 and a sample at theta, with the package's losses and penalties. Our
    logit is high on real samples and the paper's on generated ones: its psi is our -psi.
    """
    theta, psi = theta.detach().requires_grad_(), psi.detach().requires_grad_()
    loss = LOSSES[game.loss]

    def critic(x: Tensor) -> Tensor:
        return (x @ psi)[:, 0]

    real, fake = torch.zeros_like(theta), theta
    if game.noise:
        noise = game.noise * torch.randn(2, NOISY, 1, generator=rng, dtype=theta.dtype)
        real, fake = noise[0], theta + noise[1]
    (by_theta,) = torch.autograd.grad(loss.g_loss(critic(fake)), theta, retain_graph=True)
    d_loss = loss.d_loss(critic(real), critic(fake.detach()))
    if game.r1:
        d_loss = d_loss + game.r1 * r1(critic, real, fake.detach(), rng)
    if game.gp:
        d_loss = d_loss + game.gp / 2 * gradient_penalty(critic, real, fake.detach(), rng)
    (by_psi,) = torch.autograd.grad(d_loss, psi)
    if game.consensus:
        more = _consensus(theta.detach(), psi.detach())
        by_theta, by_psi = by_theta + game.consensus * more[0], by_psi + game.consensus * more[1]
    return by_theta, by_psi


def _consensus(theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
    """Of (psi^2 + theta^2) f'^2 / 2, as the notebook has it: with half of the second terms."""
    slope = torch.sigmoid(psi * theta)  # f' of the paper's -psi theta
    both = (psi.square() + theta.square()) * slope.square() * (1 - slope) / 2
    return theta * slope.square() + psi * both, psi * slope.square() + theta * both


def step(game: Game, d_steps: int, rng: torch.Generator) -> Step:
    """(theta, psi) => the next, by gradient descent of both."""

    def clipped(psi: Tensor) -> Tensor:
        clip_weights([psi], game.clip)
        return psi

    def next_of(theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        by_theta, by_psi = downhill(game, theta, psi, rng)
        moved = theta - H * by_theta
        if not d_steps:
            return moved, clipped(psi - H * by_psi)
        for _ in range(d_steps):
            psi = clipped(psi - H * downhill(game, moved, psi, rng)[1])
        return moved, psi

    return next_of


def play(of: Step, start: tuple[float, float], steps: int) -> tuple[list[float], list[float]]:
    """theta, and psi with the paper's sign, at the start and after each step."""
    theta = torch.tensor([[start[0]]], dtype=torch.float64)
    psi = torch.tensor([[-start[1]]], dtype=torch.float64)
    thetas, psis = [theta], [psi]
    for _ in range(steps):
        theta, psi = of(theta, psi)
        thetas.append(theta)
        psis.append(psi)
    return torch.cat(thetas)[:, 0].tolist(), (-torch.cat(psis)[:, 0]).tolist()


def eigenvalue(of: Step, small: float = 1e-6) -> complex:
    """Of the flow at (0, 0), of those with the largest imaginary part, then real part.

    From one step from either axis; what is not linear is small^2 beside it.
    """
    columns = []
    for start in ((small, 0.0), (0.0, small)):
        theta, psi = play(of, start, 1)
        columns.append([theta[1] / small, psi[1] / small])
    values = (np.linalg.eigvals(np.array(columns).T) - 1) / H
    return complex(max(values, key=lambda z: (round(z.imag, 6), z.real)))


def rate(distances: list[float], over: int) -> float:
    """What the distance is multiplied by in a step, over the last of them."""
    return float((distances[-1] / distances[-1 - over]) ** (1 / over))


def _distances(path: tuple[list[float], list[float]]) -> list[float]:
    return [math.hypot(*each) for each in zip(*path, strict=True)]


def _converged(distances: list[float]) -> float:
    return float(max(distances[-LAST:]) < NEAR)


def run(budget: Budget, seed: int) -> Result:
    """The eigenvalues and rates near the equilibrium, and the notebook's runs from (1, 1)."""
    measured, series = {}, {}
    still = generator("unused")
    for name, game in (("GAN", GAMES[0]), ("R1", GAMES[1])):
        found = eigenvalue(step(game, 0, still))
        measured[f"real part, {name}"] = Measured(found.real)
        measured[f"imaginary part, {name}"] = Measured(found.imag)
    spiral = _distances(play(step(GAMES[0], 0, still), (1e-4, 1e-4), 100))
    measured["growth, GAN"] = Measured(rate(spiral, 50))
    spiral = _distances(play(step(GAMES[1], 0, still), (1e-4, 1e-4), 400))
    measured["rate, R1"] = Measured(rate(spiral, 200))
    small = budget == "small"
    for game in GAMES[: 2 if small else None]:
        ends = []
        for schedule, d_steps in list(SCHEDULES.items())[: 1 if small else None]:
            rng = generator("dirac", seed, game.name, schedule)
            path = play(step(game, d_steps, rng), (1.0, 1.0), STEPS)
            series[f"{game.name}/{schedule}/theta"] = path[0]
            series[f"{game.name}/{schedule}/psi"] = path[1]
            ends.append(_converged(_distances(path)))
        measured[f"converged, {game.name}"] = Measured(sum(ends) / len(ends))
    if not small:
        nsgan = series["NSGAN/simultaneous/theta"], series["NSGAN/simultaneous/psi"]
        turn = round(2 * math.pi / (H / 2))
        measured["circle, NSGAN"] = Measured(float(np.mean(_distances(nsgan)[-turn:])))
    return Result(measured, series)


def draw(result: Result) -> "Figure":
    """The trajectories, as the paper shows them; the equilibrium is the cross."""
    shown = [game for game in GAMES if f"converged, {game.name}" in result.measured]
    columns = min(3, len(shown))
    figure = canvas(columns, -(-len(shown) // columns), width=3.4, height=3.4)
    for axes, game in zip(figure.axes, shown, strict=False):
        for schedule, colour in zip(SCHEDULES, COLOURS, strict=False):
            if f"{game.name}/{schedule}/theta" not in result.series:
                continue
            theta = result.series[f"{game.name}/{schedule}/theta"]
            psi = result.series[f"{game.name}/{schedule}/psi"]
            axes.plot(theta, psi, color=colour, linewidth=0.7, label=schedule)
            axes.plot(theta[-1:], psi[-1:], "o", color=colour, markersize=4)
        axes.plot([0], [0], "+", color=THEORY, markersize=12)
        share = result.measured[f"converged, {game.name}"].value
        axes.set_title(
            f"{game.name}\n{share:.0%} converged (paper: {float(game.converges):.0%})",
            fontsize=9,
        )
        axes.set(xlabel="theta", ylabel="psi", aspect="equal", xlim=(-2.6, 2.6), ylim=(-2.6, 2.6))
    figure.axes[1].legend(fontsize=6, loc="lower left")
    return figure


def _derived(name: str, what: str, value: float, tolerance: float, source: str) -> Published:
    return Published(name, what, "exact", "derived", value, tolerance=tolerance, source=source)


def _row(game: Game) -> Published:
    does = "converges" if game.converges else "does not converge"
    return Published(
        f"converged, {game.name}",
        f"{game.name}: {does}; the share of three schedules that do",
        "exact",
        "confirmed",
        float(game.converges),
        tolerance=0.0,
        source="pictures of the paper and of its notebook; converged is within .1 over the last "
        "100 of 500 steps",
    )


_R1 = complex(-GAMES[1].r1 / 2, math.sqrt(1 / 4 - GAMES[1].r1 ** 2 / 4))
_LEMMA = "lambda = -g/2 +- sqrt(g^2/4 - 1/4); a step of 1e-6 is off by its square"
EXPERIMENT = Experiment(
    name="mescheder2018-dirac",
    citation="Mescheder, Geiger & Nowozin 2018, Which Training Methods for GANs do actually "
    "Converge?",
    claim="Unregularised GAN training need not converge, Wasserstein GANs with clipping or a "
    "gradient penalty neither, and instance noise or a gradient penalty on the data make it.",
    protocol="The generator is a point, the discriminator D(x) = psi x, the data is at 0; h = .2, "
    "500 steps from (1, 1), simultaneous, alternating, and alternating with 5 steps of D, as in "
    "the authors' notebook. Ours are the losses and penalties of reference_models by autograd, but "
    "for consensus, which is the notebook's field; that has half of the second terms of the "
    "gradient, without which the last schedule overshoots from (1, 1). The paper shows "
    "trajectories; eigenvalues, rates and the radius follow from its fields.",
    published=(
        _derived("imaginary part, GAN", "eigenvalue, GAN: +- i / 2", 0.5, 1e-6, _LEMMA),
        _derived("real part, GAN", "its real part", 0.0, 1e-6, _LEMMA),
        _derived("imaginary part, R1", "eigenvalue with R1 of .3", _R1.imag, 1e-6, _LEMMA),
        _derived("real part, R1", "its real part", _R1.real, 1e-6, _LEMMA),
        _derived(
            "growth, GAN",
            "growth of the distance in a simultaneous step, GAN",
            math.sqrt(1 + H**2 / 4),
            1e-6,
            "|1 + h lambda|; from 1e-4, where the next order is 1e-8",
        ),
        _derived(
            "rate, R1",
            "shrinking of the distance in a simultaneous step, R1 of .3",
            abs(1 + H * _R1),
            1e-3,
            "|1 + h lambda|; a spiral wobbles within a turn, over 200 steps by 1e-3",
        ),
        *map(_row, GAMES),
        _derived(
            "circle, NSGAN",
            "radius of the cycle of simultaneous NSGAN, sqrt(2 h) to first order",
            math.sqrt(2 * H),
            0.01 * math.sqrt(2 * H),
            "averaging over a turn; the next order is h^2 / 40, the cycle is 2 % off round",
        ),
    ),
    seconds={"small": 1, "default": 12},
    run=run,
    draw=draw,
)
