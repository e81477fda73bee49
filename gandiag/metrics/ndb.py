"""NDB: the number of statistically different bins."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks
from gandiag.metrics.intervals import wilson
from gandiag.statistics import Statistic

PER_BIN = 10
"""Real rows for a bin on average, at least."""


class Bins(NamedTuple):
    """Counts of real and of generated rows in the same bins."""

    real: Tensor
    """(K,) int64."""
    generated: Tensor
    """(K,) int64."""

    @property
    def z(self) -> Tensor:
        """(K,) float64, the two-proportion z statistic; 0 where both are empty or both are full."""
        n, m = self.real.sum(), self.generated.sum()
        pooled = (self.real + self.generated).double() / (n + m)
        variance = pooled * (1 - pooled) * (1 / n + 1 / m)
        difference = self.generated.double() / m - self.real.double() / n
        return torch.where(variance > 0, difference / variance.clamp(min=1e-300).sqrt(), 0.0)

    def different(self, alpha: float = 0.05) -> Tensor:
        """(K,) bool: bins whose two shares differ at level `alpha`, two-sided."""
        level: Tensor = torch.special.erfc(self.z.abs() / math.sqrt(2))
        return level < alpha

    @property
    def js_divergence(self) -> float:
        """Jensen-Shannon divergence of the shares, in nats: 0 to log 2."""
        p, q = self.real.double() / self.real.sum(), self.generated.double() / self.generated.sum()
        mixture = (p + q) / 2
        terms = torch.special.xlogy(p, p / mixture.clamp(min=1e-300))
        terms += torch.special.xlogy(q, q / mixture.clamp(min=1e-300))
        return max(0.0, float(terms.sum()) / 2)


def bins(*, real: Rows, generated: Rows, count: int = 100, seed: int = 0) -> Bins:
    """Real rows in clusters by K-means, both sets counted by the nearest centre.

    Richardson & Weiss 2018, section 3, without their whitening, and with all dimensions, where
    their code draws d // 6 of more than a thousand.

    Args:
        real: (n, width).
        generated: (m, width).
        count: of bins; fewer where bins would hold fewer than 10 real rows, or rows are alike.
        seed: of K-means.

    Raises:
        GandiagError: no row, widths that differ, NaN or infinities.
    """
    # Imported here, for it takes a second.
    from sklearn.cluster import KMeans

    real, generated = as_pair(real, generated, least=1)
    # K-means depends on the order of its rows, which should move no score.
    x = np.unique(real.cpu().double().numpy(), axis=0)
    y = real.cpu().double().numpy()
    clusters = max(1, min(count, len(y) // PER_BIN, len(x)))
    weights = np.unique(y, axis=0, return_counts=True)[1]
    means = KMeans(clusters, n_init=1, random_state=seed).fit(x, sample_weight=weights)
    counted = [
        np.bincount(means.predict(np.ascontiguousarray(each)), minlength=clusters)
        for each in (y, generated.cpu().double().numpy())
    ]
    return Bins(torch.from_numpy(counted[0]), torch.from_numpy(counted[1]))


@dataclass(frozen=True)
class NDB(Metric):
    """The share of bins that differ (NDB/K) and the divergence of their shares.

    After Richardson & Weiss 2018. A perfect generator has a share of `alpha`, and a little more
    because K-means fits the real rows that it then counts.
    """

    name: ClassVar[str] = "ndb"
    summary: ClassVar[str] = "NDB: share of the bins of real features that are over- or underfilled"
    outputs: ClassVar[Mapping[str, Better]] = {
        "ndb": "lower",
        "ndb_js": "lower",
    }

    count: int = 100
    alpha: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 < self.alpha < 1:
            raise GandiagError(
                f"NDB needs at least one bin and a level in (0, 1), got {self.count}, {self.alpha}"
            )

    def minimum(self, role: Role) -> int:
        """Enough real rows for two bins."""
        return 2 * PER_BIN if role == "real" else 1

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` => ``ndb`` (NDB/K) and ``ndb_js``."""
        real, generated = banks(self, statistics)
        found = bins(real=real, generated=generated, count=self.count, seed=self.seed)
        share = float(found.different(self.alpha).double().mean())
        low, high = wilson(share, len(found.real))
        n, m = int(found.real.sum()), int(found.generated.sum())
        return {
            "ndb": Score(
                share,
                low,
                high,
                method="Wilson over the bins, as if they were independent",
                extra={"of": float(len(found.real)), "floor": self.alpha},
            ),
            "ndb_js": Score(
                found.js_divergence,
                method="none; the floor is its mean between equal distributions",
                # JS is a quarter of half the chi-squared distance: 8 JS / (1/n + 1/m) ~ chi^2.
                extra={"floor": (len(found.real) - 1) / 8 * (1 / n + 1 / m)},
            ),
        }
