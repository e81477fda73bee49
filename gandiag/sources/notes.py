"""What a pass over the images saw that a reader of the score should know."""

from collections import Counter

from gandiag.sources.base import Note

CODES = (
    "skipped",  # could not be read
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


class Tally:
    """Counts codes and sizes while images go by."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._skipped: list[str] = []
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._first_of_size: dict[tuple[int, int], str] = {}

    def add(self, code: str, name: str) -> None:
        """Code `code` holds for the image `name`."""
        self._counts[code] += 1
        self._examples.setdefault(code, name)
        if code == "skipped" and len(self._skipped) < NAMED:
            self._skipped.append(name)

    def add_size(self, size: tuple[int, int], name: str) -> None:
        """The image `name` is `size` pixels (height, width)."""
        self._sizes[size] += 1
        self._first_of_size.setdefault(size, name)

    def notes(self) -> dict[str, Note]:
        """By code, in the order of `CODES`."""
        found = {
            code: Note(count, self._examples[code], tuple(self._skipped) * (code == "skipped"))
            for code, count in self._counts.items()
        }
        if len(self._sizes) > 1:
            # Of two sizes that are equally common the one seen first is the usual one.
            (usual, most), *_ = self._sizes.most_common(1)
            odd = next(name for size, name in self._first_of_size.items() if size != usual)
            found["mixed-sizes"] = Note(self._sizes.total() - most, odd)
        return {code: found[code] for code in CODES if code in found}
