"""What every source of images promises."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gandiag.sources.mixtures import Mixture

Array = NDArray[np.generic]


class Batch(NamedTuple):
    """Consecutive images of one size, with what is known of each."""

    images: Tensor
    """(batch, 3, height, width) uint8, on the CPU; of points (batch, d) float32."""
    names: tuple[str, ...]
    """What a person would look for: a path, a member of an archive, an index."""
    labels: tuple[str, ...] | None
    """Class names, where the source has them."""


@dataclass(frozen=True)
class Note:
    """Something about the images that a reader of the score should know."""

    count: int
    """How many images it holds for."""
    example: str
    """The name of the first of them."""
    names: tuple[str, ...] = ()
    """Their names where each must be found again (``skipped``: up to a thousand), else empty."""


@dataclass(frozen=True)
class Points:
    """What a source of points, vectors in the place of images, knows of them beforehand."""

    width: int
    """Coordinates of a point."""
    mixture: Mixture | None = None
    """What they were drawn from, where that is known."""
    labelled: bool = False
    """Whether each has a label."""
    kind: Literal["points", "features"] = "points"
    """Features are what an extractor gave for images elsewhere; metrics take them as they are."""


@runtime_checkable
class ImageSource(Protocol):
    """Images from anywhere, always in the same order.

    A source may also have ``stamp()``, something that equals an earlier one only if nothing that a
    pass reads was written in between; ``points``, see `points_of`; and ``labelled()`` and
    ``classes()``, see the functions of these names.
    """

    @property
    def name(self) -> str:
        """What the user called it."""
        ...

    def count(self) -> int | None:
        """How many images a pass gives; None for a stream that does not say."""
        ...

    def batches(self, size: int) -> Iterator[Batch]:
        """All images in order, at most `size` at a time; a batch ends where the image size changes.

        Raises:
            GandiagError: an image cannot be read, and the source was opened to fail on that.
        """
        ...

    def fingerprint(self) -> str | None:
        """A digest of the content, the same for the same images; None if it may change."""
        ...

    def limit(self, count: int, seed: int) -> "ImageSource":
        """`count` of the images, drawn without replacement and kept in order.

        A stream has no random access: it gives its first `count`, and says so in a note.
        """
        ...

    def notes(self) -> Mapping[str, Note]:
        """What the last pass saw, by code (``lossy``, ``skipped`` ...); whole after a pass."""
        ...


def points_of(source: ImageSource) -> Points | None:
    """What is known of the points of a source, or None if it is of images.

    Sources of this package say so in an attribute `points`; another is asked for one sample, unless
    it is a stream, which may give each sample only once.

    Raises:
        GandiagError: that sample cannot be read.
    """
    if hasattr(source, "points"):
        points: Points | None = source.points
        return points
    if source.count() is None:
        return None
    for batch in source.batches(1):
        if batch.images.ndim == 2:
            return Points(batch.images.shape[1], labelled=batch.labels is not None)
        break
    return None


def labelled(source: ImageSource) -> bool | None:
    """Whether the images have labels, asked before a pass; None if only a pass can tell.

    Of a torch Dataset the first item is read; a stream or a generator does not say.

    Raises:
        GandiagError: that item is no image.
    """
    points = getattr(source, "points", None)
    if points is not None:
        return bool(points.labelled)
    say = getattr(source, "labelled", None)
    return say() if callable(say) else None


def classes(source: ImageSource) -> frozenset[str] | None:
    """The labels that occur, where all are known before a pass; else None."""
    say = getattr(source, "classes", None)
    return say() if callable(say) else None
