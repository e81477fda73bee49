"""Authenticity: how many samples are no near-copies of a real image."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import ClassVar

import torch
from torch import Tensor

from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks, check_count
from gandiag.metrics.intervals import clopper_pearson
from gandiag.metrics.neighbours import all_distances, bounded_squares, k_nearest, within
from gandiag.metrics.tiles import tiles
from gandiag.statistics import Bank, Statistic


def authenticity(*, real: Rows, generated: Rows) -> float:
    """The share of generated rows that are `authentic`.

    Args:
        real: (n, width), n >= 2.
        generated: (m, width), m >= 1.

    Returns:
        In [0, 1]: 0 of copies of the real rows, 1 of rows far from all of them.

    Raises:
        GandiagError: as `authentic`.
    """
    found = authentic(real=real, generated=generated)
    return int(found.sum()) / len(found)


def authentic(*, real: Rows, generated: Rows) -> Tensor:
    """Which generated rows are no near-copies of a real one (Alaa et al. 2022).

    Sample j, whose nearest real row is i, is authentic if d(j, i) > d(i, i's nearest other real
    row): strictly, so that it is no copy of a row that has copies either. Where several real rows
    are equally near, it must be so for each of them, which leaves the order of rows without effect.

    This is the paper's definition. The authors' code looks, for each real row, for the nearest
    *sample*, and compares with the distance between real rows at that sample's index, which has
    nothing to do with it.

    Distances are exact in float64, and no N x N array is made.

    Args:
        real: (n, width), n >= 2.
        generated: (m, width), m >= 1.

    Returns:
        (m,) bool, on the device of `real`.

    Raises:
        GandiagError: too few rows, widths that differ, NaN or infinities.
    """
    real, generated = as_pair(real, generated, least=1)
    check_count("real", len(real), 2)
    reach = k_nearest(generated, 1, among=real)[:, 0]
    return _originals(real, k_nearest(real, 1)[:, 0], generated, reach) == 0


def _originals(real: Tensor, radii: Tensor, generated: Tensor, reach: Tensor) -> Tensor:
    """(m,) int64: how many real rows each generated row is a near-copy of.

    Such a row is at the distance of the nearest, `reach` of the generated row, and holds the
    generated row within `radii`, its distance to the nearest other real row: d <= the lesser.
    """
    found = torch.zeros(len(generated), dtype=torch.int64, device=real.device)
    centre = real.mean(dim=0, dtype=torch.float64)
    for i in tiles(len(real)):
        for j in tiles(len(generated)):
            x, y = real[i], generated[j]
            sizes, products, error = bounded_squares(x, y, centre)
            lower, upper = sizes * (1 - error) - products, sizes * (1 + error) - products
            least = torch.minimum(radii[i, None], reach[None, j])
            exact = cache(partial(all_distances, x, y))  # computed once, if at all
            found[j] += within(lower, upper, least, x, y, "<=", exact).sum(dim=0)
    return found


def _copied(rows: Tensor) -> int:
    """How many rows have an exact copy among the others."""
    levels = (rows.cpu() + 0.0).numpy()  # -0.0 becomes 0.0
    seen = Counter(hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in levels)
    return sum(count for count in seen.values() if count > 1)


@dataclass(frozen=True)
class Authenticity(Metric):
    """The share of samples that are authentic, after Alaa et al. 2022.

    A perfect generator does not have 1, nor a half: a sample is a near-copy whenever it and a real
    image are each other's nearest, and of two equal distributions that is 2 in 3 on a line, 62 % in
    a plane, and less the more dimensions there are. What held-out real images would have stands
    beside the value: each real image is taken out and judged by the others, which has that mean
    exactly, at one real image less. Below it samples lie too close to the real images; above it
    they lie too far from them, so that more is better up to there only.

    dgm-eval's AuthPct is this number in per cent.
    """

    name: ClassVar[str] = "authenticity"
    summary: ClassVar[str] = "Authenticity: the share of samples that are no near-copies of a real"
    outputs: ClassVar[Mapping[str, Better]] = {"authenticity": "higher"}

    def minimum(self, role: Role) -> int:
        """A real image needs another."""
        return 2 if role == "real" else 1

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` => ``authenticity``."""
        real, generated = banks(self, statistics)
        radii = k_nearest(real, 1)[:, 0]
        reach = k_nearest(generated, 1, among=real)[:, 0]
        found = _originals(real, radii, generated, reach) == 0
        hits = int(found.sum())
        # Each is at distance 0 from itself.
        others = _originals(real, radii, real, radii) - 1
        low, high = clopper_pearson(hits, len(found))
        return {
            "authenticity": Score(
                hits / len(found),
                low,
                high,
                method="Clopper-Pearson over generated images, the real ones fixed; to be read "
                "beside that of real images, each judged by the others",
                extra={"of real images": int((others == 0).sum()) / len(real)},
            )
        }

    def each(self, **statistics: Statistic) -> dict[str, Tensor]:
        """``authentic``: 0 or 1."""
        real, generated = banks(self, statistics)
        return {"authentic": authentic(real=real, generated=generated).double()}

    def remarks(self, **statistics: Statistic) -> Iterator[tuple[str, str]]:
        """Real images with copies, beside which all but a further copy is authentic."""
        real = statistics["real"]
        copied = _copied(real.rows) if isinstance(real, Bank) else 0
        if copied:
            sentence = (
                f"{copied:,} of the {real.n:,} real images have exact copies among them, so that "
                "authenticity takes every sample nearest to one of these for authentic unless it "
                "is one more exact copy; leave each real image in once"
            )
            yield "real-copies", sentence
