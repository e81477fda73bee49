"""Every row, in order."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.statistics.base import Statistic
from gandiag.statistics.checks import check_rows, check_widths
from gandiag.statistics.moments import Moments


class Bank(Statistic):
    """All rows in float32, in the order they came: what neighbour and kernel metrics need.

    Where classes are known, it can hold each row's.
    """

    kind: ClassVar[str] = "bank"

    def __init__(self, chunks: Sequence[Tensor], labels: tuple[str, ...] | None = None) -> None:
        """From at least one (n, width) float32 tensor; `of` is the way in for rows unchecked."""
        self._chunks = tuple(chunks)
        self.labels = labels

    @property
    def rows(self) -> Tensor:
        """(n, width) float32."""
        if len(self._chunks) > 1:
            # Joined once, and the pieces let go.
            self._chunks = (torch.cat(self._chunks),)
        return self._chunks[0]

    @property
    def n(self) -> int:
        """How many rows it holds."""
        return sum(len(chunk) for chunk in self._chunks)

    @property
    def width(self) -> int:
        """Columns of a row."""
        return self._chunks[0].shape[1]

    @classmethod
    def of(cls, rows: Tensor) -> Self:
        """(n, width) of any float dtype => the same rows in float32, on their device.

        Rows on MPS go to the CPU.

        Raises:
            GandiagError: `rows` is not two-dimensional, or (`NonFiniteRow`) not finite in float32.
        """
        kept = rows.detach().to(torch.float32)
        check_rows(kept)
        if kept.device.type == "mps":
            kept = kept.cpu()
        # A caller may reuse its buffer.
        return cls((kept.clone() if kept.data_ptr() == rows.data_ptr() else kept,))

    def labelled(self, labels: Sequence[str] | None) -> Self:
        """The same rows with a class each.

        Raises:
            GandiagError: there are not as many.
        """
        if labels is not None and len(labels) != self.n:
            raise GandiagError(f"{len(labels)} labels were given for {self.n} rows; give one each")
        return type(self)(self._chunks, None if labels is None else tuple(labels))

    def moments(self) -> Moments:
        """Moments of the rows, 1,024 at a time."""
        return Moments.of(self.rows)

    def __add__(self, other: Self) -> Self:
        check_widths(self.width, other.width)
        known = self.labels is not None and other.labels is not None
        labels = (self.labels or ()) + (other.labels or ()) if known else None
        device = self._chunks[0].device
        return type(self)(self._chunks + tuple(chunk.to(device) for chunk in other._chunks), labels)

    def to(self, device: torch.device) -> Self:
        """The same on another device, or itself on MPS, which has no float64 to work on it."""
        return self if device.type == "mps" else type(self)((self.rows.to(device),), self.labels)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """`rows` (n, width) float32 and, where they are known, `labels` (n,) strings."""
        labels = {} if self.labels is None else {"labels": np.array(self.labels, dtype=np.str_)}
        return {"rows": self.rows.cpu().numpy(), **labels}

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        """The inverse of `arrays`.

        Raises:
            GandiagError: `rows` is missing, or is not two-dimensional finite float32; or `labels`
                are not one string a row.
        """
        rows = arrays.get("rows")
        if rows is None or rows.dtype != np.float32:
            raise GandiagError("a bank needs the float32 array 'rows'; compute it anew")
        labels = arrays.get("labels")
        if labels is not None and (labels.dtype.kind != "U" or labels.ndim != 1):
            raise GandiagError("the labels of a bank must be strings; compute it anew")
        return cls.of(torch.from_numpy(rows)).labelled(None if labels is None else labels.tolist())
