"""The squared maximum mean discrepancy with a Gaussian kernel; CMMD on CLIP's embedding."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks
from gandiag.metrics.intervals import inverted
from gandiag.metrics.kernel import LEAST, Subsets
from gandiag.metrics.kernel_groups import BY_CHANCE, kernel_distance_without_groups
from gandiag.metrics.replicates import Replicates
from gandiag.metrics.tiles import tiles
from gandiag.metrics.vendi import unit_rows
from gandiag.statistics import Statistic


def gaussian_kernel_less_one(x: Tensor, y: Tensor, sigma: float) -> Tensor:
    """(n, width), (m, width) float64 => (n, m), exp(-|x - y|^2 / 2 sigma^2) - 1, in -1..0.

    One taken off every value changes no discrepancy and no variance, and leaves their digits where
    the kernel is near 1, as that of unit rows at sigma 10 is.
    """
    squares = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1)
    squares = squares.addmm_(x, y.T, alpha=-2).clamp_(min=0)
    return squares.mul_(-0.5 / sigma**2).expm1_()


@dataclass(frozen=True)
class _Within:
    """The kernel within one set, less one."""

    means: Tensor
    """(n,), of each row without its diagonal."""
    square: float
    """Mean square without the diagonal."""

    @property
    def mean(self) -> float:
        return float(self.means.mean())

    @property
    def rest(self) -> float:
        """Variance of the kernel once both its projections are taken off."""
        n = len(self.means)
        if n < 4:
            return 0.0
        spread = self.square - self.mean**2
        # spread = 2 p + s, and the variance of row means = p + s / (n - 1).
        return max(0.0, spread - 2 * float(self.means.var())) / (1 - 2 / (n - 1))


def within(x: Tensor, sigma: float) -> _Within:
    """(n, width) float64 => what its kernel is, from tiles."""
    n = len(x)
    sums = torch.zeros(n, dtype=torch.float64, device=x.device)
    squares = torch.zeros((), dtype=torch.float64, device=x.device)
    for i in tiles(n):
        for j in tiles(n):
            if j.start < i.start:
                continue  # the kernel is symmetric
            k = gaussian_kernel_less_one(x[i], x[j], sigma)
            if i == j:
                k.fill_diagonal_(0)
                squares += k.square().sum()
            else:
                sums[j] += k.sum(dim=0)
                squares += 2 * k.square().sum()
            sums[i] += k.sum(dim=1)
    return _Within(sums / (n - 1), float(squares) / (n * (n - 1)))


def _between(x: Tensor, y: Tensor, sigma: float) -> tuple[Tensor, Tensor, float]:
    """(n, width), (m, width) => row means, column means, and the mean square, less one."""
    rows = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    columns = torch.zeros(len(y), dtype=torch.float64, device=x.device)
    squares = torch.zeros((), dtype=torch.float64, device=x.device)
    for i in tiles(len(x)):
        for j in tiles(len(y)):
            k = gaussian_kernel_less_one(x[i], y[j], sigma)
            rows[i] += k.sum(dim=1)
            columns[j] += k.sum(dim=0)
            squares += k.square().sum()
    return rows / len(y), columns / len(x), float(squares) / (len(x) * len(y))


def _prepared(
    real: Rows, generated: Rows, sigma: float, normalise: bool, least: int
) -> tuple[Tensor, Tensor]:
    if not (sigma > 0 and math.isfinite(sigma)):
        raise GandiagError(f"a Gaussian kernel needs a sigma > 0, got {sigma}")
    x, y = as_pair(real, generated, least)
    if normalise:
        return unit_rows(x), unit_rows(y)
    # A kernel of differences: far from 0 the squares would lose digits that the differences have.
    x, y = x.double(), y.double()
    middle = x.mean(dim=0)
    x, y = x - middle, y - middle
    if not (torch.isfinite(x.square().sum()) and torch.isfinite(y.square().sum())):
        raise GandiagError(
            "the features are so large that their squares overflow; divide real, generated and "
            "sigma by one constant"
        )
    return x, y


def gaussian_mmd(
    real: Rows,
    generated: Rows,
    *,
    sigma: float = 10.0,
    normalise: bool = True,
    scale: float = 1000.0,
    biased: bool = False,
) -> float:
    """`scale` times the squared MMD with the kernel exp(-|x - y|^2 / 2 sigma^2), from all pairs.

    Gretton et al. 2012, "A Kernel Two-Sample Test": their eq. 3, without the diagonals, has a mean
    of zero for equal distributions, and may be negative. With `biased` it is their eq. 5, the
    V-statistic, whose diagonals of ones add scale (1 - k) / n for each set, k being the mean of the
    kernel between two of its n rows: CMMD (Jayasumana et al. 2024) is published as unbiased, and
    its code computes that.

    Args:
        real: (n, width), n >= 2.
        generated: (m, width), m >= 2.
        sigma: of the kernel, in units of the features, or of unit rows: 10 is CMMD's.
        normalise: whether rows are scaled to length 1; those of zeros are a direction of their own.
        scale: what the result is multiplied by: 1000 is CMMD's.
        biased: whether the diagonals are kept.

    Raises:
        GandiagError: fewer than two rows, widths that differ, NaN, infinities, values whose squares
            overflow, or `sigma` not above 0.
    """
    return gaussian_mmd_with_deviation(
        real, generated, sigma=sigma, normalise=normalise, scale=scale, biased=biased
    )[0]


def gaussian_mmd_with_deviation(
    real: Rows,
    generated: Rows,
    *,
    sigma: float = 10.0,
    normalise: bool = True,
    scale: float = 1000.0,
    biased: bool = False,
) -> tuple[float, float]:
    """The same, and its standard deviation over draws of both sets.

    That of the unbiased estimate, from every term of its Hoeffding decomposition as in
    `kernel_distance_with_deviation`; the biased one differs from it by the mean kernels over n,
    which hardly vary.
    """
    x, y = _prepared(real, generated, sigma, normalise, least=2)
    value, bias, first, second = _with_variances(x, y, sigma)
    return scale * (value + bias * biased), abs(scale) * math.sqrt(first + second)


def _with_variances(x: Tensor, y: Tensor, sigma: float) -> tuple[float, float, float, float]:
    """The unbiased estimate, what the diagonals add, and its variance of first and second order."""
    n, m = len(x), len(y)
    own, their = within(x, sigma), within(y, sigma)
    between_x, between_y, square = _between(x, y, sigma)
    cross = float(between_x.mean())
    value, bias = own.mean + their.mean - 2 * cross, -own.mean / n - their.mean / m

    variance_x, variance_y = float(between_x.var()), float(between_y.var())
    rest_xy = max(0.0, square - cross**2 - variance_x - variance_y)
    rest_xy /= (1 - 1 / n) * (1 - 1 / m)
    first_x = float((own.means - between_x).var()) - own.rest / (n - 1) - rest_xy / m
    first_y = float((their.means - between_y).var()) - their.rest / (m - 1) - rest_xy / n
    first = 4 * max(0.0, first_x) / n + 4 * max(0.0, first_y) / m
    second = 2 * own.rest / (n * (n - 1)) + 2 * their.rest / (m * (m - 1)) + 4 * rest_xy / (n * m)
    return value, bias, first, second


def gaussian_mmd_of_subsets(
    *,
    real: Rows,
    generated: Rows,
    subsets: Subsets,
    sigma: float = 10.0,
    normalise: bool = True,
    scale: float = 1000.0,
    biased: bool = False,
) -> Tensor:
    """`gaussian_mmd` of each of `subsets` => (count,) float64, as torch-fidelity's KID with RBF.

    Raises:
        GandiagError: as `gaussian_mmd`, or fewer rows than a subset.
    """
    x, y = _prepared(real, generated, sigma, normalise, subsets.minimum())
    values = []
    for a, b in subsets.pairs(x, y):
        n, m = len(a), len(b)
        own, their = (gaussian_kernel_less_one(each, each, sigma) for each in (a, b))
        cross = gaussian_kernel_less_one(a, b, sigma).mean()
        for k in (own, their):
            k.fill_diagonal_(0)
        own_pairs, their_pairs = (n * n, m * m) if biased else (n * (n - 1), m * (m - 1))
        values.append(own.sum() / own_pairs + their.sum() / their_pairs - 2 * cross)
    return scale * torch.stack(values).cpu()


@dataclass(frozen=True)
class GaussianMMD(Metric):
    """Squared MMD with a Gaussian kernel: that of CMMD (Jayasumana et al. 2024) by default.

    Values of another sigma, normalisation or layer are not comparable. CMMD as its code prints it:
    protocol ``cmmd``, that is ``biased=True`` on CLIP's embedding. torch-fidelity 0.4's KID with
    ``kid_kernel="rbf"``: ``normalise=False, scale=1, subsets=Subsets()``.
    """

    name: ClassVar[str] = "mmd"
    summary: ClassVar[str] = "Squared MMD with a Gaussian kernel, x 1000: CMMD's, without its bias"
    outputs: ClassVar[Mapping[str, Better]] = {"mmd": "lower"}

    sigma: float = 10.0
    """Of the kernel exp(-|x - y|^2 / 2 sigma^2)."""
    normalise: bool = True
    """Whether rows are scaled to length 1."""
    scale: float = 1000.0
    biased: bool = False
    """Whether the diagonals are kept: adds scale (1 - k) / n for each set of n rows, k their mean
    kernel."""
    subsets: Subsets | None = None
    """None for all pairs."""

    def __post_init__(self) -> None:
        if not (self.sigma > 0 and math.isfinite(self.sigma)):
            raise GandiagError(f"a Gaussian kernel needs a sigma > 0, got {self.sigma}")
        if not (self.scale > 0 and math.isfinite(self.scale)):
            raise GandiagError(f"the MMD needs a scale > 0, got {self.scale}")

    def minimum(self, role: Role) -> int:
        """Two, or a subset's size."""
        return 2 if self.subsets is None else self.subsets.minimum()

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=``, ``generated=`` => ``mmd``."""
        real, generated = banks(self, statistics)
        if self.subsets is not None:
            values = gaussian_mmd_of_subsets(
                real=real,
                generated=generated,
                subsets=self.subsets,
                sigma=self.sigma,
                normalise=self.normalise,
                scale=self.scale,
                biased=self.biased,
            )
            whole = len(real) == len(generated) <= self.subsets.size  # in another order each time
            return {
                "mmd": Score(
                    float(values.mean()),
                    method="no interval: the subsets overlap, so their std does not give one",
                    extra={} if whole else {"std": float(values.std(correction=0))},
                )
            }
        x, y = _prepared(real, generated, self.sigma, self.normalise, least=2)
        value, bias, first, second = _with_variances(x, y, self.sigma)
        bias *= self.scale * self.biased
        least = min(len(x), len(y))
        if least < LEAST:
            method = f"no interval: it would not hold for fewer than {LEAST} images of a set"
            return {"mmd": Score(self.scale * value + bias, method=method)}
        # As that of kid: of few images the first order may be found zero by chance.
        low, high = (self.scale * end + bias for end in inverted(value, max(first, second), second))
        method = "variance of the U-statistic over real and generated images"
        if self.biased:
            method += "; without the bias of the diagonals"
        return {"mmd": Score(self.scale * value + bias, low, high, method=method)}

    def replicates(
        self, tell: Callable[[float], None] = lambda share: None, **statistics: Statistic
    ) -> Replicates:
        """Of the unbiased estimate, from sums of the kernel over groups.

        The biased one differs from it by the mean kernels over n, which hardly vary.
        """
        real, generated = banks(self, statistics)
        x, y = _prepared(real, generated, self.sigma, self.normalise, least=4)
        kernel = partial(gaussian_kernel_less_one, sigma=self.sigma)
        found = kernel_distance_without_groups(x, y, kernel)
        return {"mmd": {role: self.scale * values for role, values in found.items()}}

    def unjudged(self) -> Mapping[str, str]:
        """What chance draws."""
        return {} if self.subsets is None else {"mmd": BY_CHANCE}
