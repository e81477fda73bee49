"""Fréchet distance: two Gaussians, fitted to features, compared."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, check_same_width, check_statistics
from gandiag.metrics.intervals import Z
from gandiag.metrics.threads import one_thread
from gandiag.metrics.tiles import tiles
from gandiag.statistics import Bank, Moments, Statistic

INDEFINITE = 1e-4  # rounding a covariance to float32 makes eigenvalues of -1e-6 of the largest


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A mean and a factor of the covariance, which is never formed when it would be singular."""

    mean: Tensor
    """(width,) float64."""
    factor: Tensor
    """(width, rank) float64, F with F F^T = covariance."""

    @classmethod
    def of_moments(cls, moments: Moments) -> Self:
        """By Cholesky; where that finds no full rank, from the eigenvectors that are not rounding.

        Raises:
            GandiagError: the covariance has an eigenvalue far below zero.
        """
        covariance = moments.covariance
        noise = moments.width * torch.finfo(torch.float64).eps
        factor, failed = torch.linalg.cholesky_ex(covariance)
        # Eigenvectors would do as well, at ten times the cost.
        if not failed and factor.diagonal().min() ** 2 > noise * covariance.trace():
            return cls(moments.mean, factor)
        with one_thread():
            values, vectors = torch.linalg.eigh(covariance)
        top = values[-1].clamp(min=0)
        if values[0] < -INDEFINITE * top:
            raise GandiagError(
                f"the covariance has the eigenvalue {values[0].item():.3g} beside "
                f"{top.item():.3g}, so it is no covariance; compute the statistics anew"
            )
        # The square root of a rounding error of 1e-16 would be 1e-8, for each missing dimension.
        kept = values > noise * top
        return cls(moments.mean, vectors[:, kept] * values[kept].sqrt())

    @classmethod
    def of_rows(cls, rows: Tensor) -> Self:
        """From (n, width); with n <= width the centred rows are the factor, exactly."""
        if len(rows) > rows.shape[1]:
            return cls.of_moments(Moments.of(rows).to(rows.device))
        rows = rows.double()
        mean = rows.mean(dim=0)
        return cls(mean, (rows - mean).T / math.sqrt(len(rows) - 1))


def frechet_distance(real_features: Rows, generated_features: Rows) -> float:
    """Squared Fréchet (2-Wasserstein) distance of the Gaussians fitted to two sets of features.

    ``|mu_r - mu_g|^2 + tr(S_r + S_g - 2 (S_r S_g)^(1/2))`` (Dowson & Landau 1982; as FID, Heusel et
    al. 2017, eq. 6), covariances with n - 1. With F F^T = S, the trace of the root is the sum of
    the singular values of F_r^T F_g, which needs no root of a matrix: it cannot turn complex or
    NaN, and where n <= width the centred features are F and the result is exact. pytorch-fid 0.3
    takes scipy's sqrtm of S_r S_g, and agrees to 1e-9 where both covariances have full rank.

    It is biased upwards by O(width / n): compare values of equal n only.

    Args:
        real_features: (n, width), n >= 2.
        generated_features: (m, width), m >= 2.

    Returns:
        The distance, >= 0, in squared units of the features.

    Raises:
        GandiagError: fewer than two rows, widths that differ, NaN or infinities.
    """
    real, generated = as_pair(real_features, generated_features, least=2)
    return _distance(Gaussian.of_rows(real), Gaussian.of_rows(generated))


def frechet_from_moments(real: Moments, generated: Moments) -> float:
    """The same from moments, e.g. a published `mu, sigma` file.

    Raises:
        GandiagError: widths differ, or a covariance is none.
    """
    check_same_width({"real": real.width, "generated": generated.width})
    return _distance(Gaussian.of_moments(real), Gaussian.of_moments(generated))


def _distance(real: Gaussian, generated: Gaussian) -> float:
    cross = real.factor.T @ generated.factor
    with one_thread():
        spectrum = torch.linalg.svdvals(cross)
    return _assemble(real, generated, spectrum)


def _assemble(real: Gaussian, generated: Gaussian, spectrum: Tensor) -> float:
    shift = (real.mean - generated.mean).square().sum()
    traces = real.factor.square().sum() + generated.factor.square().sum()
    # |F_r - F_g Q|^2 for the best rotation Q, hence >= 0: below it is rounding.
    return float(shift + (traces - 2 * spectrum.sum()).clamp(min=0))


def frechet_with_deviation(real: Gaussian, generated_rows: Tensor) -> tuple[float, float]:
    """The distance, and its standard deviation over draws of the generated rows.

    By the delta method, `real` held fixed: the influence of a row y is
    ``2 (mu_g - mu_r).(y - mu_g) + (y - mu_g)^T (I - T) (y - mu_g)`` less its mean, with T the
    optimal map from the generated Gaussian to the real one (the derivative of the squared
    2-Wasserstein distance by the covariance is I - T). On rank-deficient covariances T acts on
    their common range. First order only: it does not see the bias of O(width / n); it vanishes,
    like the distance, for equal sets; and it is too wide where n is not well above the width, by
    about a third at n = width.
    """
    generated = Gaussian.of_rows(generated_rows)
    cross = real.factor.T @ generated.factor
    with one_thread():
        left, spectrum, _ = torch.linalg.svd(cross, full_matrices=False)
    # T = R R^T, R = F_r U s^(-1/2) where F_r^T F_g = U s V^T.
    kept = spectrum > len(real.mean) * torch.finfo(torch.float64).eps * spectrum[:1].sum()
    root = real.factor @ left[:, kept] / spectrum[kept].sqrt()
    shift = 2 * (generated.mean - real.mean)
    influences = []
    for block in tiles(len(generated_rows)):
        y = generated_rows[block].double() - generated.mean
        influences.append(y @ shift + y.square().sum(dim=1) - (y @ root).square().sum(dim=1))
    deviation = float(torch.cat(influences).std()) / math.sqrt(len(generated_rows))
    return _assemble(real, generated, spectrum), deviation


@dataclass(frozen=True)
class FrechetDistance(Metric):
    """Fréchet distance of features: FID on the canonical Inception's, after Heusel et al. 2017."""

    name: ClassVar[str] = "fid"
    summary: ClassVar[str] = "Fréchet distance: quality and variety together; biased by N"
    outputs: ClassVar[Mapping[str, Better]] = {"fid": "lower"}
    generic: ClassVar[Mapping[str, str]] = {"fid": "fd"}
    accepts: ClassVar[Mapping[Role, tuple[type[Statistic], ...]]] = {
        "real": (Moments, Bank),
        "generated": (Bank, Moments),
    }


    def minimum(self, role: Role) -> int:
        """Two, for a covariance; it is singular up to the features' width."""
        return 2

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=``, ``generated=`` => ``fid``; an interval where the generated come as a bank."""
        check_statistics(self, statistics)
        real, generated = _gaussian(statistics["real"]), statistics["generated"]
        if not isinstance(generated, Bank):
            value = _distance(real, _gaussian(generated))
            return {"fid": Score(value, method="no interval: moments alone do not give one")}
        value, deviation = frechet_with_deviation(real, generated.rows)
        return {
            "fid": Score(
                value,
                low=max(0.0, value - Z * deviation),
                high=value + Z * deviation,
                method="delta method over generated images, reference fixed; "
                "without the bias from finite N",
            )
        }


def _gaussian(statistic: Statistic) -> Gaussian:
    if isinstance(statistic, Bank):
        return Gaussian.of_rows(statistic.rows)
    assert isinstance(statistic, Moments)
    return Gaussian.of_moments(statistic)
