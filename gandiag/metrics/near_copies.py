"""Near-copies: samples that lie closer to a real image than real images lie to each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Pair, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks, check_count
from gandiag.metrics.intervals import clopper_pearson
from gandiag.metrics.neighbours import distances, k_nearest
from gandiag.metrics.tiles import tiles
from gandiag.statistics import Statistic

SHOWN = 12
"""Closest pairs that a report shows."""


def near_copies(*, real: Rows, generated: Rows, quantile: float = 0.01) -> Tensor:
    """Which generated rows are within a small distance of a real row.

    The distance is the `quantile` of the distances of real rows to their nearest others: the
    smallest that this share of the real rows does not exceed. Exact copies are at exactly 0, and
    are always among them.

    Args:
        real: (n, width), n >= 2.
        generated: (m, width), m >= 1.
        quantile: in (0, 1].

    Returns:
        (m,) bool, on the device of `real`.

    Raises:
        GandiagError: too few rows, widths that differ, NaN or infinities, or no such quantile.
    """
    real, generated = as_pair(real, generated, least=1)
    check_count("real", len(real), 2)
    return k_nearest(generated, 1, among=real)[:, 0] <= _quantile(k_nearest(real, 1), quantile)


def _quantile(values: Tensor, share: float) -> float:
    """The smallest of the values that at least this share of them does not exceed."""
    if not 0 < share <= 1:
        raise GandiagError(f"the quantile must be in (0, 1], got {share}")
    ordered = values.flatten().sort().values
    # A last digit too many in share * n must not move it to the next.
    return float(ordered[max(0, -int(-(share * len(ordered) - 1e-9) // 1) - 1)])


def closest_pairs(*, real: Rows, generated: Rows, count: int = SHOWN) -> tuple[Pair, ...]:
    """The generated rows that are nearest to a real row, each with that row, the closest first.

    Of equally near ones the first is taken.

    Args:
        real: (n, width), n >= 1.
        generated: (m, width), m >= 1.
        count: how many; fewer where there are fewer generated rows.

    Raises:
        GandiagError: no row, widths that differ, NaN or infinities.
    """
    real, generated = as_pair(real, generated, least=1)
    return _closest(real, generated, k_nearest(generated, 1, among=real)[:, 0], count)


def _closest(real: Tensor, generated: Tensor, reach: Tensor, count: int) -> tuple[Pair, ...]:
    order = reach.argsort(stable=True)[: max(0, count)]
    chosen = generated[order]
    least = torch.full((len(order),), torch.inf, dtype=torch.float64, device=real.device)
    place = torch.zeros(len(order), dtype=torch.int64, device=real.device)
    for i in tiles(len(real)):
        found, index = distances(chosen, real[i]).min(dim=1)
        better = found < least
        least = torch.where(better, found, least)
        place = torch.where(better, index + i.start, place)
    rows = zip(order.tolist(), place.tolist(), least.tolist(), strict=True)
    return tuple(Pair(*row) for row in rows)


@dataclass(frozen=True)
class NearCopies(Metric):
    """The share of samples that are closer to a real image than nearly all real images are.

    By construction about `quantile` of the real images are so close to another one; that of unseen
    real images is known where held-out ones are given. `within`, a distance in the features, takes
    the place of the quantile.
    """

    name: ClassVar[str] = "near_copies"
    summary: ClassVar[str] = "Share of samples nearer to a real image than reals are to each other"
    outputs: ClassVar[Mapping[str, Better]] = {"near_copies": "lower"}

    quantile: float = 0.01
    within: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.quantile <= 1:
            raise GandiagError(f"the quantile must be in (0, 1], got {self.quantile}")
        if self.within is not None and not self.within >= 0:
            raise GandiagError(f"within is a distance of at least 0, got {self.within}")

    def minimum(self, role: Role) -> int:
        """A real image needs another."""
        return 2 if role == "real" else 1

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` => ``near_copies``, with the closest pairs."""
        real, generated = banks(self, statistics)
        own = k_nearest(real, 1)[:, 0]
        reach = k_nearest(generated, 1, among=real)[:, 0]
        limit = _quantile(own, self.quantile) if self.within is None else self.within
        hits = int((reach <= limit).sum())
        low, high = clopper_pearson(hits, len(reach))
        return {
            "near_copies": Score(
                hits / len(reach),
                low,
                high,
                method="Clopper-Pearson over generated images, the real ones and the distance "
                "fixed; to be read beside that of real images, each judged by the others",
                extra={
                    "of real images": int((own <= limit).sum()) / len(own),
                    "exact": float((reach == 0).sum()),
                    "within": limit,
                },
                pairs=_closest(real, generated, reach, SHOWN),
            )
        }

    def each(self, **statistics: Statistic) -> dict[str, Tensor]:
        """``nearest_real``: the distance of each sample to the nearest real image."""
        real, generated = banks(self, statistics)
        return {"nearest_real": k_nearest(generated, 1, among=real)[:, 0]}
