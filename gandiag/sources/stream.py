"""Images from an iterable of batches: a list, a DataLoader, a generator."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Generic, TypeVar

import numpy as np
from PIL import Image
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.sources.arrays import as_images, decoded
from gandiag.sources.base import Array, Batch, Note
from gandiag.sources.batching import Item, in_batches
from gandiag.sources.decode import Decoded, UnreadableError
from gandiag.sources.how import How
from gandiag.sources.images import OnBadImage, checked_limit, checked_size
from gandiag.sources.notes import Passes, ValueRange
from gandiag.sources.samples import as_image, as_labels, split_sample

T = TypeVar("T")

Images = Array | Sequence[Image.Image]
"""(N, H, W, 1|3|4), uint8 or floats of which the range is stated; or Pillow images."""


@dataclass(frozen=True, eq=False)
class StreamImages:
    """Images that come in whatever batches their iterable gives, one after another.

    A batch is (B, 1|3|4, H, W) or (B, H, W, 1|3|4), uint8 or floats in `value_range`; or a list of
    B Pillow images, or one; alone, or with labels as `samples.split_sample` takes it.
    """

    name: str
    given: Iterable[object]
    known: int | None = None
    """How many images it gives, where it says."""
    first: int | None = None
    """How many of them are taken, or None for all."""
    on_bad_image: OnBadImage = "fail"
    value_range: ValueRange | None = None
    class_names: Sequence[str] | None = None
    """What integer labels stand for, where that is known."""
    points: None = None
    """It is of images."""
    seen: Passes = field(default_factory=Passes, repr=False)

    def count(self) -> int | None:
        """How many images a pass gives; None if the iterable does not say."""
        if self.known is None or self.first is None:
            return self.known
        return min(self.known, self.first)

    def batches(self, size: int) -> Iterator[Batch]:
        """All images in order, at most `size` at a time; a batch ends where the image size changes.

        Raises:
            GandiagError: something in the iterable is not a batch of images, there is none, an
                image is bad and is not to be skipped, or it is a generator that an earlier pass has
                used up.
        """
        return in_batches(self._items(), checked_size(size))

    def fingerprint(self) -> None:
        """None: what an iterable gives may change."""

    def stamp(self) -> None:
        """None: what an iterable gives may change."""

    def labelled(self) -> bool | None:
        """Whether the first of a list of batches has labels; None of other iterables."""
        if not isinstance(self.given, Sequence):
            return None
        return all(self._split(batch, 0)[1] is not None for batch in self.given[:1])

    def limit(self, count: int, seed: int) -> "StreamImages":
        """The first `count` images, whatever the seed: there is no random access.

        Raises:
            GandiagError: `count` is not positive.
        """
        if (self.count() or np.inf) <= checked_limit(count):
            return self
        first = count if self.first is None else min(count, self.first)
        return replace(self, first=first, seen=Passes())

    def notes(self) -> Mapping[str, Note]:
        """What the last whole pass saw, by code (see `notes.CODES`)."""
        return self.seen.notes()

    def _items(self) -> Generator[Item]:
        tally = self.seen.begin()
        taken, given, why = 0, 0, ""
        for taken, (result, label) in enumerate(islice(self._images(), self.first), 1):
            name = f"{self.name}[{taken - 1}]"
            if isinstance(result, UnreadableError):
                why = f"cannot read {name}: {result}"
                if self.on_bad_image == "fail":
                    raise GandiagError(f"{why}; remove it or pass --on-bad-image skip")
                tally.add("skipped", name)
                continue
            given += 1
            for code in result.codes:
                tally.add(code, name)
            if self.first is not None:
                tally.add("first-of-stream", name)
            tally.add_image(result.pixels, name, result.value_range)
            yield Item(result.pixels, name, label)
        self.seen.end(tally)
        if not taken:
            raise GandiagError(f"{self.name} gave no image; give an iterable of at least one batch")
        if not given:
            raise GandiagError(f"none of the {taken:,} images of {self.name} can be read; {why}")

    def _images(self) -> Iterator[tuple[Decoded | UnreadableError, str | None]]:
        for number, batch in enumerate(self.given):
            images, labels = self._split(batch, number)
            for index, pixels in enumerate(images):
                yield self._read(pixels), labels[index] if labels is not None else None

    def _split(self, batch: object, number: int) -> tuple[Images, list[str] | None]:
        shown = f"batch {number} of {self.name}"
        return split_batch(batch, shown, self.value_range, self.class_names)

    def _read(self, pixels: Array | Image.Image) -> Decoded | UnreadableError:
        try:
            if isinstance(pixels, Image.Image):
                return as_image(pixels, self.name)
            return decoded(pixels, self.value_range)
        except UnreadableError as error:
            return error


def open_stream(
    given: Iterable[object],
    name: str,
    how: How,
    class_names: Sequence[str] | None = None,
) -> StreamImages:
    """An iterable of batches.

    An iterator (a generator) can be passed over once; a list or a DataLoader any number of times.
    """
    if isinstance(given, Iterator):
        given = Once(given, name)
    source = StreamImages(
        name,
        given,
        on_bad_image=how.on_bad_image,
        value_range=how.value_range,
        class_names=class_names,
    )
    if not isinstance(given, Sequence):
        return source
    return replace(
        source, known=sum(len(source._split(batch, i)[0]) for i, batch in enumerate(given))
    )


def split_batch(
    batch: object,
    shown: str,
    value_range: ValueRange | None = None,
    class_names: Sequence[str] | None = None,
) -> tuple[Images, list[str] | None]:
    """One element of the iterable => its images, and a label for each if it has them.

    Raises:
        GandiagError: it is something else.
    """
    if isinstance(batch, Batch):
        return as_images(batch.images, shown), list(batch.labels) if batch.labels else None
    images, labels = split_sample(batch, shown)
    if isinstance(images, Image.Image):
        images, labels = [images], [labels]
    if isinstance(images, list | tuple) and all(isinstance(i, Image.Image) for i in images):
        return images, as_labels(labels, len(images), class_names)
    if not isinstance(images, Tensor | np.ndarray):
        raise GandiagError(
            f"{shown} is {type(batch).__name__}, not images; "
            "give a uint8 tensor (N, 3, height, width), or a pair of it and labels"
        )
    if images.ndim != 4:
        size = " x ".join(map(str, images.shape))
        raise GandiagError(f"{shown} is {size}; give four axes: (N, 3, height, width)")
    return as_images(images, shown, value_range), as_labels(labels, len(images), class_names)


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
