"""Which images are the same, pixel by pixel."""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.statistics.base import Statistic


class Hashes(Statistic):
    """A 64-bit digest of each image's pixels, to count exact copies within a set and between two.

    Two different images share a digest with probability 5e-20; among 100,000 images, any two do
    with probability 3e-10.
    """

    kind: ClassVar[str] = "hashes"

    def __init__(self, digests: Tensor) -> None:
        """(n,) int64."""
        self.digests = digests

    @property
    def n(self) -> int:
        """How many images it has seen."""
        return len(self.digests)

    @property
    def width(self) -> int:
        """One digest an image."""
        return 1

    @classmethod
    def of(cls, rows: Tensor) -> Self:
        """(n, 1) int64 digests of images' contents, one an image => the statistic, on their device.

        Raises:
            GandiagError: another shape or dtype.
        """
        if rows.ndim != 2 or rows.shape[1] != 1 or rows.dtype != torch.int64:
            raise GandiagError(
                f"digests must be (n, 1) int64, got {tuple(rows.shape)} {rows.dtype}; "
                "hash the images first"
            )
        return cls(rows[:, 0].detach().clone())

    def duplicates(self) -> int:
        """How many images are copies of an earlier one: n less the number of different images."""
        return self.n - len(torch.unique(self.digests))

    def overlap(self, other: Self) -> int:
        """How many of these images are also among `other`'s."""
        return int(torch.isin(self.digests, other.digests.to(self.digests.device)).sum())

    def __add__(self, other: Self) -> Self:
        return type(self)(torch.cat((self.digests, other.digests.to(self.digests.device))))

    def to(self, device: torch.device) -> Self:
        """The same on another device."""
        return type(self)(self.digests.to(device))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """`digests` (n,) int64."""
        return {"digests": self.digests.cpu().numpy()}

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        """The inverse of `arrays`.

        Raises:
            GandiagError: `digests` is missing, or is not one-dimensional int64.
        """
        digests = arrays.get("digests")
        if digests is None or digests.dtype != np.int64 or digests.ndim != 1:
            raise GandiagError("hashes need the int64 array 'digests'; compute them anew")
        return cls(torch.from_numpy(digests.copy()))
