"""What could mislead a reader of a score: each a pure rule over what was gathered."""

from collections.abc import Iterator, Mapping, Sequence

from gandiag.reporting.report import Warn
from gandiag.scoring.gather import Gathered

TREATMENTS: Mapping[str, str] = {
    "alpha": "had transparency, which was dropped as the published tools do",
    "cmyk": "were CMYK and were converted to RGB without a colour profile",
    "16-bit": "had 16 bits a channel and were scaled to 8",
    "exif-rotated": "were rotated as their EXIF orientation says",
    "animated": "were animated; the first frame was taken",
    "mislabelled": "have an extension that is not their format",
    "skipped": "could not be read and were skipped",
    "first-of-stream": "are the first of a stream, not a random draw",
}
"""Note code of a source -> what happened to those images."""


TOLD = 10
"""Names listed in a sentence; the provenance lists all."""


def treated(gathered: Gathered) -> Iterator[Warn]:
    """Images that were changed in a way that a person would see, or left out."""
    for code, what in TREATMENTS.items():
        if (note := gathered.notes.get(code)) is not None:
            named = ", ".join(note.names[:TOLD]) or f"first: {note.example}"
            more = f" and {note.count - TOLD:,} more" if note.names and note.count > TOLD else ""
            these = f"{note.count:,} of the {gathered.things} of {gathered.name}"
            told = f"{these} {what} ({named}{more})"
            yield Warn(code, told)


def compression(real: Gathered, generated: Gathered) -> Iterator[Warn]:
    """Lossy files beside lossless ones: the compression is scored along with the images."""
    shares = {each.name: _share(each, "lossy") for each in (real, generated)}
    if abs(_share(real, "lossy") - _share(generated, "lossy")) > 0.01:
        told = " and ".join(f"{100 * share:.0f} % of {name}" for name, share in shares.items())
        yield Warn(
            "lossy",
            f"{told} are lossy files (JPEG, lossy WebP): the score measures the compression too",
        )


def sizes(real: Gathered, generated: Gathered) -> Iterator[Warn]:
    """Different sizes of real and generated images: resizing differs between them."""
    if real.sizes and generated.sizes and not set(real.sizes) & set(generated.sizes):
        yield Warn(
            "sizes-differ",
            f"{generated.name} is {_usual(generated)} and {real.name} is {_usual(real)}: "
            "what resizing does to each is part of the score",
        )


def enlarged(gathered: Gathered, input_size: int) -> Iterator[Warn]:
    """Images below the network's input size."""
    count = sum(
        n for size, n in gathered.sizes.items() if "x" in size and min(_sides(size)) < input_size
    )
    if count:
        yield Warn(
            "enlarged",
            f"{count:,} of the images of {gathered.name} were enlarged to {input_size} pixels: "
            "compare only with scores from images of the same size",
        )


def small_sample(gathered: Gathered, width: int, name: str) -> Iterator[Warn]:
    """Fewer images than features: the covariance is singular and the distance biased upwards."""
    if gathered.n is not None and gathered.n < width:
        yield Warn(
            "small-sample",
            f"{gathered.name} has {gathered.n:,} {gathered.things}, fewer than the {width:,} "
            "features: "
            f"{name} is biased upwards by much; compare it at equal N only, or use kid",
        )


def unequal(real: Gathered, generated: Gathered, names: str) -> Iterator[Warn]:
    """Counts that differ by more than a factor of two."""
    if real.n and generated.n and not 0.5 <= real.n / generated.n <= 2:
        yield Warn(
            "unequal-n",
            f"{generated.n:,} generated {generated.things} against {real.n:,} real ones: {names} "
            "depend on both counts, so state them with the score",
        )


def duplicated(gathered: Gathered, count: int) -> Iterator[Warn]:
    """Images that occur more than once."""
    if count:
        yield Warn(
            "duplicates",
            f"{count:,} of the {gathered.n:,} {gathered.things} of {gathered.name} are copies of "
            "another one",
        )


def overlapping(real: Gathered, generated: Gathered, count: int) -> Iterator[Warn]:
    """Generated images that are, pixel for pixel, among the real ones."""
    if count:
        exactly = "pixel for pixel" if generated.things == "images" else "to the last digit"
        yield Warn(
            "overlap",
            f"{count:,} of the {generated.things} of {generated.name} are, {exactly}, in "
            f"{real.name}: were real {generated.things} copied into the samples?",
        )


def unknown_classes(gathered: Gathered, names: Sequence[str], judge: str) -> Iterator[Warn]:
    """Labels that are neither names nor places of the classes that `judge` sorts samples into."""
    unknown = sorted(set(gathered.labels or ()) - {*names, *map(str, range(len(names)))})
    if unknown:
        classes = (
            f"the classes of {judge} ({_few(names)})" if names else f"names that {judge} knows"
        )
        yield Warn(
            "unknown-classes",
            f"gan_test was left out: labels of {gathered.name} ({_few(unknown)}) are not {classes}",
        )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - TOLD:,} more" if len(names) > TOLD else ""
    return ", ".join(names[:TOLD]) + more


def _share(gathered: Gathered, code: str) -> float:
    note = gathered.notes.get(code)
    return note.count / gathered.n if note is not None and gathered.n else 0.0


def _sides(size: str) -> tuple[int, int]:
    height, width = size.split("x")
    return int(height), int(width)


def _usual(gathered: Gathered) -> str:
    size = max(gathered.sizes, key=lambda each: gathered.sizes[each])
    return size if len(gathered.sizes) == 1 else f"mostly {size}"
