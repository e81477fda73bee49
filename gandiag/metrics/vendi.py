"""Vendi score: the effective number of different images."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_rows, banks, check_count
from gandiag.metrics.intervals import Z
from gandiag.metrics.threads import one_thread
from gandiag.statistics import Bank, Statistic


def vendi_score(features: Rows, q: float = 1.0) -> float:
    """The exponential of the entropy of order `q` of K/n, K the cosines between all rows.

    ``(sum l^q)^(1 / (1 - q))`` over the eigenvalues l of K/n (Pasarkar & Dieng 2024, "Cousins of
    the Vendi Score", eq. 3); at q = 1 its limit ``exp(-tr(K/n log K/n))`` (Friedman & Dieng 2023,
    eq. 2), at infinity 1 over the largest eigenvalue. The smaller q, the more rare directions
    count; towards 0 it counts those that are there at all.

    K/n = X X^T / n has the eigenvalues of X^T X / n, so the smaller of the two is taken. Rows of
    zeros, which have no cosine, count as one more direction of their own. Eigenvalues that are
    rounding, below 1e-16 of the largest times their number, are 0.

    Args:
        features: (n, width), n >= 1.
        q: the order, above 0; may be infinite.

    Returns:
        Between 1 (all rows point one way) and min(n, width + 1); the less the larger q.

    Raises:
        GandiagError: no row, NaN or infinities, or a `q` that is not above 0.
    """
    _check_order(q)
    if q == 1:
        return math.exp(float(surprises(features).mean()))
    return _of_order(_spectrum(features)[0], q)


def _check_order(q: float) -> None:
    if not q > 0:
        raise GandiagError(f"the Vendi score needs an order q > 0, or inf, got q={q}")


def surprises(features: Rows) -> Tensor:
    """(n, width) => (n,) float64, ``-x^T log(rho) x`` with rho the mean of x x^T over unit rows x.

    Their mean is the entropy of rho, the log of the Vendi score; what a row has above the mean is
    its influence on it, as the derivative of the entropy by rho is -log(rho) - 1.
    """
    values, weights = _spectrum(features)
    tiny = torch.finfo(torch.float64).tiny  # 0 log 0 = 0
    return torch.mv(weights, -values.clamp(min=tiny).log())


def influences(features: Rows, q: float) -> tuple[float, Tensor]:
    """The Vendi score of order `q`, and (n,) float64: what each row adds to its logarithm.

    ``q / (1 - q) (x^T rho^(q - 1) x / tr rho^q - 1)`` over unit rows x, as ``q rho^(q - 1)`` is the
    derivative of tr rho^q; at infinity ``1 - (v.x)^2 / l`` of the first eigenvector v.
    """
    if q == 1:
        each = surprises(features)
        return math.exp(float(each.mean())), each - each.mean()
    values, weights = _spectrum(features)
    score = _of_order(values, q)
    if math.isinf(q):
        return score, 1 - weights[:, -1] / values[-1]
    kept = values > _noise(values)
    # Over the largest: of many small eigenvalues, a power of 100 would be 0.
    shares = values[kept] / values[-1]
    total = shares.pow(q).sum() * values[-1]
    return score, q / (1 - q) * (torch.mv(weights[:, kept], shares.pow(q - 1)) / total - 1)


def _of_order(values: Tensor, q: float) -> float:
    """From the eigenvalues, ascending."""
    top = float(values[-1])
    if math.isinf(q):
        return 1 / top
    shares = values[values > _noise(values)] / top
    return math.exp((q * math.log(top) + math.log(float(shares.pow(q).sum()))) / (1 - q))


def _noise(values: Tensor) -> float:
    return len(values) * torch.finfo(torch.float64).eps * float(values[-1])


def _spectrum(features: Rows) -> tuple[Tensor, Tensor]:
    """Eigenvalues of rho, ascending, and (n, k): the share of each row in each eigenvector."""
    rows = as_rows(features, "features")
    check_count("features", len(rows), 1)
    rows = unit_rows(rows)
    n, width = rows.shape
    if n >= width:
        values, vectors = _eigh(rows.T @ rows / n)
        return values, (rows @ vectors).square()
    values, vectors = _eigh(rows @ rows.T / n)
    return values, n * values.clamp(min=0) * vectors.square()


def unit_rows(rows: Tensor) -> Tensor:
    """(n, width) => (n, width + 1) float64 of length 1; rows of zeros are 1 in the last column."""
    rows = rows.double()
    rows = rows * _powers(rows.abs().amax(dim=1, keepdim=True))
    # All-black images, say: alike, and like no other.
    rows = torch.cat((rows, (rows == 0).all(dim=1, keepdim=True)), dim=1)
    units: Tensor = rows / torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    return units


def _powers(sizes: Tensor) -> Tensor:
    """The powers of two that bring positive numbers near 1, so that no square over- or underflows.

    Written into the exponent's bits, and so exact: no digit of what they multiply moves.
    """
    exponents = torch.frexp(sizes).exponent.to(torch.int64).clamp(-1000, 1000)
    powers: Tensor = ((1023 - exponents) << 52).view(torch.float64)
    return powers


def _eigh(matrix: Tensor) -> tuple[Tensor, Tensor]:
    with one_thread():
        values, vectors = torch.linalg.eigh(matrix)
    return values, vectors


def _variance(rows: Tensor, each: Tensor, q: float) -> float:
    """Of the logarithm of the score, over draws of the rows.

    Influences come from the spectrum of the rows that they are of. Where the score is flat, as at
    equal eigenvalues, they are its second-order term alone, and their variance counts that twice:
    once is taken off. With rows x of uncorrelated coordinates a_i in the eigenvectors, that term
    has the variance 2 E h^2 / n^2, where
    ``h(x, y) = c / 2 sum_ij f_ij (a_i a_j - l_i d_ij) (b_i b_j - l_i d_ij)``, f are the divided
    differences of ``q l^(q - 1)`` and ``c = 1 / (1 - q) tr rho^q``; of order 1 those of the
    logarithm, and c = -1. Products of two influences are left out: they are small where the score
    is flat, and hide behind the first order elsewhere. At infinity nothing is taken off.
    """
    n = len(each)
    plain = float(each.var(correction=0)) / n
    if math.isinf(q):
        return plain
    units = unit_rows(rows)
    if n < units.shape[1]:
        return plain
    values, vectors = _eigh(units.T @ units / n)
    kept = values > _noise(values)
    values, squares = values[kept], (units @ vectors[:, kept]).square()
    together = squares.T @ squares / n
    slopes = values.log() if q == 1 else q * values.pow(q - 1)
    apart = values[:, None] - values
    # Of equal eigenvalues the second derivative, at their middle.
    middle = (values[:, None] + values) / 2
    curved = 1 / middle if q == 1 else q * (q - 1) * middle.pow(q - 2)
    near = apart.abs() <= 1e-6 * middle
    divided = torch.where(near, curved, (slopes[:, None] - slopes) / apart.masked_fill(near, 1.0))
    scale = 1.0 if q == 1 else 1 / float((1 - q) * values.pow(q).sum())
    weights = (scale * divided).square()
    diagonal = torch.outer(scale * divided.diagonal(), scale * divided.diagonal())
    off = (weights * together.square()).sum() - (weights * together.square()).diagonal().sum()
    covariances = together - torch.outer(values, values)
    second = 2 * (float(off) / 2 + float((diagonal * covariances.square()).sum()) / 4) / n**2
    # Of few rows influences vary by less than twice that, as the spectrum has taken some of it.
    return max(plain - second, second)


A_FEATURE = 3
"""Images for each feature, below which the spectrum's own noise is not small: of 200 lite0 features
of width 1,280 intervals held the mean in 89 %."""


@dataclass(frozen=True)
class VendiScore(Metric):
    """Vendi score with the cosine of features as similarity, after Friedman & Dieng 2023.

    Its order `q` is that of Pasarkar & Dieng 2024. It is biased downwards, the more the fewer
    images there are: of features of width 256 whose score of order 1 is 52.0, a thousand give 48.1
    on average. The larger q, the less. Compare values of equal N and equal q only.
    """

    name: ClassVar[str] = "vendi"
    summary: ClassVar[str] = "Vendi score: the effective number of different images; no real image"
    outputs: ClassVar[Mapping[str, Better]] = {"vendi": "higher"}
    accepts: ClassVar[Mapping[Role, tuple[type[Statistic], ...]]] = {"generated": (Bank,)}

    q: float | Literal["inf"] = 1.0
    """The order: rare kinds count the more the smaller it is; ``inf`` looks at the commonest
    alone."""

    def __post_init__(self) -> None:
        if self.q != "inf":
            _check_order(self.q)
            if math.isinf(self.q):
                object.__setattr__(self, "q", "inf")  # a word that its repr can be read with

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``generated=`` => ``vendi``."""
        (rows,) = banks(self, statistics)
        value, each = influences(rows, float(self.q))
        least = A_FEATURE * rows.shape[1]
        if len(rows) < least:
            method = f"no interval: it would not hold for fewer than {least:,} images"
            return {"vendi": Score(value, method=method)}
        deviation = math.sqrt(_variance(rows, each, float(self.q)))
        return {
            "vendi": Score(
                value,
                low=min(value, max(1.0, value * math.exp(-Z * deviation))),
                high=value * math.exp(Z * deviation),
                method="delta method over generated images; without the bias from finite N",
            )
        }
