"""Real and generated samples, with labels or without, from tensors or functions."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gandiag.errors import GandiagError

Draw = Callable[[int, torch.Generator], Any]
Real = Any
"""A tensor, a pair of it and labels, a Dataset, a DataLoader, or a function like `Draw`."""


class Samples(NamedTuple):
    """(n, ...) and, if there are labels, (n,)."""

    x: Tensor
    y: Tensor | None

    def first(self, n: int) -> "Samples":
        """The first n of them."""
        return self.part(0, n)

    def part(self, start: int, n: int) -> "Samples":
        """n of them from `start`."""
        rows = slice(start, start + n)
        return Samples(self.x[rows], None if self.y is None else self.y[rows])

    def repeated(self, n: int) -> "Samples":
        """n of them, from the start again where there are fewer."""
        rows = torch.arange(n) % len(self.x)
        return Samples(self.x[rows], None if self.y is None else self.y[rows])

    def to(self, device: torch.device) -> "Samples":
        """On a device."""
        return Samples(self.x.to(device), None if self.y is None else self.y.to(device))

    def as_type(self, dtype: torch.dtype) -> "Samples":
        """With samples of that type."""
        return Samples(self.x.to(dtype), self.y)

    def copy(self) -> "Samples":
        """With storage of its own: the user's may change."""
        return Samples(self.x.clone(), None if self.y is None else self.y.clone())


def joined(parts: Sequence[Samples]) -> Samples:
    """One after the other; with labels if all of them have some."""
    labels = [part.y for part in parts if part.y is not None]
    y = torch.cat(labels) if len(labels) == len(parts) else None
    return Samples(torch.cat([part.x for part in parts]), y)


def samples(found: Any, source: str) -> Samples:
    """What a user's function or argument gave: a tensor, or a pair of samples and labels.

    Raises:
        GandiagError: it is something else, or the labels are not as many as the samples.
    """
    x, y = found if isinstance(found, tuple | list) and len(found) == 2 else (found, None)
    if not isinstance(x, Tensor) or not x.ndim or not (y is None or isinstance(y, Tensor)):
        raise GandiagError(
            f"{source} gave {type(found).__name__}; give a tensor (n, ...), or a pair of it and "
            "labels (n,)"
        )
    if y is not None and y.shape != x.shape[:1]:
        raise GandiagError(
            f"{source} gave {len(x)} samples and labels of shape {tuple(y.shape)}; "
            "give one label for each sample"
        )
    return Samples(x.detach(), None if y is None else y.detach())
