"""The birthday paradox: how many different images a generator can make, from near-copies."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_rows, banks, check_count
from gandiag.metrics.intervals import Z
from gandiag.metrics.neighbours import bounded_squares, k_nearest, within
from gandiag.metrics.tiles import tiles
from gandiag.metrics.unjudged import TOO_NARROW
from gandiag.statistics import Statistic

LEAST = 200
"""Samples for an interval: of fewer, uneven ones leave it too short (89 % at 50)."""
FOUND = 10
"""Near-copies for an interval: of fewer, the mean of pairs over near-copies is that of its rarest
draws (four to five found: held in 87 %)."""
NONE_FOUND = 3.0
"""-log .05: with so many pairs expected, none is found once in twenty times."""


class Collisions(NamedTuple):
    """Near-copies among samples."""

    degrees: Tensor
    """(s,) int64: how many others each sample is a near-copy of."""

    @property
    def copies(self) -> int:
        """Pairs of near-copies."""
        return int(self.degrees.sum()) // 2

    @property
    def pairs(self) -> int:
        """All pairs."""
        return len(self.degrees) * (len(self.degrees) - 1) // 2

    @property
    def support(self) -> float:
        """Pairs over near-copies, an estimate of 1 / sum p^2; at least pairs / 3 if there are none.

        Of a uniform distribution over S images that is S. Of any other it is less than the number
        of images: rare ones hardly count.
        """
        return self.pairs / self.copies if self.copies else max(1.0, self.pairs / NONE_FOUND)

    @property
    def deviation(self) -> float:
        """Of the log of `support`: the U-statistic's, from the degrees and from the pairs.

        Degrees vary also because each is a sum over few others, which the pairs' part holds
        already: it is taken off.
        """
        count = len(self.degrees)
        rate = self.copies / self.pairs
        spread = float((self.degrees.double() / (count - 1)).var(correction=0))
        first = max(0.0, spread - rate * (1 - rate) / (count - 1))
        variance = 4 * first / count + rate * (1 - rate) / self.pairs
        return math.sqrt(variance) / rate


def collisions(rows: Rows, threshold: float) -> Collisions:
    """Pairs of rows at most `threshold` apart (Arora, Risteski & Zhang 2018, where people judged).

    Args:
        rows: (s, width), s >= 2.
        threshold: a distance; 0 for exact copies.

    Raises:
        GandiagError: fewer than two rows, NaN or infinities.
    """
    rows = as_rows(rows, "rows")
    check_count("rows", len(rows), 2)
    degrees = torch.zeros(len(rows), dtype=torch.int64, device=rows.device)
    centre = rows.mean(dim=0, dtype=torch.float64)
    for i in tiles(len(rows)):
        radii = torch.full((len(rows[i]), 1), threshold, dtype=torch.float64, device=rows.device)
        for j in tiles(len(rows)):
            x, y = rows[i], rows[j]
            sizes, products, error = bounded_squares(x, y, centre)
            lower, upper = sizes * (1 - error) - products, sizes * (1 + error) - products
            degrees[i] += within(lower, upper, radii, x, y, "<=").sum(dim=1)
    return Collisions((degrees - 1).cpu())  # each is 0 from itself


def closeness(real: Rows, quantile: float = 0.01) -> float:
    """A distance that so small a share of real rows have to their nearest other one.

    Args:
        real: (n, width), n >= 2.
        quantile: the share.

    Raises:
        GandiagError: fewer than two rows, NaN or infinities.
    """
    nearest = k_nearest(real, 1)[:, 0]
    return float(torch.quantile(nearest[: 1 << 23], quantile, interpolation="lower"))


@dataclass(frozen=True)
class Birthday(Metric):
    """Support size by the birthday paradox, after Arora, Risteski & Zhang 2018.

    Two samples are near-copies when they are no further apart than the closest hundredth of the
    real images are from their nearest neighbours. The same number for real images stands beside
    it: it is finite because real images too have near-copies by that rule. The two are to be
    compared. Of distributions without copies, such as points of a mixture, alone it says nothing: a
    generator that fell to one of eight equal modes has an eighth of the real points' number, which
    may well be in the thousands.
    """

    name: ClassVar[str] = "birthday"
    summary: ClassVar[str] = "support size by the birthday paradox: few near-copies, many images"
    outputs: ClassVar[Mapping[str, Better]] = {"support": "higher"}

    threshold: float | None = None
    """The distance of near-copies; None to take `quantile` of the real ones'."""
    quantile: float = 0.01

    def minimum(self, role: Role) -> int:
        """A pair."""
        return 2

    def unjudged(self) -> Mapping[str, str]:
        """All of it."""
        return dict.fromkeys(self.outputs, TOO_NARROW)

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` => ``support``."""
        real, generated = banks(self, statistics)
        near = closeness(real, self.quantile) if self.threshold is None else self.threshold
        found = collisions(generated, near)
        extra = {
            "pairs": float(found.copies),
            "of real images": collisions(real, near).support,
            "distance": near,
        }
        if not found.copies:
            method = "no interval: no pair was found, and the value is the lower end at 95 %"
            return {"support": Score(found.support, method=method, extra=extra)}
        if len(generated) < LEAST or found.copies < FOUND:
            what = (
                f"{LEAST} generated images"
                if len(generated) < LEAST
                else f"{FOUND} pairs, and {found.copies} were found"
            )
            method = f"no interval: it would not hold for fewer than {what}"
            return {"support": Score(found.support, method=method, extra=extra)}
        factor = math.exp(Z * min(found.deviation, 100.0))
        return {
            "support": Score(
                found.support,
                low=min(found.support, max(1.0, found.support / factor)),
                high=found.support * factor,
                method="delta method over generated images, the distance fixed; to be read beside "
                "that of real images, which the same distance gives",
                extra=extra,
            )
        }
