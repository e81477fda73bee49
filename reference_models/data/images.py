"""Images in memory or in a file, their splits, and stacks of three."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reference_models.data.base import WHOLE, Batch, Split, order
from reference_models.randomness import generator

Bytes = NDArray[np.uint8]
"""(n, c, h, w), in memory or mapped from a file."""


class Pool(NamedTuple):
    """Some of a set's images; a mapped file stays on disk."""

    images: Bytes
    """Of the whole set."""
    labels: Tensor
    """Of the whole set, (n,) int64."""
    rows: Tensor
    """Which of them are meant, (count,) int64."""

    def take(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Images (m, c, h, w) uint8 and labels (m,) at places 0 to count - 1."""
        rows = self.rows[places]
        return torch.from_numpy(self.images[rows.numpy()]), self.labels[rows]


def whole(images: Bytes, labels: Tensor | None = None) -> Pool:
    """All images of a set; without labels they are zeros."""
    count = len(images)
    if labels is None:
        labels = torch.zeros(count, dtype=torch.int64)
    return Pool(images, labels, torch.arange(count))


def to_float(images: Tensor) -> Tensor:
    """Uint8 [0, 255] -> float32 [-1, 1]."""
    return images.float() / 127.5 - 1


def to_bytes(images: Tensor) -> Tensor:
    """Float [-1, 1] -> uint8 [0, 255], rounded to the nearest and clamped."""
    return ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def cut(pool: Pool, shares: Mapping[Split, float]) -> dict[Split, Pool]:
    """Cut a set in pieces of given shares, at random but the same everywhere.

    The shuffle depends on the number of images alone. The pieces are disjoint and hold everything;
    each is in the order of the set.
    """
    count = len(pool.rows)
    shuffled = pool.rows[torch.randperm(count, generator=generator("split", count))]
    ends = [round(share * count) for share in accumulate(shares.values())][:-1]
    pieces = torch.tensor_split(shuffled, ends)
    return {
        name: pool._replace(rows=piece.sort().values)
        for name, piece in zip(shares, pieces, strict=True)
    }


@dataclass(frozen=True)
class Images:
    """A finite set of images."""

    name: str
    pools: Mapping[Split, Pool]
    classes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """(c, h, w)."""
        return self.pools["train"].images.shape[1:]

    def batch(self, start: int, size: int, seed: int, part: slice = WHOLE) -> Batch:
        """Training images, epoch after epoch, see `Data.batch`."""
        places = order(len(self.pools["train"].rows), start, size, seed)[part]
        return self._take("train", places)

    def split(self, name: Split, count: int | None = None) -> Batch:
        """Images of a split in the order of the set, see `Data.split`."""
        there = len(self.pools[name].rows)
        return self._take(name, torch.arange(there if count is None else min(count, there)))

    def _take(self, name: Split, places: Tensor) -> Batch:
        images, labels = self.pools[name].take(places)
        return Batch(to_float(images), labels)


@dataclass(frozen=True)
class Stacked:
    """Three grey images with classes as the channels of one: classes^3 modes (Metz et al. 2017).

    The label of channels a, b, c among k classes is a k^2 + b k + c. Stacks are drawn with
    replacement, each from one split of the grey images, so that splits share no image. Training
    draws new stacks for ever.
    """

    name: str
    grey: Images

    @property
    def shape(self) -> tuple[int, ...]:
        """(3, h, w)."""
        return (3, *self.grey.shape[1:])

    @property
    def classes(self) -> tuple[str, ...]:
        """The three labels as digits, ``"007"``."""
        return tuple(f"{mode:03d}" for mode in range(len(self.grey.classes) ** 3))

    def batch(self, start: int, size: int, seed: int, part: slice = WHOLE) -> Batch:
        """New stacks, see `Data.batch`."""
        return self._draw("train", size, generator(self.name, "stream", seed, start), part)

    def split(self, name: Split, count: int | None = None) -> Batch:
        """Stacks of a fixed seed, see `Data.split`."""
        size = 10_000 if count is None else count
        return self._draw(name, size, generator(self.name, name), WHOLE)

    def _draw(self, name: Split, count: int, rng: torch.Generator, part: slice) -> Batch:
        pool, k = self.grey.pools[name], len(self.grey.classes)
        places = torch.randint(len(pool.rows), (count, 3), generator=rng)[part]
        images, labels = pool.take(places.flatten())
        weights = torch.tensor([k * k, k, 1])
        x = to_float(images.reshape(-1, *self.shape))
        return Batch(x, (labels.reshape(-1, 3) * weights).sum(dim=1))
