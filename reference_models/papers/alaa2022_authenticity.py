"""Alaa et al. 2022: authenticity, the share of samples that are no near-copies."""

import itertools
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gandiag.metrics import authenticity
from reference_models.papers.drawing import COLOURS, PAPER, THEORY, canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.randomness import generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IID = {
    1: 1 / 3,
    2: 1 - 6 * math.pi / (8 * math.pi + 3 * math.sqrt(3)),
    3: 1 - 16 / 27,
}
"""Dimensions -> authenticity of samples from the data's own distribution: 1 less the chance that
two points are each other's nearest, of a uniform one without borders."""
N = {"small": 200, "default": 1000, "full": 1000}
MARGIN = 0.25
REPEATS = {"small": 10, "default": 40, "full": 400}
COPIED = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the samples that are copies with a little noise."""
NOISE = 1e-7
WIDE = 64


def without_borders(points: Tensor) -> Tensor:
    """(n, d) in [0, 1) => these and their periodic images within a margin."""
    shifts = itertools.product((0, 1, -1), repeat=points.shape[1])
    # The points themselves come first: the shift of nothing.
    images = torch.cat([points + torch.tensor(each, dtype=points.dtype) for each in shifts])
    near = ((images > -MARGIN) & (images < 1 + MARGIN)).all(dim=1)
    return images[near]


def partly_copied(share: float, dimensions: int, n: int, rng: torch.Generator) -> float:
    """Authenticity where this share of the samples are copies of real points."""
    real = torch.rand(n, dimensions, generator=rng, dtype=torch.float64)
    generated = torch.rand(n, dimensions, generator=rng, dtype=torch.float64)
    copies = round(share * n)
    noise = NOISE * torch.randn(copies, dimensions, generator=rng, dtype=torch.float64)
    generated[:copies] = (real[:copies] + noise) % 1
    return authenticity(real=without_borders(real), generated=generated)


def run(budget: Budget, seed: int) -> Result:
    """Samples of the data's own distribution, copies, and mixtures of both."""
    n, repeats, measured = N[budget], REPEATS[budget], {}
    for dimensions in IID:
        rng = generator("authenticity", seed, dimensions)
        found = [partly_copied(0.0, dimensions, n, rng) for _ in range(repeats)]
        measured[f"iid in {dimensions}"] = Measured.of(found)
    for share in COPIED:
        rng = generator("authenticity", seed, "copied", str(share))
        found = [partly_copied(share, 2, n, rng) for _ in range(repeats)]
        measured[f"copied {share}"] = Measured.of(found)
    rng = generator("authenticity", seed, "wide")
    wide = []
    for _ in range(repeats):
        real, generated, other = (torch.randn(n, WIDE, generator=rng) for _ in range(3))
        wide.append(authenticity(real=real, generated=generated))
    measured["iid, wide"] = Measured.of(wide)
    # Of the last pair: exact copies, and samples from far away.
    measured["exact copies"] = Measured(authenticity(real=real, generated=real))
    measured["far away"] = Measured(authenticity(real=real, generated=other + 100))
    return Result(measured)


def draw(result: Result) -> "Figure":
    """By dimensions, and by the share of copies."""
    figure = canvas(2)
    left, right = figure.axes
    ours = [result.measured[f"iid in {dimensions}"] for dimensions in IID]
    left.plot(list(IID), list(IID.values()), "D", color=PAPER, fillstyle="none", label="theory")
    y, error = [each.value for each in ours], [3 * each.error for each in ours]
    left.errorbar(list(IID), y, error, fmt=".", color=COLOURS[0], label="ours")
    left.axhline(0.5, color=THEORY, linestyle=":", label="a half")
    left.set_xticks(list(IID))
    left.set(xlabel="dimensions", ylabel="authenticity", title="Samples of the data's distribution")
    left.legend()
    ours = [result.measured[f"copied {share}"] for share in COPIED]
    expected = [IID[2] * (1 - share) for share in COPIED]
    right.plot(COPIED, expected, color=THEORY, label="theory: less by the copies' share")
    y, error = [each.value for each in ours], [3 * each.error for each in ours]
    right.errorbar(COPIED, y, error, fmt="o", color=COLOURS[0], label="ours")
    right.set(xlabel="share of copies", ylabel="authenticity", title="In the plane")
    right.legend()
    return figure


EXPERIMENT = Experiment(
    name="alaa2022-authenticity",
    citation="Alaa, van Breugel, Saveliev & van der Schaar 2022, How Faithful is your Synthetic "
    "Data?",
    claim="Authenticity is 0 of a generator that copies its training data and falls in proportion "
    "to the share of copies.",
    protocol="Points uniform on a torus of one to three dimensions, 1,000 real and 1,000 "
    "generated, where the value of a perfect generator is known: not 1, nor a half, but the chance "
    "that a sample and a real point are not each other's nearest. The toy figures of the paper "
    "are not compared with; what is judged follows from its definition. Stein et al. 2023 print "
    "72.23 % for CIFAR-10's test set on DINOv2 features.",
    published=(
        *(
            Published(
                f"iid in {dimensions}",
                f"a perfect generator in {dimensions} dimension{'s' * (dimensions > 1)}",
                "same protocol",
                "derived",
                value,
                error=0.0,
                source="chance that two of the points of a Poisson process are each other's "
                "nearest (Pickard 1982): 2/3, 6 pi / (8 pi + 3 sqrt 3), 16/27",
            )
            for dimensions, value in IID.items()
        ),
        *(
            Published(
                f"copied {share}",
                f"{share:.0%} copies, in the plane",
                "same protocol",
                "derived",
                IID[2] * (1 - share),
                error=0.0,
                source="copies are never authentic",
            )
            for share in COPIED[1:]
        ),
        Published(
            "exact copies",
            "a generator that copies",
            "exact",
            "derived",
            0.0,
            tolerance=0.0,
            source="the definition",
        ),
        Published(
            "far away",
            "samples far from all real points",
            "exact",
            "derived",
            1.0,
            tolerance=0.0,
            source="the definition",
        ),
        Published(
            "iid, wide",
            "a perfect generator of width 64 (theirs: CIFAR-10's test set, DINOv2)",
            "scaled",
            "second-hand",
            0.7223,
            source="Stein et al. 2023, table of the authors' repository",
        ),
        Published(
            "iid, wide",
            "is above that in the plane",
            "scaled",
            "derived",
            None,
            above="iid in 2",
            source="more dimensions, fewer mutual neighbours",
        ),
    ),
    seconds={"small": 1, "default": 80, "full": 800},
    run=run,
    draw=draw,
)
