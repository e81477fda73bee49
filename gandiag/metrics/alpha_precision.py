"""Alpha-precision and beta-recall: against the most typical parts of each distribution."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks, check_count
from gandiag.metrics.intervals import Z
from gandiag.metrics.jackknife import JACKKNIFE, deviation, groups_of
from gandiag.metrics.neighbours import (
    all_distances,
    bounded_squares,
    k_nearest,
    within,
)
from gandiag.metrics.tiles import tiles
from gandiag.statistics import Statistic

CLEAR = 4
"""Deviations below 1 from which on alpha-precision has an interval."""


class AlphaCurves(NamedTuple):
    """Shares of one set in the parts of the other."""

    levels: Tensor
    """(L,) float64: alpha and beta, from 0 to 1."""
    precision: Tensor
    """(L,) float64: generated rows in the part of the real distribution that holds alpha of it."""
    recall: Tensor
    """(L,) float64: real rows near a generated row of the part that holds beta of these."""

    @property
    def alpha_precision(self) -> float:
        """1 - 2 integral |P(alpha) - alpha|, in [0, 1]; 1 for equal distributions."""
        return float(_integrated(self.precision))

    @property
    def beta_recall(self) -> float:
        """1 - 2 integral |R(beta) - beta|, in [0, 1]."""
        return float(_integrated(self.recall))


def alpha_beta_curves(*, real: Rows, generated: Rows, levels: int = 30) -> AlphaCurves:
    """The curves of Alaa et al. 2022, section 2 and 4, on the features as they are.

    The part of the real distribution that holds alpha of it is a ball about the mean of the real
    rows, out to the alpha quantile of their distances to it. P(alpha) is the share of generated
    rows in it. The part of the generated one is had likewise, and R(beta) is the share of real rows
    that have a generated row of that part no further off than their nearest other real row.

    They embed rows by a one-class network first, whose centre they take: here the features are the
    embedding. Their code looks, for each real row, at the one nearest generated row only, so that a
    row of the part does not count where one outside is nearer. And it sums over 30 levels in the
    place of the integral, which is had by trapezia here: a last digit, but of sets without anything
    in common, where the sum is below 0.

    Args:
        real: (n, width), n >= 2.
        generated: (m, width), m >= 1.
        levels: of alpha and beta, evenly from 0 to 1.

    Raises:
        GandiagError: too few rows or levels, widths that differ, NaN or infinities.
    """
    real, generated = as_pair(real, generated, least=1)
    check_count("real", len(real), 2)
    found = _Parts(real, generated, levels)
    return AlphaCurves(
        torch.linspace(0, 1, levels, dtype=torch.float64), found.precision(), found.recall()
    )


def _integrated(curve: Tensor) -> Tensor:
    levels = torch.linspace(0, 1, len(curve), dtype=torch.float64, device=curve.device)
    return 1 - 2 * torch.trapezoid((curve - levels).abs(), dx=1 / (len(curve) - 1))


def _quantiles(values: Tensor, levels: int) -> Tensor:
    """(n,) => (levels,), linear between order statistics and exactly these where it hits them."""
    ordered = values.sort().values
    places = torch.arange(levels, device=values.device) * (len(values) - 1)
    below, rest = places // (levels - 1), places % (levels - 1)
    above = (below + 1).clamp(max=len(values) - 1)
    return torch.where(
        rest > 0,
        torch.lerp(ordered[below], ordered[above], rest.double() / (levels - 1)),
        ordered[below],
    )


def _shares(values: Tensor, radii: Tensor) -> Tensor:
    """(L,) the share of values within each radius."""
    return (values[:, None] <= radii).double().mean(dim=0)


def _from_mean(rows: Tensor, of: Tensor) -> Tensor:
    """(n, width) => (n,) distances to the mean of `of`."""
    centre = of.mean(dim=0, dtype=torch.float64)
    return torch.cat([all_distances(rows[i], centre[None])[:, 0] for i in tiles(len(rows))])


class _Parts:
    """What both curves are counted from."""

    def __init__(self, real: Tensor, generated: Tensor, levels: int) -> None:
        if levels < 2:
            raise GandiagError(f"alpha needs at least two levels, got {levels}")
        self.real, self.generated, self.levels = real, generated, levels
        self.radii = _from_mean(generated, generated)
        self.off = _from_mean(generated, real)

    def precision(self) -> Tensor:
        """The curve."""
        return _shares(self.off, _quantiles(_from_mean(self.real, self.real), self.levels))

    def recall(self) -> Tensor:
        """The curve."""
        return _shares(self._typical(), _quantiles(self.radii, self.levels))

    def _typical(self) -> Tensor:
        """Of each real row, how typical the most typical generated row in its ball is."""
        own = k_nearest(self.real, 1)[:, 0]
        typical = self.radii.new_full((len(self.real),), math.inf)
        centre = self.real.mean(dim=0, dtype=torch.float64)
        for i in tiles(len(self.real)):
            for j in tiles(len(self.generated)):
                x, y = self.real[i], self.generated[j]
                sizes, products, error = bounded_squares(x, y, centre)
                lower, upper = sizes * (1 - error) - products, sizes * (1 + error) - products
                inside = within(lower, upper, own[i, None], x, y, "<=")
                levels = torch.where(inside, self.radii[j], math.inf)
                typical[i] = torch.minimum(typical[i], levels.amin(dim=1))
        return typical

    def deviation(self) -> float:
        """Of alpha-precision, by leaving groups of either set out."""
        mine, theirs = (groups_of(len(x)).to(x.device) for x in (self.real, self.generated))
        ours = []
        for group in range(int(mine.max()) + 1):
            left = self.real[mine != group]
            radii = _quantiles(_from_mean(left, left), self.levels)
            ours.append(_integrated(_shares(_from_mean(self.generated, left), radii)))
        radii = _quantiles(_from_mean(self.real, self.real), self.levels)
        others = [
            _integrated(_shares(self.off[theirs != group], radii))
            for group in range(int(theirs.max()) + 1)
        ]
        return deviation(torch.stack(ours), torch.stack(others))


@dataclass(frozen=True)
class AlphaPrecision(Metric):
    """Integrated alpha-precision and beta-recall, after Alaa et al. 2022.

    Alpha-precision of equal distributions is near 1: it asks whether the samples lie as far from
    the mean real image as real images do, and says little more. Near 1 it has no interval, for
    there it is 1 less an absolute value, whose spread is far from normal. Beta-recall of equal
    distributions is far from 1, as real images have no sample nearer than a real one half of the
    time; what held-out real images give is to be read beside it. It has no interval: one by leaving
    images out is up to half too wide, for that moves nearest neighbours more than drawing anew
    does. The third number of the paper is `Authenticity`.
    """

    name: ClassVar[str] = "alpha"
    summary: ClassVar[str] = "Alpha-precision, beta-recall: how typical samples are, and of what"
    outputs: ClassVar[Mapping[str, Better]] = {"alpha_precision": "higher", "beta_recall": "higher"}

    levels: int = 30

    def __post_init__(self) -> None:
        if self.levels < 2:
            raise GandiagError(f"alpha needs at least two levels, got {self.levels}")

    def minimum(self, role: Role) -> int:
        """A real image needs another, and of one sample nothing is left to see how it varies."""
        return 2

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=``, ``generated=`` => the two."""
        real, generated = banks(self, statistics)
        parts = _Parts(real, generated, self.levels)
        return {
            "alpha_precision": _score(float(_integrated(parts.precision())), parts.deviation()),
            "beta_recall": Score(
                float(_integrated(parts.recall())),
                method="no interval: without some images nearest ones move more than in new draws",
            ),
        }

    def each(self, **statistics: Statistic) -> dict[str, Tensor]:
        """``alpha``: the share of real images no further from their mean than the sample is."""
        real, generated = banks(self, statistics)
        own = _from_mean(real, real).sort().values
        inside = torch.searchsorted(own, _from_mean(generated, real), right=True)
        return {"alpha": inside.double() / len(real)}


def _score(value: float, deviation: float) -> Score:
    if value > 1 - CLEAR * deviation:
        return Score(value, method="no interval: too near to 1, where its spread is not normal")
    return Score(
        value,
        low=max(0.0, value - Z * deviation),
        high=min(1.0, value + Z * deviation),
        method=f"normal, with the deviation of {JACKKNIFE}",
    )
