"""Realism and rarity: how well single samples fit among the real images."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import ClassVar

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Placed, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks, check_count
from gandiag.metrics.intervals import Z
from gandiag.metrics.neighbours import (
    SPARE,
    all_distances,
    bounded_squares,
    distances,
    k_nearest,
    within,
)
from gandiag.metrics.tiles import tiles
from gandiag.metrics.unjudged import TOO_WIDE
from gandiag.statistics import Statistic

SHOWN = 10
"""Of the most and of the least realistic samples."""


def realism(*, real: Rows, generated: Rows, k: int = 3) -> Tensor:
    """Of each generated row, the largest of radius / distance over real balls.

    Kynkäänniemi et al. 2019, section 5: a real row's ball reaches to its k-th nearest other real
    row, and the half of the balls with larger radii is left out, for those lie where rows are few.
    At least 1 says that the sample lies in one of the balls that are left.

    Distances are exact in float64, and no N x N array is made.

    Args:
        real: (n, width), n > k.
        generated: (m, width), m >= 1.
        k: the neighbour that a ball reaches to.

    Returns:
        (m,) float64 >= 0 on the device of `real`: infinity of a copy of a real row, but 1 where
        that row's own ball has the radius 0.

    Raises:
        GandiagError: too few rows, widths that differ, NaN or infinities.
    """
    real, generated = _checked(real, generated, k)
    balls = _Balls.of(real, k_nearest(real, k)[:, -1])
    return balls.realism(generated)


def rarity(*, real: Rows, generated: Rows, k: int = 3) -> Tensor:
    """Of each generated row, the smallest radius of the real balls that hold it.

    Han et al. 2023, definition 2: the larger, the fewer real rows are like the sample. The balls
    are open, as in the authors' code, and none is left out. Memory as for `realism`.

    Args:
        real: (n, width), n > k.
        generated: (m, width), m >= 1.
        k: the neighbour that a ball reaches to.

    Returns:
        (m,) float64 > 0 on the device of `real`, in the unit of the features; NaN of rows that no
        ball holds.

    Raises:
        GandiagError: too few rows, widths that differ, NaN or infinities.
    """
    real, generated = _checked(real, generated, k)
    return _rarity(real, k_nearest(real, k)[:, -1], generated)


def _checked(real: Rows, generated: Rows, k: int) -> tuple[Tensor, Tensor]:
    if k < 1:
        raise GandiagError(f"k must be at least 1, got {k}")
    real, generated = as_pair(real, generated, least=1)
    check_count("real", len(real), k + 1)
    return real, generated


def _rarity(real: Tensor, radii: Tensor, generated: Tensor) -> Tensor:
    smallest = torch.full((len(generated),), math.inf, dtype=torch.float64, device=real.device)
    centre = real.mean(dim=0, dtype=torch.float64)
    for i in tiles(len(real)):
        for j in tiles(len(generated)):
            x, y, radius = real[i], generated[j], radii[i, None]
            sizes, products, error = bounded_squares(x, y, centre)
            lower, upper = sizes * (1 - error) - products, sizes * (1 + error) - products
            exact = cache(partial(all_distances, x, y))
            inside = within(lower, upper, radius, x, y, "<", exact)
            held = torch.where(inside, radius, math.inf).amin(dim=0)
            smallest[j] = torch.minimum(smallest[j], held)
    return smallest.masked_fill_(smallest.isinf(), math.nan)


@dataclass(frozen=True, eq=False)
class _Balls:
    """The half of the real balls whose radii are smaller."""

    rows: Tensor
    """(b, width), their centres."""
    places: Tensor
    """(b,) int64, which rows of the whole set these are."""
    radii: Tensor
    """(b,) float64."""
    wider: Tensor
    """(b,) float64, the radius that a ball has without a row that lies in it; -1 where it is then
    among the larger half."""

    @classmethod
    def of(cls, real: Tensor, radii: Tensor, wider: Tensor | None = None) -> "_Balls":
        """Balls of all rows, and what those would be without one of the rows in them."""
        middle = radii.median()
        places = (radii <= middle).nonzero()[:, 0]
        wider = radii if wider is None else wider.masked_fill(wider > middle, -1)
        return cls(real[places], places, radii[places], wider[places])

    def realism(self, rows: Tensor, itself: Tensor | None = None) -> Tensor:
        """(m, width) => (m,); with `itself`, (m,) int64, the row of that number is left out."""
        centre = self.rows.mean(dim=0, dtype=torch.float64)
        found = [
            self._of_tile(rows[i], centre, None if itself is None else itself[i])
            for i in tiles(len(rows))
        ]
        return torch.cat(found)

    def _of_tile(self, x: Tensor, centre: Tensor, itself: Tensor | None) -> Tensor:
        """Exact among the candidates whose ratios may be the largest; if in doubt among all."""
        least = x.new_full((len(x), 0), 0.0, dtype=torch.float64)
        index = torch.zeros((len(x), 0), dtype=torch.int64, device=x.device)
        for j in tiles(len(self.rows)):
            sizes, products, error = bounded_squares(x, self.rows[j], centre)
            lower = sizes.mul_(1 - error).sub_(products).clamp_(min=0)
            # Never above 1 / ratio^2.
            largest = torch.maximum(self.radii[j], self.wider[j])
            lower = torch.where(
                largest > 0,
                lower / largest.square(),
                torch.where(lower > 0, math.inf, 1.0),
            )
            columns = torch.arange(j.start, j.stop, device=x.device).expand(len(x), -1)
            least, index = torch.cat((least, lower), 1), torch.cat((index, columns), 1)
            least, kept = least.topk(min(1 + SPARE, least.shape[1]), largest=False)
            index = index.gather(1, kept)
        found = x.new_zeros(len(x), dtype=torch.float64)
        for column in index.T:
            near = distances(x[:, None], self.rows[column][:, None])[:, 0, 0]
            found = torch.maximum(found, self._ratios(near, column, itself))
        if index.shape[1] < len(self.rows):
            # A hair's breadth for the rounding of the bound.
            doubtful = found.square() * least[:, -1] < 1 + 1e-12
            unsettled = (doubtful & ~found.isinf()).nonzero()[:, 0]
            for part in tiles(len(unsettled)):
                some = unsettled[part]
                found[some] = self._among_all(x[some], None if itself is None else itself[some])
        return found

    def _among_all(self, x: Tensor, itself: Tensor | None) -> Tensor:
        found = x.new_zeros(len(x), dtype=torch.float64)
        for j in tiles(len(self.rows)):
            near = all_distances(x, self.rows[j])
            columns = torch.arange(j.start, j.stop, device=x.device)
            itself_of = None if itself is None else itself[:, None]
            found = torch.maximum(found, self._ratios(near, columns, itself_of).amax(dim=1))
        return found

    def _ratios(self, near: Tensor, columns: Tensor, itself: Tensor | None) -> Tensor:
        radii = self.radii[columns]
        if itself is not None:
            radii = torch.where(near <= radii, self.wider[columns], radii)
        ratios = torch.where((near == 0) & (radii == 0), 1.0, radii / near)
        return ratios if itself is None else ratios.masked_fill(self.places[columns] == itself, 0)


def _median(values: Tensor) -> tuple[float, float | None, float | None]:
    """And the order statistics that hold the distribution's own in 95 of 100 draws."""
    ordered = values.sort().values
    m = len(ordered)
    middle = float((ordered[(m - 1) // 2] + ordered[m // 2]) / 2)
    # Draws below the median are Binomial(m, 1/2).
    rank = math.floor(m / 2 - Z * math.sqrt(m) / 2 - 0.5)
    if rank < 0:
        return middle, None, None
    return middle, float(ordered[rank]), float(ordered[m - 1 - rank])


def _ends(values: Tensor) -> tuple[tuple[Placed, ...], tuple[Placed, ...]]:
    """The highest of them and the lowest."""
    count = min(SHOWN, len(values) // 2)

    def placed(order: Tensor) -> tuple[Placed, ...]:
        return tuple(map(Placed, order.tolist(), values[order].tolist()))

    highest = values.argsort(descending=True, stable=True)
    # From the other end of the same order, so that no tie is in both.
    return placed(highest[:count]), placed(highest.flip(0)[:count])


@dataclass(frozen=True)
class Realism(Metric):
    """The median realism of generated images, after Kynkäänniemi et al. 2019.

    They give no number of a whole set. The median is taken, not the mean: near-copies of real
    images have any realism up to infinity, and one of them would move the mean at will.

    A perfect generator does not have 1, nor any other number that could be said beforehand. The
    median of real images stands beside it: each is taken out and judged by the others, with the
    balls that those have without it. Below it samples lie far from the real ones; above it they lie
    where real images are dense, or are copies.
    """

    name: ClassVar[str] = "realism"
    summary: ClassVar[str] = "Realism: how near samples are to real images; of each, with rarity"
    outputs: ClassVar[Mapping[str, Better]] = {"realism": "higher"}

    k: int = 3

    def __post_init__(self) -> None:
        if self.k < 1:
            raise GandiagError(f"k must be at least 1, got {self.k}")

    def minimum(self, role: Role) -> int:
        """A real image without one other needs k neighbours."""
        return self.k + 2 if role == "real" else 1

    def unjudged(self) -> Mapping[str, str]:
        """All of it."""
        return dict.fromkeys(self.outputs, TOO_WIDE)

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=``, ``generated=`` => ``realism``, with samples from both ends."""
        real, generated = banks(self, statistics)
        nearest = k_nearest(real, self.k + 1)
        balls = _Balls.of(real, nearest[:, -2], nearest[:, -1])
        each = balls.realism(generated)
        value, low, high = _median(each)
        highest, lowest = _ends(each)
        own = balls.realism(real, itself=torch.arange(len(real), device=real.device))
        how = "order statistics" if low is not None else "no interval: it takes six images"
        return {
            "realism": Score(
                value,
                low,
                high,
                method=f"{how}, over generated images, the real ones fixed; to be read beside that "
                "of real images, each judged by the others",
                extra={"of real images": _median(own)[0]},
                highest=highest,
                lowest=lowest,
            )
        }

    def each(self, **statistics: Statistic) -> dict[str, Tensor]:
        """``realism``, and ``rarity``: NaN of images outside all real balls."""
        real, generated = banks(self, statistics)
        radii = k_nearest(real, self.k)[:, -1]
        return {
            "realism": _Balls.of(real, radii).realism(generated),
            "rarity": _rarity(real, radii, generated),
        }
