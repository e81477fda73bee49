"""Arora, Risteski & Zhang 2018: the support of a generator, from near-copies in a batch."""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gandiag.metrics import collisions
from reference_models.papers.drawing import COLOURS, THEORY, canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.randomness import generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, NOISE, NEAR = 8, 1e-3, 0.05
"""Prototypes are normal points of this width, and copies differ by the noise."""
SUPPORTS = (100, 1000, 10_000)
SIZE = 2000
UNEVEN = 1000
"""Prototypes of the uneven generator, the i-th with a share in proportion to 1 / i."""
REPEATS = {"small": 10, "default": 40, "full": 200}
BATCHES = {"small": 60, "default": 2000, "full": 10_000}
BATCH_SUPPORT = 1000
BATCH_SIZES = (15, 25, 37, 50, 70)


def chance_of_copies(size: int, support: int) -> float:
    """That a batch of `size` holds a pair, uniform over `support`: 1 - prod (1 - i / support)."""
    return 1 - math.exp(sum(math.log1p(-i / support) for i in range(size)))


def shares(support: int) -> Tensor:
    """(support,) float64, in proportion to 1 / i."""
    weights = 1 / torch.arange(1, support + 1, dtype=torch.float64)
    return weights / weights.sum()


def sample(weights: Tensor, size: int, rng: torch.Generator) -> Tensor:
    """(size, width): prototypes by their shares, with a little noise."""
    prototypes = torch.randn(len(weights), WIDTH, generator=rng)
    chosen = torch.multinomial(weights, size, replacement=True, generator=rng)
    return prototypes[chosen] + NOISE * torch.randn(size, WIDTH, generator=rng)


def rates(weights: Tensor, repeats: int, *path: int | str) -> list[float]:
    """Near-copies over pairs, of fresh samples; its mean is sum p^2."""
    rng = generator("birthday", *path)
    found = [collisions(sample(weights, SIZE, rng), NEAR) for _ in range(repeats)]
    return [each.copies / each.pairs for each in found]


def run(budget: Budget, seed: int) -> Result:
    """Supports that are known, and how often batches hold copies."""
    measured = {}
    uniform = {s: torch.full((s,), 1 / s, dtype=torch.float64) for s in SUPPORTS}
    for support, weights in uniform.items():
        found = Measured.of(rates(weights, REPEATS[budget], seed, support))
        measured[f"rate of {support}"] = found
        measured[f"support of {support}"] = Measured(1 / found.value)
    uneven = Measured.of(rates(shares(UNEVEN), REPEATS[budget], seed, "uneven"))
    measured["rate of uneven"] = uneven
    measured["support of uneven"] = Measured(1 / uneven.value)
    for size in BATCH_SIZES:
        rng = generator("birthday", seed, "batch", size)
        hits = []
        for _ in range(BATCHES[budget]):
            rows = sample(uniform[BATCH_SUPPORT], size, rng)
            hits.append(float(collisions(rows, NEAR).copies > 0))
        measured[f"batch of {size}"] = Measured.of(hits)
    return Result(measured)


def draw(result: Result) -> "Figure":
    """The chance of copies against the size of a batch; estimated against true support."""
    figure = canvas(2)
    left, right = figure.axes
    sizes = np.arange(2, 101)
    chance = [chance_of_copies(int(s), BATCH_SUPPORT) for s in sizes]
    left.plot(sizes, chance, color=THEORY, label="birthday paradox")
    ours = [result.measured[f"batch of {size}"] for size in BATCH_SIZES]
    y, error = [each.value for each in ours], [3 * each.error for each in ours]
    left.errorbar(BATCH_SIZES, y, error, fmt="o", color=COLOURS[0], label="ours")
    left.axhline(0.5, color=THEORY, linestyle=":")
    title = f"A generator of {BATCH_SUPPORT:,} images"
    left.set(xlabel="samples in a batch", ylabel="chance of near-copies", title=title)
    left.legend()
    right.plot(SUPPORTS, SUPPORTS, color=THEORY, label="true")
    estimated = [result.measured[f"support of {s}"].value for s in SUPPORTS]
    right.plot(SUPPORTS, estimated, "o", color=COLOURS[0], label="ours, uniform")
    of_uneven = result.measured["support of uneven"].value
    right.plot(
        [1 / float(shares(UNEVEN).square().sum())],
        [of_uneven],
        "s",
        color=COLOURS[1],
        label="ours, uneven",
    )
    right.set(xscale="log", yscale="log", xlabel="1 / sum p^2", ylabel="estimated support")
    right.set(title=f"From {SIZE:,} samples")
    right.legend()
    return figure


_SUM = "the estimate of sum p^2 from pairs is unbiased"
_UNEVEN = float(shares(UNEVEN).square().sum())
EXPERIMENT = Experiment(
    name="arora2018-birthday",
    citation="Arora, Risteski & Zhang 2018, Do GANs learn the distribution? Some Theory and "
    "Empirics",
    claim="If a batch of s samples mostly holds near-copies, the generator makes about s^2 "
    "different images.",
    protocol="The paper looks for near-copies in batches of face GANs, by people's eyes. Ours are "
    "generators whose support is known: prototypes with a little noise, uniform, and with shares "
    "in proportion to 1 / i, of which the estimate is 1 / sum p^2 and not the number of images. "
    "Its counts on CelebA are not compared with.",
    published=(
        *(
            Published(
                f"batch of {size}",
                f"chance of near-copies in a batch of {size}, of {BATCH_SUPPORT:,} images",
                "same protocol",
                "derived",
                chance_of_copies(size, BATCH_SUPPORT),
                error=0.0,
                source="the birthday paradox",
            )
            for size in BATCH_SIZES
        ),
        *(
            Published(
                f"rate of {support}",
                f"near-copies over pairs, of {support:,} images",
                "same protocol",
                "derived",
                1 / support,
                error=0.0,
                source=_SUM,
            )
            for support in SUPPORTS
        ),
        Published(
            "rate of uneven",
            f"near-copies over pairs, of {UNEVEN:,} images with uneven shares",
            "same protocol",
            "derived",
            _UNEVEN,
            error=0.0,
            source=_SUM,
        ),
        *(
            Published(
                f"support of {support}",
                f"estimated support of {support:,} images, within 15 %",
                "exact",
                "derived",
                float(support),
                tolerance=0.15 * support,
                source="200 near-copies in 2,000 samples of 10,000 images: 7 % in one repeat",
            )
            for support in SUPPORTS
        ),
    ),
    seconds={"small": 1, "default": 15, "full": 80},
    run=run,
    draw=draw,
)
