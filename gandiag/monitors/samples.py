"""Real and generated samples, with labels or without, from tensors or functions."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gandiag.errors import GandiagError

Draw = Callable[[int, torch.Generator], Any]
Real = Tensor | tuple[Tensor, Tensor] | Draw


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

    def to(self, device: torch.device) -> "Samples":
        """On a device."""
        return Samples(self.x.to(device), None if self.y is None else self.y.to(device))

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


def draw(real: Real, n: int, rng: torch.Generator, source: str, shape: torch.Size) -> Samples:
    """At most n samples, without replacement from tensors.

    Raises:
        GandiagError: as `samples`; or there are fewer than 16, or not of the shape.
    """
    if callable(real):
        found = samples(real(n, rng), source)
    else:
        pool = samples(real, source)
        rows = torch.randperm(len(pool.x), generator=rng)[:n].to(pool.x.device)
        found = Samples(pool.x[rows], None if pool.y is None else pool.y[rows.to(pool.y.device)])
    if len(found.x) < 16:
        raise GandiagError(f"{source} has {len(found.x)} samples; give at least 16")
    if found.x.shape[1:] != shape:
        raise GandiagError(
            f"sampler gives samples of shape {tuple(shape)} and {source} of shape "
            f"{tuple(found.x.shape[1:])}; give both alike"
        )
    return found.to(torch.device("cpu")).copy()
