"""C_T: do samples lie closer to the training images than unseen real images do?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, banks
from gandiag.metrics.intervals import Z
from gandiag.metrics.neighbours import k_nearest
from gandiag.metrics.sets import as_sets
from gandiag.statistics import Bank, Statistic

LEAST = 20
"""Held-out and generated rows for a cell, on average; and generated rows for one that counts."""


class Copying(NamedTuple):
    """What `data_copying` found."""

    value: float
    """C_T: below 0 the generated rows lie closer to the training rows than held-out ones do."""
    deviation: float
    """Of C_T over draws of held-out and of generated rows, the training rows and cells fixed."""
    null: float
    """The same if both were of one distribution within each cell: exact, given the counts."""
    cells: int
    """How many cells counted."""
    share: float
    """Of the held-out rows, those in cells that counted."""

    @property
    def z(self) -> float:
        """C_T in deviations of no difference: about N(0, 1) without copying."""
        return self.value / self.null if self.null else 0.0


def data_copying(
    *, real: Rows, heldout: Rows, generated: Rows, cells: int = 3, seed: int = 0
) -> Copying:
    """The three-sample test for copying of training data (Meehan et al. 2020, section 3).

    For each cell of a K-means partition of the training rows, the Mann-Whitney U of the distances
    to the nearest training row counts the pairs where a generated row is the farther one, and Z is
    U less its mean under no difference, over its deviation. C_T is the mean of Z over the cells,
    weighted by the held-out rows in each; cells with fewer than 20 generated rows are left out.

    Departures: the nearest row is sought among all training rows, where the authors' code looks at
    those of the cell; ties count a half and shrink the deviation, where it corrects for neither;
    and all dimensions are used, where copies of it first take 64 principal components.

    C_T itself is no standard normal: a mean of K independent Z has deviation 1 / sqrt(K) if the
    cells are alike. `Copying.z` is in units of that.

    Args:
        real: (l, width), the training rows, l >= 1.
        heldout: (n, width), real rows that were not trained on.
        generated: (m, width).
        cells: of the partition, at most; fewer where held-out or generated rows would be fewer
            than 20 a cell. Where none counts, all rows are one cell.
        seed: of K-means.

    Raises:
        GandiagError: no row, fewer than one cell, widths that differ, NaN or infinities.
    """
    if cells < 1:
        raise GandiagError(f"C_T needs at least one cell, got {cells}")
    real, heldout, generated = as_sets(
        {"real": real, "heldout": heldout, "generated": generated},
        {"real": 1, "heldout": 1, "generated": 1},
    )
    d = [k_nearest(each, 1, among=real)[:, 0].cpu().numpy() for each in (heldout, generated)]
    most = max(1, min(cells, len(heldout) // LEAST, len(generated) // LEAST))
    places = _cells(real, (heldout, generated), most, seed)
    counts = [np.bincount(each, minlength=most) for each in places]
    counted = np.flatnonzero((counts[0] > 0) & (counts[1] >= LEAST))
    if not len(counted):
        places, counted = [np.zeros_like(each) for each in places], np.array([0])
    tests = [
        _rank_test(*(e[p == cell] for e, p in zip(d, places, strict=True))) for cell in counted
    ]
    n = np.array([len(each.heldout) for each in tests], dtype=float)
    z = np.array([each.z for each in tests])
    value = float(n @ z / n.sum())
    slopes = [np.zeros(len(each)) for each in d]
    for cell, test, weight in zip(counted, tests, n / n.sum(), strict=True):
        slopes[0][places[0] == cell] = weight * test.heldout + (test.z - value) / n.sum()
        slopes[1][places[1] == cell] = weight * test.generated
    deviation = math.sqrt(sum(float(((s - s.mean()) ** 2).sum()) for s in slopes))
    known = np.array([each.known for each in tests])
    null = math.sqrt(float(((n * known) ** 2).sum())) / float(n.sum())
    return Copying(value, deviation, null, len(tests), float(n.sum()) / len(heldout))


def _cells(real: Tensor, others: tuple[Tensor, ...], count: int, seed: int) -> list[np.ndarray]:
    """The cell of each row of the others, in a partition of the real rows whatever their order."""
    if count == 1:
        return [np.zeros(len(each), dtype=np.int64) for each in others]
    from sklearn.cluster import KMeans  # it takes a second

    distinct, weights = np.unique(real.cpu().double().numpy(), axis=0, return_counts=True)
    means = KMeans(min(count, len(distinct)), n_init=1, random_state=seed)
    means.fit(distinct, sample_weight=weights)
    return [means.predict(np.ascontiguousarray(e.cpu().double().numpy())) for e in others]


class _RankTest(NamedTuple):
    """Mann-Whitney's test in a cell, and how it would change with the weight of each row."""

    z: float
    known: bool
    """Whether the deviation is above 0: not all distances are equal."""
    heldout: np.ndarray
    """(n,) derivative of z by the weight of each held-out row."""
    generated: np.ndarray
    """(m,) the same of the generated."""


def _rank_test(heldout: np.ndarray, generated: np.ndarray) -> _RankTest:
    """(n,), (m,) distances => z, above 0 where generated rows are the farther ones."""
    n, m = len(heldout), len(generated)
    farther = _below(generated, heldout)  # (m,) held-out rows nearer than each generated one
    nearer = m - _below(heldout, generated)  # (n,) generated rows farther than each held-out one
    ties = np.unique(np.concatenate((heldout, generated)), return_counts=True)[1].astype(float)
    total = n + m
    variance = n * m / 12 * (total + 1 - (ties**3 - ties).sum() / (total * max(1, total - 1)))
    if variance <= 1e-9 * n * m:
        return _RankTest(0.0, False, np.zeros(n), np.zeros(m))
    sigma = math.sqrt(variance)
    z = (float(farther.sum()) - n * m / 2) / sigma
    return _RankTest(
        z,
        True,
        (nearer - m / 2) / sigma - z / 2 * (1 / n + 1 / (total + 1)),
        (farther - n / 2) / sigma - z / 2 * (1 / m + 1 / (total + 1)),
    )


def _below(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """(len(values),) how many of `among` are below each value; equal ones count a half."""
    ordered = np.sort(among)
    left, right = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return np.asarray((left + right) / 2)


@dataclass(frozen=True)
class CT(Metric):
    """C_T, after Meehan et al. 2020: below 0 for copies of training images, above 0 for underfit.

    Best is 0, so that more is better up to there only. Unseen real images must not be among the
    training images. The size of C_T grows with the root of the counts: compare at equal counts.
    """

    name: ClassVar[str] = "ct"
    summary: ClassVar[str] = "C_T: below 0 if samples copy training images; needs --heldout"
    outputs: ClassVar[Mapping[str, Better]] = {"ct": "higher"}
    accepts: ClassVar[Mapping[Role, tuple[type[Statistic], ...]]] = {
        "real": (Bank,),
        "heldout": (Bank,),
        "generated": (Bank,),
    }

    cells: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.cells < 1:
            raise GandiagError(f"C_T needs at least one cell, got {self.cells}")

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, heldout=, generated=`` => ``ct``."""
        real, heldout, generated = banks(self, statistics)
        found = data_copying(
            real=real, heldout=heldout, generated=generated, cells=self.cells, seed=self.seed
        )
        half = Z * found.deviation
        return {
            "ct": Score(
                found.value,
                low=found.value - half,
                high=found.value + half,
                method="delta method over held-out and generated images, the training images and "
                "cells fixed; z is in deviations of no difference",
                extra={"z": found.z, "cells": float(found.cells), "held-out share": found.share},
            )
        }
