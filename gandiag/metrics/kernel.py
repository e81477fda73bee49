"""Kernel distance: the squared maximum mean discrepancy with a cubic kernel."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks
from gandiag.metrics.intervals import Z
from gandiag.metrics.tiles import tiles
from gandiag.statistics import Bank, Statistic


def cubic_kernel(x: Tensor, y: Tensor) -> Tensor:
    """(n, width), (m, width) => (n, m) float64, (x.y / width + 1)^3 (Bińkowski et al. 2018)."""
    inner = (x.double() @ y.double().T).div_(x.shape[1]).add_(1)
    # pow_(3) takes another path on each device; two products are the same everywhere, and faster.
    return inner * inner * inner


def kernel_distance(real_features: Rows, generated_features: Rows) -> float:
    """Unbiased estimate of the squared MMD, from all pairs (KID, Bińkowski et al. 2018, eq. 4).

    ``mean of k over i != j of the real + the same of the generated - 2 mean of k between them``.
    It is a U-statistic: its mean is zero for equal distributions, so it may be negative. No N x N
    array is made.

    Args:
        real_features: (n, width), n >= 2.
        generated_features: (m, width), m >= 2.

    Raises:
        GandiagError: fewer than two rows, widths that differ, NaN or infinities.
    """
    return kernel_distance_with_deviation(real_features, generated_features)[0]


def kernel_distance_with_deviation(
    real_features: Rows, generated_features: Rows
) -> tuple[float, float]:
    """The distance, and its standard deviation over draws of both sets.

    From the variance of each term of the Hoeffding decomposition (Hoeffding 1948; Sutherland & Deka
    2019 treat the same estimator for n = m), all of them uncorrelated::

        4 Var f(x) / n + 4 Var g(y) / m + 2 s_xx / n(n - 1) + 2 s_yy / m(m - 1) + 4 s_xy / nm

    with f(x) = E k(x, X') - E k(x, Y), g likewise, and s the variance of the kernel once both its
    projections are taken off. The second-order terms are what is left under equal distributions,
    where f = g = 0. Each is estimated without the noise that finite row means carry, and is >= 0.
    """
    x, y = as_pair(real_features, generated_features, least=2)
    n, m = len(x), len(y)
    within_x, square_x = _within(x)
    within_y, square_y = _within(y)
    between_x, between_y, square_xy = _between(x, y)
    value = float(within_x.mean() + within_y.mean() - between_x.mean() - between_y.mean())

    rest_xx = _rest_within(within_x, square_x)
    rest_yy = _rest_within(within_y, square_y)
    spread = square_xy - float(between_x.mean()) ** 2
    rest_xy = max(0.0, spread - _variance(between_x) - _variance(between_y))
    rest_xy /= (1 - 1 / n) * (1 - 1 / m)
    first_x = max(0.0, _variance(within_x - between_x) - rest_xx / (n - 1) - rest_xy / m)
    first_y = max(0.0, _variance(within_y - between_y) - rest_yy / (m - 1) - rest_xy / n)
    variance = (
        4 * first_x / n
        + 4 * first_y / m
        + 2 * rest_xx / (n * (n - 1))
        + 2 * rest_yy / (m * (m - 1))
        + 4 * rest_xy / (n * m)
    )
    return value, math.sqrt(variance)


def _variance(values: Tensor) -> float:
    return float(values.var())


def _within(x: Tensor) -> tuple[Tensor, float]:
    """(n, width) => mean of each row of k without its diagonal, and the mean square of k there."""
    n = len(x)
    sums = torch.zeros(n, dtype=torch.float64, device=x.device)
    squares = torch.zeros((), dtype=torch.float64, device=x.device)
    for i in tiles(n):
        for j in tiles(n):
            if j.start < i.start:
                continue  # the kernel is symmetric
            k = cubic_kernel(x[i], x[j])
            if i == j:
                k.fill_diagonal_(0)
                squares += k.square().sum()
            else:
                sums[j] += k.sum(dim=0)
                squares += 2 * k.square().sum()
            sums[i] += k.sum(dim=1)
    return sums / (n - 1), float(squares) / (n * (n - 1))


def _between(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, float]:
    """(n, width), (m, width) => row means of k, column means, and its mean square."""
    rows = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    columns = torch.zeros(len(y), dtype=torch.float64, device=x.device)
    squares = torch.zeros((), dtype=torch.float64, device=x.device)
    for i in tiles(len(x)):
        for j in tiles(len(y)):
            k = cubic_kernel(x[i], y[j])
            rows[i] += k.sum(dim=1)
            columns[j] += k.sum(dim=0)
            squares += k.square().sum()
    return rows / len(y), columns / len(x), float(squares) / (len(x) * len(y))


def _rest_within(means: Tensor, square: float) -> float:
    """Variance of k(x, x') less both projections, from its row means and its mean square."""
    n = len(means)
    if n < 4:
        return 0.0
    spread = square - float(means.mean()) ** 2
    # spread = 2 p + s and the variance of row means = p + s / (n - 1), with p that of a projection.
    return max(0.0, spread - 2 * _variance(means)) / (1 - 2 / (n - 1))


@dataclass(frozen=True)
class Subsets:
    """The published estimate: a mean over random subsets, each drawn from both sets.

    The defaults are those of torch-fidelity 0.4. clean-fid 0.1.35: ``shrink=True``, `seed` that
    given to numpy. torchmetrics 1.9: ``draw="torch", first="real"``, `seed` that given to torch.
    dgm-eval: ``shrink=True, first="real"``, `seed` that given to numpy. They compute in float32
    (dgm-eval in float64), which is here always float64: theirs differ by rounding.
    """

    count: int = 100
    size: int = 1000
    first: Literal["generated", "real"] = "generated"
    """Which of the two is drawn first, as they share one stream of random numbers."""
    draw: Literal["numpy", "torch"] = "numpy"
    """``RandomState(seed).choice(n, size, replace=False)`` or the head of ``torch.randperm(n)``."""
    shrink: bool = False
    """Whether smaller sets give smaller subsets, or an error."""
    seed: int = 2020

    def pairs(self, real: Tensor, generated: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows of each subset, real and generated; smaller sets give smaller subsets."""
        size = min(self.size, len(real), len(generated))
        random = np.random.RandomState(self.seed)
        generator = torch.Generator().manual_seed(self.seed)

        def drawn(rows: Tensor) -> Tensor:
            if self.draw == "numpy":
                index = torch.from_numpy(random.choice(len(rows), size, replace=False))
            else:
                index = torch.randperm(len(rows), generator=generator)[:size]
            return rows[index.to(rows.device)]

        for _ in range(self.count):
            if self.first == "real":
                x, y = drawn(real), drawn(generated)
            else:
                y, x = drawn(generated), drawn(real)
            yield x, y


def kernel_distance_of_subsets(
    real_features: Rows, generated_features: Rows, subsets: Subsets
) -> Tensor:
    """The unbiased estimate on each of `subsets` => (count,) float64.

    Raises:
        GandiagError: as `kernel_distance`, or fewer rows than a subset.
    """
    least = 2 if subsets.shrink else subsets.size
    real, generated = as_pair(real_features, generated_features, least)
    values = []
    for x, y in subsets.pairs(real, generated):
        k_xx, k_yy, k_xy = cubic_kernel(x, x), cubic_kernel(y, y), cubic_kernel(x, y)
        pairs = len(x) * (len(x) - 1)
        same = (k_xx.sum() - k_xx.trace() + k_yy.sum() - k_yy.trace()) / pairs
        values.append(same - 2 * k_xy.mean())
    return torch.stack(values).cpu()


@dataclass(frozen=True)
class KernelDistance(Metric):
    """Kernel distance: KID on the canonical Inception's features, after Bińkowski et al. 2018."""

    name: ClassVar[str] = "kid"
    summary: ClassVar[str] = "Kernel distance: as fid, but unbiased, so fit for few images"
    outputs: ClassVar[Mapping[str, Better]] = {"kid": "lower"}
    generic: ClassVar[Mapping[str, str]] = {"kid": "kd"}

    subsets: Subsets | None = None
    """None for all pairs, which is what any number of subsets estimates."""

    def __post_init__(self) -> None:
        if self.subsets is not None and (self.subsets.count < 1 or self.subsets.size < 2):
            raise GandiagError(f"{self.subsets!r} is no plan: take count >= 1 and size >= 2")

    def minimum(self, role: Role) -> int:
        """Two, or a subset's size."""
        return 2 if self.subsets is None or self.subsets.shrink else self.subsets.size

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=``, ``generated=`` => ``kid``; it may be negative, as it is unbiased."""
        real, generated = banks(self, statistics)
        if self.subsets is None:
            value, deviation = kernel_distance_with_deviation(real, generated)
            low, high = value - Z * deviation, value + Z * deviation
            method = "variance of the U-statistic over real and generated images"
            return {"kid": Score(value, low, high, method=method)}
        values = kernel_distance_of_subsets(real, generated, self.subsets)
        return {
            "kid": Score(
                float(values.mean()),
                method="no interval: the subsets overlap, so their std does not give one",
                extra={"std": float(values.std(correction=0))},
            )
        }
