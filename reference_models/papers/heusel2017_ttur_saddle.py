"""Heusel et al. 2017: two time scales on a saddle, with the numbers that their notebook printed."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference_models.papers.drawing import COLOURS, PAPER, THEORY, canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.randomness import seed_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

START = 0.5, -0.4
STEPS = 5000
REPEATS = {"small": 20, "default": 200, "full": 200}
SHOWN = 200
"""Steps of a path that the picture shows one by one; of the rest, every tenth."""


class Rates(NamedTuple):
    """Learning rates, and what the notebook printed at the end of its one run."""

    x: float
    y: float
    printed: tuple[float, float]
    """x and y."""
    norm: float


CASES = {
    "fast": Rates(0.01, 0.01, (0.7935, 0.0128), 0.7936),
    "slow": Rates(0.001, 0.001, (-0.0032, -0.0097), 0.0102),
    "TTUR-x": Rates(1e-4, 0.01, (-0.0005, -0.0958), 0.0958),
    "TTUR-y": Rates(0.01, 1e-4, (0.0235, -0.1406), 0.1425),
}


def play(rates: Rates, repeats: int, seed: int) -> tuple[Array, Array]:
    """(steps + 1, repeats) of x and of y, on f = (1 + x^2)(100 - y^2), x down and y up.

    Each gradient has standard normal noise.
    """
    random = np.random.default_rng(seed)
    x, y = (np.full((STEPS + 1, repeats), start) for start in START)
    for i in range(STEPS):
        noise = random.standard_normal((2, repeats))
        by_x, by_y = 2 * x[i] * (100 - y[i] ** 2), -2 * y[i] * (1 + x[i] ** 2)
        x[i + 1] = x[i] - rates.x * (by_x + noise[0])
        y[i + 1] = y[i] + rates.y * (by_y + noise[1])
    return x, y


def stationary(rate: float, curvature: float) -> float:
    """Variance of z -> (1 - rate curvature) z + rate noise, in the end."""
    return rate**2 / (1 - (1 - rate * curvature) ** 2)


def run(budget: Budget, seed: int) -> Result:
    """Where each pair of learning rates ends, over many seeds."""
    measured, series = {}, {}
    for name, rates in CASES.items():
        x, y = play(rates, REPEATS[budget], seed_of("saddle", seed, name))
        measured[f"norm, {name}"] = Measured.of(np.hypot(x[-1], y[-1]).tolist())
        measured[f"y, {name}"] = Measured.of(y[-1].tolist())
        measured[f"y^2, {name}"] = Measured.of(np.square(y[-1]).tolist())
        for letter, path in (("x", x), ("y", y)):
            kept = np.concatenate([path[:SHOWN, 0], path[SHOWN::10, 0]])
            series[f"{name}/{letter}"] = kept.tolist()
    return Result(measured, series)


def draw(result: Result) -> "Figure":
    """A path of each pair of rates over the saddle, and where all ended beside the printed ends."""
    figure = canvas(2)
    left, right = figure.axes
    for i, (name, colour) in enumerate(zip(CASES, COLOURS, strict=False)):
        x, y = result.series[f"{name}/x"], result.series[f"{name}/y"]
        left.plot(x, y, color=colour, linewidth=0.5, alpha=0.8, label=name)
        ends = result.measured[f"norm, {name}"].repeats
        right.plot([i] * len(ends), ends, "_", color=colour, markersize=14, alpha=0.5)
        right.plot([i], [CASES[name].norm], "D", color=PAPER, fillstyle="none", markersize=9)
    left.plot([0], [0], "+", color=THEORY, markersize=12)
    left.set(xlabel="x", ylabel="y", title="A run of each, the saddle at the cross")
    left.legend(fontsize=8)
    right.set_xticks(range(len(CASES)), list(CASES))
    right.set(yscale="log", ylabel="distance from the saddle", title="Ends; diamonds: printed")
    return figure


_NOTEBOOK = "output of ttur_example_saddle.ipynb in the authors' repository"
EXPERIMENT = Experiment(
    name="heusel2017-ttur-saddle",
    citation="Heusel, Ramsauer, Unterthiner, Nessler & Hochreiter 2017, GANs Trained by a Two "
    "Time-Scale Update Rule Converge to a Local Nash Equilibrium",
    claim="On a noisy saddle a fast common learning rate does not come to rest at the saddle, "
    "while a slow one, or a slow one for one player alone, does.",
    protocol="f = (1 + x^2)(100 - y^2) from (.5, -.4), x descends and y ascends, standard normal "
    "noise on each gradient, 5,000 steps, four pairs of learning rates, as in the authors' "
    "notebook. It printed the end of one run of each, so that its numbers are held to the spread "
    "of our runs. The variances of y at rest follow from the linear recursion.",
    published=(
        *(
            Published(
                f"norm, {name}",
                f"distance from the saddle, {name} ({rates.x:g} for x, {rates.y:g} for y)",
                "same protocol",
                "confirmed",
                rates.norm,
                source=_NOTEBOOK,
            )
            for name, rates in CASES.items()
        ),
        Published(
            "y, TTUR-y",
            "where y is on its slow way, TTUR-y",
            "same protocol",
            "confirmed",
            CASES["TTUR-y"].printed[1],
            source=_NOTEBOOK,
        ),
        *(
            Published(
                f"y^2, {name}",
                f"mean y^2 at rest, {name}",
                "same protocol",
                "derived",
                stationary(CASES[name].y, 2.0),
                error=0.0,
                source="y -> (1 - 2 h) y + h noise",
            )
            for name in ("slow", "TTUR-x")
        ),
        Published(
            "norm, fast",
            "a fast rate ends further away than a slow one",
            "scaled",
            "confirmed",
            None,
            above="norm, slow",
            source=_NOTEBOOK,
        ),
        Published(
            "norm, fast",
            "a fast rate ends further away than with a slow one for x",
            "scaled",
            "confirmed",
            None,
            above="norm, TTUR-x",
            source=_NOTEBOOK,
        ),
    ),
    seconds={"small": 1, "default": 1, "full": 1},
    run=run,
    draw=draw,
)
