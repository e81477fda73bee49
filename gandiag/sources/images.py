"""The source of everything that can be counted and read by index."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from gandiag.errors import GandiagError
from gandiag.sources import fingerprint
from gandiag.sources.base import Batch, Note, Points
from gandiag.sources.batching import Item, in_batches, read_ahead
from gandiag.sources.decode import Decoded, UnreadableError
from gandiag.sources.notes import CODES, Passes, ValueRange

OnBadImage = Literal["fail", "skip"]
Digest = Callable[[Sequence[int]], str | None]
"""Indices => a digest of at least these images; None if they may change."""
Stamped = Callable[[Sequence[int]], object | None]
"""Indices => what `ImageSource.stamp` gives for these images."""


@dataclass(frozen=True, eq=False)
class IndexedImages:
    """Images that a function reads by index, in the order of `names`."""

    name: str
    names: Sequence[str]
    """One each: what a person would look for."""
    read: Callable[[int], Decoded]
    """Index => the image. Raises `UnreadableError`. Called by `threads` threads."""
    labels: Sequence[str] | None = None
    """One each, where they are known before it is read."""
    digest: Digest = lambda _: None
    on_bad_image: OnBadImage = "fail"
    threads: int = 0
    """How many threads read; 0 to read in the caller's thread, for what lies in memory."""
    chosen: Sequence[int] | None = None
    """The indices that a pass gives, or None for all."""
    points: Points | None = None
    """What is known of the points, where `read` gives points, (d,) float32, and not images."""
    value_range: ValueRange | None = None
    """Of floats that `read` quantises, where the user stated it."""
    stamped: Stamped = lambda _: None
    labels_inside: bool = False
    """Whether only reading an image tells its label, if it has one."""
    passed_over: Note | None = None
    """Files beside the images that are none."""
    seen: Passes = field(default_factory=Passes, repr=False)

    def count(self) -> int:
        """How many images there are to read; a pass gives fewer if it skips bad ones."""
        return len(self._indices())

    def batches(self, size: int) -> Iterator[Batch]:
        """All images in order, at most `size` at a time; a batch ends where the image size changes.

        Raises:
            GandiagError: an image cannot be read and the source is not to skip it, or none can.
        """
        return in_batches(self._items(checked_size(size)), size)

    def fingerprint(self) -> str | None:
        """A digest of content and of how it is read; None if the content may change."""
        content = self.digest(self._indices())
        return content and fingerprint.combined(
            content, self.on_bad_image, self.chosen, self.value_range
        )

    def stamp(self) -> object | None:
        """Equal to an earlier one only if nothing that a pass reads was written in between."""
        return self.stamped(self._indices())

    def labelled(self) -> bool | None:
        """Whether the images have labels, see `base.labelled`."""
        if self.labels is not None or not self.labels_inside:
            return self.labels is not None
        first = self._read(self._indices()[0])
        return None if isinstance(first, UnreadableError) else first.label is not None

    def classes(self) -> frozenset[str] | None:
        """The labels that occur, where they are known before a pass."""
        if self.labels is None:
            return None
        return frozenset(self.labels[index] for index in self._indices())

    def limit(self, count: int, seed: int) -> "IndexedImages":
        """`count` of the images, drawn without replacement and kept in order.

        The draw depends on `seed` and on how many images there are, not on what holds them.

        Raises:
            GandiagError: `count` is not positive, or `seed` is negative.
        """
        if checked_limit(count) >= self.count():
            return self
        if seed < 0:
            raise GandiagError(f"the seed is {seed}; give a whole number that is not negative")
        drawn = np.random.Generator(np.random.PCG64(seed)).choice(
            self.count(), count, replace=False
        )
        indices = self._indices()
        return replace(self, chosen=[indices[i] for i in sorted(drawn.tolist())], seen=Passes())

    def between(self, start: int, stop: int) -> "IndexedImages":
        """The images from number `start` to `stop` - 1 of those that a pass gives."""
        return replace(self, chosen=self._indices()[start:stop], seen=Passes())

    def first(self, count: int) -> "IndexedImages":
        """The first `count` of the images.

        Raises:
            GandiagError: `count` is not positive.
        """
        return replace(self, chosen=self._indices()[: checked_limit(count)], seen=Passes())

    def notes(self) -> Mapping[str, Note]:
        """What the last whole pass saw, by code (see `notes.CODES`)."""
        found = self.seen.notes()
        if self.passed_over is not None:
            found["passed-over"] = self.passed_over
        return {code: found[code] for code in CODES if code in found}

    def _indices(self) -> Sequence[int]:
        return range(len(self.names)) if self.chosen is None else self.chosen

    def _read(self, index: int) -> Decoded | UnreadableError:
        try:
            return self.read(index)
        except UnreadableError as error:
            return error

    def _results(self, size: int) -> Generator[Decoded | UnreadableError]:
        if not self.threads:
            return (self._read(index) for index in self._indices())
        return read_ahead(
            self._read,
            self._indices(),
            self.threads,
            most=size,
            nbytes=lambda result: (
                0 if isinstance(result, UnreadableError) else result.pixels.nbytes
            ),
        )

    def _items(self, size: int) -> Generator[Item]:
        """The images that can be read, noted in `seen`."""
        tally = self.seen.begin()
        given, why = 0, ""
        with closing(self._results(size)) as results:
            for index, result in zip(self._indices(), results, strict=True):
                name = self.names[index]
                if isinstance(result, UnreadableError):
                    why = f"cannot read {name}: {result}"
                    if self.on_bad_image == "fail":
                        raise GandiagError(f"{why}; remove it or pass --on-bad-image skip")
                    tally.add("skipped", name)
                    continue
                pixels, codes, label, value_range = result
                for code in codes:
                    tally.add(code, name)
                if self.points is None:
                    tally.add_image(pixels, name, value_range)
                given += 1
                yield Item(pixels, name, self.labels[index] if self.labels is not None else label)
        self.seen.end(tally)
        if not given:
            raise GandiagError(
                f"none of the {self.count():,} images of {self.name} can be read; {why}"
            )


def checked_size(size: int) -> int:
    """`size`, if a batch can have it."""
    if size < 1:
        raise GandiagError(f"the batch size is {size}; it must be at least 1")
    return size


def checked_limit(count: int) -> int:
    """`count`, if a source can be limited to it."""
    if count < 1:
        raise GandiagError(f"the number of images to use is {count}; it must be at least 1")
    return count
