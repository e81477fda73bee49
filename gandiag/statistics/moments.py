"""Mean and covariance, mergeable without losing digits."""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.statistics.base import Statistic
from gandiag.statistics.checks import check_rows, check_widths
from gandiag.statistics.products import add_products, mirrored

ROWS = 1024
UNKNOWN = -1
MOST = 10**12  # rows that a file may say it saw; more come from a damaged or a forged one
ASYMMETRY = 1e-5  # a covariance computed in float32 is symmetric to about 1e-7 of its largest entry


class Moments(Statistic):
    """Count, mean and centred scatter of rows, in float64.

    Centred scatters are merged by Chan, Golub & LeVeque 1979 (eq. 2.1); raw sums of squares would
    lose the covariance when the mean is large beside the spread (3e-3 at a mean of 1e6).
    """

    kind: ClassVar[str] = "moments"

    def __init__(self, n: int | None, mean: Tensor, scatter: Tensor) -> None:
        """From numbers that are right already; `of` and `from_published` check.

        Args:
            n: Rows seen; None when a published `mu, sigma` file did not say. 0 is neutral in `+`.
            mean: (width,) float64.
            scatter: (width, width) float64, the sum of (x - mean)(x - mean)^T; where `n` is None,
                the covariance.
        """
        self._n = n
        self.mean = mean
        self.scatter = scatter

    @property
    def n(self) -> int | None:
        """Rows seen; None when a published file did not say."""
        return self._n

    @property
    def width(self) -> int:
        """Columns of a row."""
        return self.mean.shape[0]

    @property
    def covariance(self) -> Tensor:
        """(width, width) with n - 1 in the denominator; zero for fewer than two rows."""
        return self.covariance_with(1)

    def covariance_with(self, ddof: int) -> Tensor:
        """(width, width) with n - `ddof` in the denominator; as published where n is not known."""
        return self.scatter if self.n is None else self.scatter / max(self.n - ddof, 1)

    @classmethod
    def of(cls, rows: Tensor) -> Self:
        """(n, width) => moments on the rows' device, computed 1,024 rows at a time.

        Raises:
            GandiagError: `rows` is not two-dimensional, or (`NonFiniteRow`) not finite.
        """
        check_rows(rows)
        # Apple's MPS has no float64.
        rows = rows.detach().cpu() if rows.device.type == "mps" else rows.detach()
        width = rows.shape[1]
        mean = torch.zeros(width, dtype=torch.float64, device=rows.device)
        upper = torch.zeros((width, width), dtype=torch.float64, device=rows.device)
        if len(rows) == 0:
            return cls(0, mean, upper)
        chunks = torch.split(rows, ROWS)
        for chunk in chunks:
            mean += chunk.sum(dim=0, dtype=torch.float64)
        mean /= len(rows)
        rest = torch.zeros_like(mean)
        for chunk in chunks:
            centred = chunk - mean  # float64, as the mean is
            rest += centred.sum(dim=0)
            add_products(upper, centred)
        # The second pass takes out what rounding left in the mean.
        rest /= len(rows)
        upper -= torch.outer(rest, rest) * len(rows)
        return cls(len(rows), mean + rest, mirrored(upper))

    @classmethod
    def from_published(cls, mu: Tensor, sigma: Tensor, n: int | None = None) -> Self:
        """Moments from a mean (width,) and a covariance (width, width) with n - 1, as published.

        Raises:
            GandiagError: shapes that do not fit, values that are not finite, a negative variance,
                or a `sigma` that is not symmetric.
        """
        if mu.ndim != 1 or sigma.shape != (len(mu), len(mu)):
            raise GandiagError(
                "mu and sigma must be (width,) and (width, width), got shapes "
                f"{tuple(mu.shape)} and {tuple(sigma.shape)}"
            )
        mu, sigma = mu.double(), sigma.double()
        if not (torch.isfinite(mu).all() and torch.isfinite(sigma).all()):
            raise GandiagError("mu or sigma holds NaN or an infinity; compute the statistics anew")
        if (sigma - sigma.T).abs().max() > ASYMMETRY * sigma.abs().max():
            raise GandiagError("sigma is not symmetric, so it is no covariance matrix")
        if (sigma.diagonal() < 0).any():
            raise GandiagError("sigma has a negative variance, so it is no covariance matrix")
        sigma = (sigma + sigma.T) / 2
        return cls(n, mu, sigma if n is None else sigma * max(n - 1, 1))

    def __add__(self, other: Self) -> Self:
        """Moments of both sets of rows together.

        Raises:
            GandiagError: widths differ, or one of them does not know its number of rows.
        """
        check_widths(self.width, other.width)
        if self.n is None or other.n is None:
            raise GandiagError(
                "cannot add to moments that do not say of how many images they are; "
                "a published mu, sigma file is used as it is"
            )
        n, share = self.n + other.n, other.n
        if n == 0:
            return self
        other = other.to(self.mean.device)
        step = other.mean - self.mean
        # S = S_a + S_b + n_a n_b / n (mean_b - mean_a)(mean_b - mean_a)^T
        return type(self)(
            n,
            self.mean + step * (share / n),
            self.scatter + other.scatter + torch.outer(step, step) * (self.n * share / n),
        )

    def to(self, device: torch.device) -> Self:
        """The same on another device, or itself where the device has no float64 (MPS)."""
        if device.type == "mps":
            return self
        return type(self)(self.n, self.mean.to(device), self.scatter.to(device))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """`n` () int64 with -1 for unknown, `mean` (width,), `scatter` (width, width)."""
        n = np.array(UNKNOWN if self.n is None else self.n, dtype=np.int64)
        return {"n": n, "mean": self.mean.cpu().numpy(), "scatter": self.scatter.cpu().numpy()}

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        """The inverse of `arrays`.

        Raises:
            GandiagError: an array is missing, or has the wrong shape, dtype or content.
        """
        try:
            n, mean, scatter = arrays["n"], arrays["mean"], arrays["scatter"]
        except KeyError as error:
            raise GandiagError(f"moments lack the array {error}; compute them anew") from error
        if not (n.shape == () and n.dtype == np.int64 and UNKNOWN <= int(n) <= MOST):
            raise GandiagError("moments hold no valid number of rows; compute them anew")
        if mean.dtype != np.float64 or scatter.dtype != np.float64:
            raise GandiagError(
                f"moments must be float64, got {mean.dtype} and {scatter.dtype}; compute them anew"
            )
        mean_rows, scatter_rows = torch.from_numpy(mean.copy()), torch.from_numpy(scatter.copy())
        cls.from_published(mean_rows, scatter_rows)
        return cls(None if int(n) == UNKNOWN else int(n), mean_rows, scatter_rows)
