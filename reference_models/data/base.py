"""What every set of training data promises, and the order in which its samples come."""

from functools import lru_cache
from typing import Literal, NamedTuple, Protocol, get_args

import torch
from torch import Tensor

from reference_models.randomness import generator

Split = Literal["train", "heldout", "reference"]
SPLITS: tuple[Split, ...] = get_args(Split)

WHOLE = slice(None)


class Batch(NamedTuple):
    """Samples with their labels."""

    x: Tensor
    """(n, *shape) float32; images in [-1, 1]."""
    y: Tensor
    """(n,) int64; zeros where the data has no classes."""


class Data(Protocol):
    """Samples of one shape, as a model sees them."""

    @property
    def name(self) -> str:
        """As in the table of data."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample: (d,) for points, (c, h, w) for images."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names; empty without labels."""
        ...

    def batch(self, start: int, size: int, seed: int, part: slice = WHOLE) -> Batch:
        """Training samples number `start` to `start + size` of an endless stream.

        The stream is a pure function of `seed`, so that a position is all there is to remember.

        Args:
            start: how many training samples came before.
            size: of the batch over all processes.
            seed: of the order.
            part: which rows of the batch this process wants.
        """
        ...

    def split(self, name: Split, count: int | None = None) -> Batch:
        """The first `count` samples of a split; None is all of a finite one, 10,000 of another."""
        ...


@lru_cache(maxsize=4)
def _epoch(count: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(count, generator=generator("order", seed, epoch))


def order(count: int, start: int, size: int, seed: int) -> Tensor:
    """Which of `count` samples come at positions `start` to `start + size`: (size,) int64.

    Every epoch is a permutation of its own; a batch may reach from one into the next.
    """
    pieces = []
    while size:
        epoch, offset = divmod(start, count)
        piece = _epoch(count, seed, epoch)[offset : offset + size]
        pieces.append(piece)
        start, size = start + len(piece), size - len(piece)
    return torch.cat(pieces)
