"""What a metric remembers of a set of images."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Statistic(ABC):
    """A value with `+`: ``of(a ++ b) == of(a) + of(b)``.

    Streaming, caching, resuming and several processes are then one idea. Collect about 1,024 rows
    before each `+`: it is costlier than summing in place.
    """

    kind: ClassVar[str]
    """Short name, used in files: ``moments``, ``bank``."""

    @property
    @abstractmethod
    def n(self) -> int | None:
        """How many rows it has seen; None where a published file does not say."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Columns of a row."""

    @classmethod
    @abstractmethod
    def of(cls, rows: Tensor) -> Self:
        """(n, width) of any float dtype, on any device => the statistic, on that device.

        Of rows on MPS, which has no float64, it is on the CPU.

        Raises:
            GandiagError: `rows` is not two-dimensional, or holds NaN or an infinity.
        """

    @abstractmethod
    def __add__(self, other: Self) -> Self:
        """Of both sets of rows together, on the device of the first."""

    @abstractmethod
    def to(self, device: torch.device) -> Self:
        """The same on another device, or itself where the device has no float64 (MPS)."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What `restore` needs, ready for an npz file without pickle."""

    @classmethod
    @abstractmethod
    def restore(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        """The inverse of `arrays`.

        Raises:
            GandiagError: an array is missing, or has the wrong shape or dtype.
        """
