"""What a pass over the images saw that a reader of the score should know."""

from collections import Counter

from torch import Tensor

from gandiag.sources.base import Note

CODES = (
    "skipped",  # could not be read
    "passed-over",  # files beside the images that are none, by their names
    "not-reproducible",  # a generator that gives other samples for the same seeds
    "trained-with",  # a generator that learned from networks that could score it, by name
    "half-range",  # no value of the lower half of a stated range that begins below 0
    "two-levels",  # uint8 of 0 and 1 only, as from floats in [0, 1] that were cast
    "first-of-stream",  # not a random draw: a stream has no random access
    "mixed-sizes",  # differ in size from most of the others
    "lossy",
    "alpha",
    "cmyk",
    "16-bit",
    "exif-rotated",
    "animated",
    "mislabelled",
)
"""All codes of notes, in the order they are given; the treatments are told in `decode`."""

NAMED = 1000
"""So many skipped images are named, the rest are only counted."""


ValueRange = tuple[float, float]
"""What is black and what is white, in floats."""


class Tally:
    """Counts codes and sizes while the images of one pass go by."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._skipped: list[str] = []
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._first_of_size: dict[tuple[int, int], str] = {}
        self._first: str | None = None
        # What holds for the source only if it holds for every image: asked until one denies it.
        self._half = self._two = True
        self._brightest = 0

    def add(self, code: str, name: str) -> None:
        """Code `code` holds for the image `name`."""
        self._counts[code] += 1
        self._examples.setdefault(code, name)
        if code == "skipped" and len(self._skipped) < NAMED:
            self._skipped.append(name)

    def add_image(self, pixels: Tensor, name: str, value_range: ValueRange | None = None) -> None:
        """The image `name` was given: (3, height, width) uint8, quantised from `value_range`."""
        size = pixels.shape[1], pixels.shape[2]
        self._sizes[size] += 1
        self._first_of_size.setdefault(size, name)
        if self._first is None:
            self._first = name
        if self._half:
            # The middle of the range becomes level 128: halves are rounded up.
            below_0 = value_range is not None and value_range[0] < 0
            self._half = below_0 and int(pixels.min()) >= 128
        if self._two:
            self._brightest = max(self._brightest, int(pixels.max()))
            self._two = self._brightest <= 1

    def notes(self) -> dict[str, Note]:
        """By code, in the order of `CODES`."""
        found = {
            code: Note(count, self._examples[code], tuple(self._skipped) * (code == "skipped"))
            for code, count in self._counts.items()
        }
        if self._first is not None:
            whole = Note(self._sizes.total(), self._first)
            if self._half:
                found["half-range"] = whole
            if self._two and self._brightest == 1:
                found["two-levels"] = whole
        if len(self._sizes) > 1:
            # Of two sizes that are equally common the one seen first is the usual one.
            (usual, most), *_ = self._sizes.most_common(1)
            odd = next(name for size, name in self._first_of_size.items() if size != usual)
            found["mixed-sizes"] = Note(self._sizes.total() - most, odd)
        return {code: found[code] for code in CODES if code in found}


class Passes:
    """The tallies of a source's passes, which may go on at the same time in several threads."""

    def __init__(self) -> None:
        self._latest = Tally()
        self._whole: Tally | None = None

    def begin(self) -> Tally:
        """A tally for one pass alone."""
        self._latest = Tally()
        return self._latest

    def end(self, tally: Tally) -> None:
        """The pass of `tally` came to its end."""
        self._whole = tally

    def notes(self) -> dict[str, Note]:
        """What the last whole pass saw, or before there is one, what was seen so far."""
        return (self._whole or self._latest).notes()
