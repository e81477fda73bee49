"""Images from an iterable of batches: a list, a DataLoader, a generator."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Generic, TypeVar

import numpy as np
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.sources.arrays import Array, as_images, decoded
from gandiag.sources.base import Batch, Note
from gandiag.sources.batching import Item, in_batches
from gandiag.sources.images import checked_limit, checked_size
from gandiag.sources.notes import Tally

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class StreamImages:
    """Images that come in whatever batches their iterable gives, one after another.

    A batch is (B, 1|3|4, H, W) or (B, H, W, 1|3|4) uint8, or a pair of that and B labels.
    """

    name: str
    given: Iterable[object]
    known: int | None = None
    """How many images it gives, where it says."""
    first: int | None = None
    """How many of them are taken, or None for all."""
    points: None = None
    """It is of images."""
    seen: Tally = field(default_factory=Tally, repr=False)

    def count(self) -> int | None:
        """How many images a pass gives; None if the iterable does not say."""
        if self.known is None or self.first is None:
            return self.known
        return min(self.known, self.first)

    def batches(self, size: int) -> Iterator[Batch]:
        """All images in order, at most `size` at a time; a batch ends where the image size changes.

        Raises:
            GandiagError: something in the iterable is not a batch of uint8 images, there is none,
                or it is a generator that an earlier pass has used up.
        """
        return in_batches(self._items(), checked_size(size))

    def fingerprint(self) -> None:
        """None: what an iterable gives may change."""

    def limit(self, count: int, seed: int) -> "StreamImages":
        """The first `count` images, whatever the seed: there is no random access.

        Raises:
            GandiagError: `count` is not positive.
        """
        if (self.count() or np.inf) <= checked_limit(count):
            return self
        first = count if self.first is None else min(count, self.first)
        return replace(self, first=first, seen=Tally())

    def notes(self) -> Mapping[str, Note]:
        """What the last pass saw, by code (see `notes.CODES`); whole after a pass."""
        return self.seen.notes()

    def _items(self) -> Generator[Item]:
        self.seen.clear()
        taken = 0
        for taken, (image, codes, label) in enumerate(islice(self._images(), self.first), 1):
            name = f"{self.name}[{taken - 1}]"
            for code in codes:
                self.seen.add(code, name)
            if self.first is not None:
                self.seen.add("first-of-stream", name)
            self.seen.add_size((image.shape[1], image.shape[2]), name)
            yield Item(image, name, label)
        if not taken:
            raise GandiagError(f"{self.name} gave no image; give an iterable of at least one batch")

    def _images(self) -> Iterator[tuple[Tensor, tuple[str, ...], str | None]]:
        for number, batch in enumerate(self.given):
            shown = f"batch {number} of {self.name}"
            images, labels = split_batch(batch, shown)
            for index, pixels in enumerate(images):
                image, codes, _ = decoded(pixels)
                yield image, codes, labels[index] if labels is not None else None


def open_stream(given: Iterable[object], name: str) -> StreamImages:
    """An iterable of batches.

    An iterator (a generator) can be passed over once; a list or a DataLoader any number of times.
    """
    if isinstance(given, Iterator):
        return StreamImages(name, Once(given, name))
    known = None
    if isinstance(given, Sequence):
        batches = (split_batch(batch, f"batch {i} of {name}")[0] for i, batch in enumerate(given))
        known = sum(len(images) for images in batches)
    return StreamImages(name, given, known)


def split_batch(batch: object, shown: str) -> tuple[Array, list[str] | None]:
    """One element of the iterable => (N, H, W, 1|3|4) and a label for each if it has them.

    Raises:
        GandiagError: it is something else.
    """
    if isinstance(batch, Batch):
        return as_images(batch.images, shown), list(batch.labels) if batch.labels else None
    images, labels = batch, None
    if isinstance(batch, list | tuple) and len(batch) in (1, 2):
        images, labels = (*batch, None)[:2]
    if not isinstance(images, Tensor | np.ndarray):
        raise GandiagError(
            f"{shown} is {type(batch).__name__}, not images; "
            "give a uint8 tensor (N, 3, height, width), or a pair of it and labels"
        )
    if images.ndim != 4:
        size = " x ".join(map(str, images.shape))
        raise GandiagError(f"{shown} is {size}; give four axes: (N, 3, height, width)")
    return as_images(images, shown), as_labels(labels, len(images))


def as_labels(labels: object, count: int) -> list[str] | None:
    """One label an image => class names; None if `labels` is something else."""
    values = labels.tolist() if isinstance(labels, Tensor | np.ndarray) else labels
    if not isinstance(values, list | tuple) or len(values) != count:
        return None
    names = [as_label(value) for value in values]
    return None if None in names else [name for name in names if name is not None]


def as_label(label: object, classes: Sequence[str] | None = None) -> str | None:
    """An integer or a string => a class name, from `classes` if it is an index into them."""
    if isinstance(label, Tensor | np.ndarray) and label.ndim == 0:
        label = label.item()
    if isinstance(label, str):
        return label
    if not isinstance(label, int | np.integer):
        return None
    index = int(label)
    return classes[index] if classes and 0 <= index < len(classes) else str(index)


class Once(Generic[T]):
    """An iterator that says so when it is asked for a second pass."""

    def __init__(self, iterator: Iterator[T], name: str) -> None:
        self.iterator = iterator
        self.name = name
        self.used = False

    def __iter__(self) -> Iterator[T]:
        if self.used:
            raise GandiagError(
                f"{self.name} can be passed over only once, and has been; "
                "give a list of batches, or a new generator for each use"
            )
        self.used = True
        return self.iterator
