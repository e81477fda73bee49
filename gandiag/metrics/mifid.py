"""MiFID: the Fréchet distance, divided by how far samples are from the training images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks
from gandiag.metrics.frechet import frechet_distance
from gandiag.metrics.tiles import tiles
from gandiag.statistics import Statistic

THRESHOLD = 0.1
"""Distances from here on are taken for no memorisation (Bai et al. 2021, and the contest's)."""

TINY = 1e-14
"""Added to the distance, so that copies get a large number and no infinity."""


def memorization_distance(*, real: Rows, generated: Rows) -> float:
    """``mean_j min_i (1 - |cos(g_j, r_i)|)``: 0 if each generated row is along some real row.

    Bai et al. 2021, section 3, where it is taken in Inception features. Rows of zeros have no
    direction, and are left out; the mean over none is 1.

    torchmetrics 1.8 looks from each *real* row for the nearest generated one, so that a
    generator that copies a tenth of the training images is not found; and it leaves out rows whose
    numbers add up to 0.

    Args:
        real: (n, width), the training rows, n >= 1.
        generated: (m, width), m >= 1.

    Returns:
        In [0, 1].

    Raises:
        GandiagError: no row, widths that differ, NaN or infinities.
    """
    x, y = (_directions(each) for each in as_pair(real, generated, least=1))
    if not len(x) or not len(y):
        return 1.0
    nearest = []
    for j in tiles(len(y)):
        best = torch.zeros(len(y[j]), dtype=torch.float64, device=y.device)
        for i in tiles(len(x)):
            best = torch.maximum(best, (y[j] @ x[i].T).abs_().amax(dim=1))
        nearest.append(best)
    return float((1 - torch.cat(nearest)).mean().clamp(0, 1))


def _directions(rows: Tensor) -> Tensor:
    rows = rows.double()
    rows = rows[(rows != 0).any(dim=1)]
    rows = rows / rows.abs().amax(dim=1, keepdim=True)  # squares do not overflow then
    found: Tensor = rows / torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    return found


def memorization_informed(distance: float, nearness: float, threshold: float = THRESHOLD) -> float:
    """A Fréchet distance over a memorisation distance below `threshold`, else unchanged.

    Bai et al. 2021, equations of MiFID; as torchmetrics, 1e-14 is added to the divisor, and a
    Fréchet distance up to 1e-8 gives 0.
    """
    if distance <= 1e-8:
        return 0.0
    return distance / (nearness + TINY) if nearness < threshold else distance


@dataclass(frozen=True)
class MiFID(Metric):
    """Memorization-informed Fréchet distance, after Bai et al. 2021.

    It jumps where the memorisation distance crosses the threshold: below, the Fréchet distance is
    multiplied by ten and more. Of features that are all positive, as the Inception's are, cosines
    are large, and unseen real images can be below the threshold, too: what these get is known where
    held-out images are given.
    """

    name: ClassVar[str] = "mifid"
    summary: ClassVar[str] = "MiFID: Fréchet distance, made larger for near-copies of real images"
    outputs: ClassVar[Mapping[str, Better]] = {"mifid": "lower"}
    generic: ClassVar[Mapping[str, str]] = {"mifid": "mifd"}

    threshold: float = THRESHOLD

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise GandiagError(f"MiFID needs a threshold in (0, 1], got {self.threshold}")

    def minimum(self, role: Role) -> int:
        """Two, for a covariance."""
        return 2

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` => ``mifid``."""
        real, generated = banks(self, statistics)
        distance = frechet_distance(real, generated)
        nearness = memorization_distance(real=real, generated=generated)
        return {
            "mifid": Score(
                memorization_informed(distance, nearness, self.threshold),
                method="no interval: it jumps where the memorisation distance crosses the "
                "threshold, and has the Fréchet distance's bias from finite N",
                extra={"fd": distance, "memorisation distance": nearness},
            )
        }
