"""Alpha-precision and beta-recall: against the most typical parts of each distribution."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks, check_count
from gandiag.metrics.intervals import Z
from gandiag.metrics.jackknife import deleted_radii, deviation, groups_of
from gandiag.metrics.neighbours import (
    JACKKNIFE,
    all_distances,
    bounded_squares,
    nearest_rows,
    within,
)
from gandiag.metrics.tiles import tiles
from gandiag.statistics import Statistic


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
    """What both curves are counted from, and what they would be without groups of rows."""

    def __init__(self, real: Tensor, generated: Tensor, levels: int) -> None:
        if levels < 2:
            raise GandiagError(f"alpha needs at least two levels, got {levels}")
        self.real, self.generated, self.levels = real, generated, levels
        self.mine, self.theirs = (
            groups_of(len(rows)).to(real.device) for rows in (real, generated)
        )
        self.radii = _from_mean(generated, generated)
        self._nearest_typical()

    def _nearest_typical(self) -> None:
        """Of each real row, the most typical generated row in its ball, by group of these."""
        nearest = nearest_rows(self.real, self.real, 1, True)
        own = nearest.distances[:, 0]
        deleted = deleted_radii(nearest.candidates, nearest.places, self.mine, 1)
        # One group holds a row's nearest, and without it the ball is wider.
        wider, self.without = deleted.max(dim=1)
        shape = len(self.real), int(self.theirs.max()) + 1
        self.typical = self.radii.new_full(shape, math.inf)
        self.typical_wider = self.radii.new_full((len(self.real),), math.inf)
        centre = self.real.mean(dim=0, dtype=torch.float64)
        for i in tiles(len(self.real)):
            for j in tiles(len(self.generated)):
                x, y = self.real[i], self.generated[j]
                sizes, products, error = bounded_squares(x, y, centre)
                lower, upper = sizes * (1 - error) - products, sizes * (1 + error) - products
                inside = within(lower, upper, own[i, None], x, y, "<=")
                levels = torch.where(inside, self.radii[j], math.inf)
                for group in range(shape[1]):
                    of = self.theirs[j] == group
                    if of.any():
                        least = levels[:, of].amin(dim=1)
                        self.typical[i, group] = torch.minimum(self.typical[i, group], least)
                # For a deviation bounds will do.
                reached = torch.where(upper <= wider[i, None].square(), self.radii[j], math.inf)
                self.typical_wider[i] = torch.minimum(self.typical_wider[i], reached.amin(dim=1))

    def precision(self) -> Tensor:
        """The curve."""
        radii = _quantiles(_from_mean(self.real, self.real), self.levels)
        return _shares(_from_mean(self.generated, self.real), radii)

    def recall(self) -> Tensor:
        """The curve."""
        return _shares(self.typical.amin(dim=1), _quantiles(self.radii, self.levels))

    def deviations(self) -> dict[str, float]:
        """Of the two integrated scores, by leaving groups of either set out."""
        return {
            "alpha_precision": deviation(*self._precisions()),
            "beta_recall": deviation(*self._recalls()),
        }

    def _precisions(self) -> Iterator[Tensor]:
        ours = []
        for group in range(int(self.mine.max()) + 1):
            left = self.real[self.mine != group]
            radii = _quantiles(_from_mean(left, left), self.levels)
            ours.append(_integrated(_shares(_from_mean(self.generated, left), radii)))
        yield torch.stack(ours)
        radii = _quantiles(_from_mean(self.real, self.real), self.levels)
        off = _from_mean(self.generated, self.real)
        yield self._without_theirs(lambda left, _: _shares(off[left], radii))

    def _recalls(self) -> Iterator[Tensor]:
        radii = _quantiles(self.radii, self.levels)
        typical = self.typical.amin(dim=1)
        ours = []
        for group in range(int(self.mine.max()) + 1):
            left = self.mine != group
            now = torch.where(self.without == group, self.typical_wider, typical)[left]
            ours.append(_integrated(_shares(now, radii)))
        yield torch.stack(ours)

        def without(left: Tensor, group: int) -> Tensor:
            others = torch.arange(self.typical.shape[1], device=left.device) != group
            now = self.typical[:, others].amin(dim=1)
            return _shares(now, _quantiles(self.radii[left], self.levels))

        yield self._without_theirs(without)

    def _without_theirs(self, curve: Callable[[Tensor, int], Tensor]) -> Tensor:
        """The score of the curve from the generated rows that are left without each group."""
        groups = range(int(self.theirs.max()) + 1)
        return torch.stack([_integrated(curve(self.theirs != group, group)) for group in groups])


@dataclass(frozen=True)
class AlphaPrecision(Metric):
    """Integrated alpha-precision and beta-recall, after Alaa et al. 2022.

    Alpha-precision of equal distributions is near 1: it asks whether the samples lie as far from
    the mean real image as real images do, and says little more. Beta-recall of equal distributions
    is far from 1, as real images have no sample nearer than a real one half of the time; what
    held-out real images give is to be read beside it, and its interval is up to half too
    wide: leaving rows out moves nearest neighbours more than drawing anew does. The third number
    of the paper is `Authenticity`.
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
        curves = {"alpha_precision": parts.precision(), "beta_recall": parts.recall()}
        deviations = parts.deviations()
        return {name: _score(float(_integrated(curves[name])), deviations[name]) for name in curves}

    def each(self, **statistics: Statistic) -> dict[str, Tensor]:
        """``alpha``: the share of real images no further from their mean than the sample is."""
        real, generated = banks(self, statistics)
        own = _from_mean(real, real).sort().values
        inside = torch.searchsorted(own, _from_mean(generated, real), right=True)
        return {"alpha": inside.double() / len(real)}


def _score(value: float, deviation: float) -> Score:
    return Score(
        value,
        low=max(0.0, value - Z * deviation),
        high=min(1.0, value + Z * deviation),
        method=f"normal, with the deviation of {JACKKNIFE}",
    )
