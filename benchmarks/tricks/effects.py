"""What a trick does to the distance: the ratio with it and without, over seeds."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.tricks.cases import Trick, of
from benchmarks.tricks.running import Row, current
from gandiag.metrics.intervals import CONFIDENCE

SEEDS = 10


@dataclass(frozen=True)
class Effect:
    """Of one trick on one data set.

    Attributes:
        trick: which.
        data: a data set.
        ratios: of the distance with it to that without, of the same seed.
        low, high: of their geometric mean, all tricks of the data set together in 95 %.
        modes: mean number of modes with it and without.
    """

    trick: Trick
    data: str
    ratios: tuple[float, ...]
    low: float
    high: float
    modes: tuple[float, float]

    @property
    def ratio(self) -> float:
        """The geometric mean."""
        return math.exp(float(np.mean(np.log(self.ratios))))

    @property
    def verdict(self) -> str:
        """``helps``, ``hurts``, or ``cannot tell``."""
        if self.high < 1:
            return "helps"
        return "hurts" if self.low > 1 else "cannot tell"


def interval(ratios: Sequence[float], comparisons: int) -> tuple[float, float]:
    """Of the geometric mean: Student's t of the logarithms, after Bonferroni."""
    from scipy.special import stdtrit

    logs = np.log(ratios)
    half = stdtrit(len(logs) - 1, 1 - (1 - CONFIDENCE) / 2 / comparisons)
    half *= logs.std(ddof=1) / math.sqrt(len(logs))
    return math.exp(logs.mean() - half), math.exp(logs.mean() + half)


def effects(
    data: str, rows: dict[tuple[str, int], Row], tricks: Sequence[Trick] | None = None
) -> Iterator[Effect]:
    """Of each trick that has all of its runs; the correction is for all of them."""
    tricks = of(data) if tricks is None else tricks
    for trick in tricks:
        found = [[current(r, seed, rows) for seed in range(SEEDS)] for r in trick.recipes(data)]
        if not all(map(all, found)):
            continue
        on, off = ([row for row in each if row] for each in found)
        ratios = tuple(a["distance"] / b["distance"] for a, b in zip(on, off, strict=True))
        modes = float(np.mean([r["modes"] for r in on])), float(np.mean([r["modes"] for r in off]))
        low, high = interval(ratios, len(tricks))
        yield Effect(trick, data, ratios, low, high, modes)
