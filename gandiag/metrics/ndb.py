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
from gandiag.metrics.chances import hypergeometric
from gandiag.metrics.checks import Rows, as_pair, banks, check_count
from gandiag.metrics.drawing import drawn_order
from gandiag.metrics.intervals import Z, wilson
from gandiag.metrics.unjudged import TOO_WIDE
from gandiag.statistics import Statistic

PER_BIN = 10
"""Real rows for a bin on average, at least: half of them place it, half are counted in it."""


A_BIN = 5
"""Generated rows for a bin on average, below which two orders do not tell the entropy's spread: of
two a bin, intervals held the mean in 84 %."""


class Bins(NamedTuple):
    """Counts of real and of generated rows in the same bins."""

    real: Tensor
    """(K,) int64."""
    generated: Tensor
    """(K,) int64."""

    @property
    def z(self) -> Tensor:
        """(K,) float64, the two-proportion z statistic; 0 where both are empty or both are full."""
        return _z(self.real, self.generated, self._n, self._m)

    def different(self, alpha: float = 0.05) -> Tensor:
        """(K,) bool: bins whose two shares differ at level `alpha`, two-sided."""
        return _level(self.z) < alpha

    @property
    def js_divergence(self) -> float:
        """Jensen-Shannon divergence of the shares, in nats: 0 to log 2."""
        return max(0.0, float(_divergences(self.real, self.generated, self._n, self._m).sum()))

    def entropy(self) -> tuple[float, float, float]:
        """Shannon entropy of the generated shares in nats, its deviation, and that of the real.

        Mode collapse leaves bins empty and lowers it. It is that of the counts: about (K - 1) / 2m
        below that of the distribution. The deviation over draws of the generated rows is by the
        delta method to second order, for the first vanishes where all bins are alike.
        """
        p = self.generated.double() / self._m
        log = torch.special.xlogy(p, p.clamp(min=1e-300))
        value = float(-log.sum())
        squares = float(torch.special.xlogy(log, p.clamp(min=1e-300)).sum())
        filled = int((p > 0).sum())
        # The first order is too large by twice the second, (K - 1) / 2m^2, which belongs to it.
        second = (filled - 1) / (2 * self._m**2)
        variance = max((squares - value**2) / self._m - second, second, 0.0)
        q = self.real.double() / self._n
        real = float(-torch.special.xlogy(q, q.clamp(min=1e-300)).sum())
        return abs(value), math.sqrt(variance), abs(real)

    def expected(self, alpha: float = 0.05) -> tuple[float, float]:
        """The mean share of different bins and the mean divergence of a perfect sampler.

        Exactly, given how many rows of both sets together are in each bin: when the sets have one
        distribution, the real ones among them are hypergeometric. The share is about `alpha`; not
        quite in small bins, whose counts are coarse.
        """
        n, m = self._n, self._m
        share = divergence = 0.0
        totals, repeats = torch.unique(self.real + self.generated, return_counts=True)
        for total, times in zip(totals.tolist(), repeats.tolist(), strict=True):
            real, chance = hypergeometric(n, m, total)
            differ = _level(_z(real, total - real, n, m)) < alpha
            share += times * float((chance * differ).sum())
            divergence += times * float((chance * _divergences(real, total - real, n, m)).sum())
        return share / len(self.real), max(0.0, divergence)

    @property
    def _n(self) -> int:
        return int(self.real.sum())

    @property
    def _m(self) -> int:
        return int(self.generated.sum())


def _z(real: Tensor, generated: Tensor, n: int, m: int) -> Tensor:
    """Of counts out of n and of m."""
    pooled = (real + generated).double() / (n + m)
    variance = pooled * (1 - pooled) * (1 / n + 1 / m)
    difference = generated.double() / m - real.double() / n
    return torch.where(variance > 0, difference / variance.clamp(min=1e-300).sqrt(), 0.0)


def _level(z: Tensor) -> Tensor:
    level: Tensor = torch.special.erfc(z.abs() / math.sqrt(2))
    return level


def _divergences(real: Tensor, generated: Tensor, n: int, m: int) -> Tensor:
    """Each bin's part of the Jensen-Shannon divergence."""
    p, q = real.double() / n, generated.double() / m
    mixture = ((p + q) / 2).clamp(min=1e-300)
    terms: Tensor = torch.special.xlogy(p, p / mixture) + torch.special.xlogy(q, q / mixture)
    return terms / 2


def bins(*, real: Rows, generated: Rows, count: int = 100, seed: int = 0) -> Bins:
    """Clusters by K-means of half of the real rows; the other half, and the generated, counted.

    Richardson & Weiss 2018, section 3, without their whitening, and with all dimensions, where
    their code draws d // 6 of more than a thousand. They count the rows that K-means was fitted to,
    which lie nearer to its centres than any others do: with 1,000 real rows of width 256, half of
    the bins then differ from those of a perfect sampler.

    Args:
        real: (n, width), n >= 2.
        generated: (m, width).
        count: of bins; fewer where bins would hold fewer than 10 real rows, or rows are alike.
        seed: of the halves and of K-means.

    Raises:
        GandiagError: too few rows, widths that differ, NaN or infinities.
    """
    # Imported here, for it takes a second.
    from sklearn.cluster import KMeans

    real, generated = as_pair(real, generated, least=1)
    check_count("real", len(real), 2)
    x, order = real.cpu().double().numpy(), drawn_order(real, seed).numpy()
    placing, counted = x[order[: len(x) // 2]], x[order[len(x) // 2 :]]
    # K-means depends on the order of the rows, which should move no score.
    distinct, weights = np.unique(placing, axis=0, return_counts=True)
    clusters = max(1, min(count, len(x) // PER_BIN, len(distinct)))
    means = KMeans(clusters, n_init=1, random_state=seed).fit(distinct, sample_weight=weights)
    found = [
        np.bincount(means.predict(np.ascontiguousarray(each)), minlength=clusters)
        for each in (counted, generated.cpu().double().numpy())
    ]
    return Bins(torch.from_numpy(found[0]), torch.from_numpy(found[1]))


@dataclass(frozen=True)
class NDB(Metric):
    """The share of bins that differ (NDB/K), the divergence of their shares, and their entropy.

    After Richardson & Weiss 2018, on bins that half of the real images place. The share of a
    perfect generator is about `alpha`. The entropy of the generated shares falls with the number of
    bins that hold samples at all; more is better up to that of the real images.
    """

    name: ClassVar[str] = "ndb"
    summary: ClassVar[str] = "NDB: share of the bins of real features that are over- or underfilled"
    outputs: ClassVar[Mapping[str, Better]] = {
        "ndb": "lower",
        "ndb_js": "lower",
        "ndb_entropy": "higher",
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

    def unjudged(self) -> Mapping[str, str]:
        """All of it."""
        return dict.fromkeys(self.outputs, TOO_WIDE)

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` => ``ndb`` (NDB/K), ``ndb_js`` and ``ndb_entropy``."""
        real, generated = banks(self, statistics)
        found = bins(real=real, generated=generated, count=self.count, seed=self.seed)
        share = float(found.different(self.alpha).double().mean())
        low, high = wilson(share, len(found.real))
        floor, js_floor = found.expected(self.alpha)
        entropy, deviation, of_real = found.entropy()
        many = found.generated.sum() >= A_BIN * len(found.real)
        return {
            "ndb": Score(
                share,
                low,
                high,
                method="Wilson over the bins, as if they were independent; the floor is a perfect "
                "sampler's mean",
                extra={"of": float(len(found.real)), "floor": floor},
            ),
            "ndb_js": Score(
                found.js_divergence,
                method="none; the floor is its mean between equal distributions",
                extra={"floor": js_floor},
            ),
            "ndb_entropy": Score(
                entropy,
                low=max(0.0, entropy - Z * deviation) if many else None,
                high=entropy + Z * deviation if many else None,
                method="delta method over generated images, the bins fixed; nats, without the bias "
                "from finite N; beside that of the counted half of the real images"
                if many
                else f"no interval: it would not hold for fewer than {A_BIN} generated images a "
                "bin; nats, beside that of the counted half of the real images",
                extra={"of real images": of_real},
            ),
        }
