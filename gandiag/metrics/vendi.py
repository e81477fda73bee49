"""Vendi score: the effective number of different images."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_rows, banks, check_count
from gandiag.metrics.intervals import Z
from gandiag.metrics.threads import one_thread
from gandiag.statistics import Bank, Statistic


def vendi_score(features: Rows) -> float:
    """``exp(-tr(K/n log K/n))``, K the cosines between all rows (Friedman & Dieng 2023, eq. 2).

    K/n = X X^T / n has the eigenvalues of X^T X / n, so the smaller of the two is taken. Rows of
    zeros, which have no cosine, count as one more direction of their own.

    Args:
        features: (n, width), n >= 1.

    Returns:
        Between 1 (all rows point one way) and min(n, width + 1).

    Raises:
        GandiagError: no row, NaN or infinities.
    """
    return math.exp(float(surprises(features).mean()))


def surprises(features: Rows) -> Tensor:
    """(n, width) => (n,) float64, ``-x^T log(rho) x`` with rho the mean of x x^T over unit rows x.

    Their mean is the entropy of rho, the log of the Vendi score; what a row has above the mean is
    its influence on it, as the derivative of the entropy by rho is -log(rho) - 1.
    """
    rows = as_rows(features, "features").double()
    n, width = rows.shape
    check_count("features", n, 1)
    rows = rows * _powers(rows.abs().amax(dim=1, keepdim=True))
    # All-black images, say: alike, and like no other.
    rows = torch.cat((rows, (rows == 0).all(dim=1, keepdim=True)), dim=1)
    rows = rows / torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    tiny = torch.finfo(torch.float64).tiny  # 0 log 0 = 0
    if n > width:
        values, vectors = _eigh(rows.T @ rows / n)
        weights = (rows @ vectors).square()
    else:
        values, vectors = _eigh(rows @ rows.T / n)
        weights = n * values.clamp(min=0) * vectors.square()
    return torch.mv(weights, -values.clamp(min=tiny).log())


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


@dataclass(frozen=True)
class VendiScore(Metric):
    """Vendi score with the cosine of features as similarity, after Friedman & Dieng 2023.

    It is biased downwards, the more the fewer images there are: of features of width 256 whose
    score is 52.0, a thousand give 48.1 on average. Compare values of equal N only.
    """

    name: ClassVar[str] = "vendi"
    summary: ClassVar[str] = "Vendi score: the effective number of different images; no real image"
    outputs: ClassVar[Mapping[str, Better]] = {"vendi": "higher"}
    accepts: ClassVar[Mapping[Role, tuple[type[Statistic], ...]]] = {"generated": (Bank,)}

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``generated=`` => ``vendi``."""
        (rows,) = banks(self, statistics)
        each = surprises(rows)
        value = math.exp(float(each.mean()))
        deviation = float(each.std(correction=0)) / math.sqrt(len(each))
        return {
            "vendi": Score(
                value,
                low=min(value, max(1.0, value * math.exp(-Z * deviation))),
                high=value * math.exp(Z * deviation),
                method="delta method over generated images; without the bias from finite N",
            )
        }
