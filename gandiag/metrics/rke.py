"""RKE: the number of modes by the Rényi entropy of order 2 of a Gaussian kernel."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_rows, banks, check_count
from gandiag.metrics.drawing import drawn_order
from gandiag.metrics.intervals import Z
from gandiag.metrics.mmd import within
from gandiag.statistics import Statistic

DRAWN = 2048
"""Rows whose distances give a scale: two million pairs."""


def median_distance(features: Rows, seed: int = 0) -> float:
    """The median distance between two of at most 2,048 rows, drawn by chance.

    The mean distance where half of the pairs are alike, and 1 where all are.

    Args:
        features: (n, width), n >= 2.
        seed: of the rows drawn, which do not depend on their order.

    Raises:
        GandiagError: fewer than two rows, NaN or infinities.
    """
    rows = as_rows(features, "features")
    check_count("features", len(rows), 2)
    drawn = drawn_order(rows, seed)[:DRAWN].to(rows.device)
    distances = torch.pdist(rows[drawn].cpu().double())
    median = float(distances.median())
    return median or float(distances.mean()) or 1.0


def rke_score(features: Rows, *, sigma: float) -> float:
    """``1 / |K/n|_F^2`` of the kernel exp(-|x - y|^2 / 2 sigma^2) between all rows.

    Jalali, Li & Farnia 2023, "An Information-Theoretic Evaluation of Generative Models in Learning
    Multi-modal Distributions", the mode count RKE-MC: the exponential of the Rényi entropy of order
    2. Of modes far apart and narrow, measured in `sigma`, it is 1 over the sum of their squared
    shares. Values of different sigma are not comparable.

    The diagonal of K keeps it at n or less, and biases it downwards: at n rows it is
    ``1 / (1/n + (1 - 1/n) u)``, where 1/u is what infinitely many would give.

    Args:
        features: (n, width), n >= 2.
        sigma: of the kernel, in units of the features.

    Returns:
        Between 1 (all rows alike) and n (all far apart).

    Raises:
        GandiagError: fewer than two rows, NaN, infinities, or `sigma` not above 0.
    """
    return rke_with_deviation(features, sigma=sigma)[0]


def rke_with_deviation(features: Rows, *, sigma: float) -> tuple[float, float]:
    """The same, and the standard deviation of its logarithm over draws of the rows.

    ``|K/n|_F^2`` is a constant and a U-statistic of the squared kernel, whose variance is
    ``4 Var f / n + 2 s / n(n - 1)``, f being the projection of that kernel and s what is left
    (Hoeffding 1948).
    """
    if not (sigma > 0 and math.isfinite(sigma)):
        raise GandiagError(f"RKE needs a sigma > 0, got {sigma}")
    rows = as_rows(features, "features").double()
    check_count("features", len(rows), 2)
    n = len(rows)
    rows = rows - rows.mean(dim=0)
    if not torch.isfinite(rows.square().sum()):
        raise GandiagError(
            "the features are so large that their squares overflow; divide them and sigma by one "
            "constant"
        )
    squared = within(rows, sigma / math.sqrt(2))  # the square of a Gaussian is one
    u = 1 + squared.mean
    purity = 1 / n + (1 - 1 / n) * u
    first = max(0.0, float(squared.means.var()) - squared.rest / (n - 1)) if n > 2 else 0.0
    variance = 4 * first / n + 2 * squared.rest / (n * (n - 1))
    return 1 / purity, (1 - 1 / n) * math.sqrt(variance) / purity


@dataclass(frozen=True)
class RKE(Metric):
    """Mode count by kernel entropy (RKE-MC), after Jalali, Li & Farnia 2023.

    A sigma taken from the generated images themselves would be small for a collapsed generator,
    and hide that: so it comes from the real ones. The real images' own RKE at the same sigma is
    given beside the value.
    """

    name: ClassVar[str] = "rke"
    summary: ClassVar[str] = "RKE: number of modes by kernel entropy, at a scale of the real images"
    outputs: ClassVar[Mapping[str, Better]] = {"rke": "higher"}

    sigma: float | None = None
    """Of the kernel exp(-|x - y|^2 / 2 sigma^2); None for the median distance between two real
    images. Values of different sigma are not comparable."""

    def __post_init__(self) -> None:
        if self.sigma is not None and not (self.sigma > 0 and math.isfinite(self.sigma)):
            raise GandiagError(f"RKE needs a sigma > 0, got {self.sigma}")

    def minimum(self, role: Role) -> int:
        """Two, for a distance."""
        return 2

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=``, ``generated=`` => ``rke``."""
        real, generated = banks(self, statistics)
        sigma = median_distance(real) if self.sigma is None else self.sigma
        value, deviation = rke_with_deviation(generated, sigma=sigma)
        extra = {"sigma": sigma, "real": rke_score(real, sigma=sigma)}
        if value > len(generated) / 2:
            method = "no interval: at this sigma nearly every image is a mode of its own"
            return {"rke": Score(value, method=method, extra=extra)}
        return {
            "rke": Score(
                value,
                low=min(value, max(1.0, value * math.exp(-Z * deviation))),
                high=value * math.exp(Z * deviation),
                method="variance of the U-statistic over generated images, sigma fixed; without "
                "the bias from finite N",
                extra=extra,
            )
        }
