"""What could mislead a reader of a score: each a pure rule over what was gathered."""

import math
from collections.abc import Iterator, Mapping, Sequence

from gandiag.errors import Warn
from gandiag.extractors.base import Precision
from gandiag.extractors.precision import usable
from gandiag.metrics import Role
from gandiag.scoring.gathered import Gathered, Size
from gandiag.scoring.plan import HASHES, Plan
from gandiag.statistics import Hashes, Moments

TREATMENTS: Mapping[str, str] = {
    "alpha": "had transparency, which was dropped as the published tools do",
    "cmyk": "were CMYK and were converted to RGB without a colour profile",
    "16-bit": "had 16 bits a channel and were scaled to 8",
    "exif-rotated": "were rotated as their EXIF orientation says",
    "animated": "were animated; the first frame was taken",
    "mislabelled": "have an extension that is not their format",
    "skipped": "could not be read and were skipped",
    "first-of-stream": "are the first of a stream, not a random draw",
    "half-range": "are floats without a value in the lower half of the stated range: was 0 to 1 "
    "meant?",
    "two-levels": "hold the levels 0 and 1 alone: were they floats in [0, 1], cut off?",
    "not-reproducible": "came out otherwise when they were drawn again: the generator ignores the "
    "random generators that it is given",
}
"""Note code of a source -> what happened to those images."""

OWN_WAYS: Mapping[str, str] = {
    "16-bit": "clips at 255 instead",
    "exif-rotated": "does not turn images",
}
"""Note code -> what the published tools do with such images."""

PHOTOGRAPHS = "photographs"
"""The `domain` of networks that learned from ImageNet, or from pictures of the web."""

TOLD = 10
"""Names listed in a sentence; the provenance lists all."""


def cautions(plan: Plan, gathered: Mapping[Role, Gathered], precision: Precision) -> Iterator[Warn]:
    """All that could mislead a reader, most important first."""
    generated, real, things = gathered["generated"], gathered.get("real"), plan.things
    for extractor in plan.extractors:
        if extractor.provenance().get("verified") == "no":
            yield Warn(
                "unverified",
                f"the weights of {extractor.name} are not the published ones: "
                "the numbers compare with none from elsewhere",
            )
    used = usable(precision, plan.device)
    if used != precision:
        yield Warn(
            "no-bfloat16",
            "this processor has no instructions for bfloat16, and would take longer for it than "
            f"for float32: features are {used}, not {precision}",
        )
    if used != "fp32":
        yield Warn("precision", f"features are {used}; published numbers are fp32")
    if real is not None:
        yield from overlapping(real, generated, _overlap(real, generated), things)
        if (heldout := gathered.get("heldout")) is not None:
            yield from seen(real, heldout, _overlap(real, heldout), things)
        yield from compression(real, generated)
        yield from sizes(real, generated)
        yield from shapes(real, generated)
        yield from quantisation(real, generated)
        yield from contrast(real, generated)
        names = dict.fromkeys(t.key for t in plan.tasks if "real" in t.metric.accepts)
        yield from unequal(real, generated, ", ".join(names), things)
    for task in plan.tasks:
        if Moments in task.metric.accepts.get("generated", ()):
            width = task.extractor.layers[task.layer]
            name = task.printed(next(iter(task.metric.outputs)))
            yield from small_sample(list(gathered.values()), width, name, things)
    for extractor in plan.extractors:
        size = getattr(extractor, "input_size", None)
        if size is not None:
            yield from enlarged(list(gathered.values()), size)
        yield from out_of_domain(list(gathered.values()), extractor.name, domain_of(extractor))
        yield from cropped(list(gathered.values()), extractor.name, extractor.provenance())
        yield from same_network(generated, extractor.name)
    for each in gathered.values():
        hashes = each.statistics.get(HASHES)
        if isinstance(hashes, Hashes):
            yield from duplicated(each, hashes.duplicates(), things)
        yield from treated(each, things, plan.protocol.name)


def _overlap(real: Gathered, generated: Gathered) -> int:
    a, b = generated.statistics.get(HASHES), real.statistics.get(HASHES)
    return a.overlap(b) if isinstance(a, Hashes) and isinstance(b, Hashes) else 0


def treated(gathered: Gathered, things: str, protocol: str) -> Iterator[Warn]:
    """Images that were changed in a way that a person would see, or left out."""
    for code, what in TREATMENTS.items():
        if (note := gathered.notes.get(code)) is not None:
            named = ", ".join(note.names[:TOLD]) or f"first: {note.example}"
            more = f" and {note.count - TOLD:,} more" if note.names and note.count > TOLD else ""
            these = f"{note.count:,} of the {things} of {gathered.name}"
            own = OWN_WAYS.get(code) if protocol != "gandiag" else None
            other = f"; {protocol} {own}, so this is not its number" if own else ""
            yield Warn(code, f"{these} {what} ({named}{more}){other}")
    if (note := gathered.notes.get("passed-over")) is not None:
        yield Warn(
            "passed-over",
            f"{note.count:,} files of {gathered.name} are no images that are read, and were passed "
            f"over (first: {note.example})",
        )


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


def enlarged(sources: Sequence[Gathered], input_size: int) -> Iterator[Warn]:
    """Images below the network's input size in one source and not in another.

    Where all are below it, as all of CIFAR are, nothing is said: the scores of that data in papers
    are of enlarged images, too.
    """
    below = {each.name: _below(each, input_size) for each in sources if each.sizes}
    whole = {each.name: each.n for each in sources if each.sizes}
    if any(below.values()) and below != whole:
        told = " and ".join(f"{n:,} of {name}" for name, n in below.items() if n)
        yield Warn(
            "enlarged",
            f"some images are enlarged to {input_size} pixels and others are not ({told}): "
            "compare only with scores from images of the same size",
        )


def shapes(real: Gathered, generated: Gathered) -> Iterator[Warn]:
    """Images of another shape, height to width: they are squeezed otherwise."""
    one, other = _ratio(real), _ratio(generated)
    if one and other and abs(math.log(one / other)) > 0.05:
        yield Warn(
            "shapes-differ",
            f"{generated.name} is {_usual(generated)} and {real.name} is {_usual(real)}, of "
            "another shape: both are squeezed to a square, each in its own way; crop them alike",
        )


def quantisation(real: Gathered, generated: Gathered) -> Iterator[Warn]:
    """Floats cut off to bytes on one side and rounded on the other: half a level everywhere."""
    cut = {each.name: each.looks.truncated for each in (real, generated) if each.looks}
    if len(cut) == 2 and {*cut.values()} == {True, False}:
        name = next(name for name, is_cut in cut.items() if is_cut)
        yield Warn(
            "quantisation",
            f"white in {name} is 254 and not 255, as where floats are cut off to bytes and not "
            "rounded: half a level darker than the other set, which scores see; round both",
        )


def contrast(real: Gathered, generated: Gathered) -> Iterator[Warn]:
    """Generated images that each reach black and white where real ones do not."""
    shares = [
        each.looks.stretched / each.n if each.looks and each.n else None
        for each in (real, generated)
    ]
    if shares[0] is not None and shares[1] is not None and shares[0] < 0.5 and shares[1] > 0.95:
        yield Warn(
            "contrast",
            f"{100 * shares[1]:.0f} % of {generated.name} reach both 0 and 255 and "
            f"{100 * shares[0]:.0f} % of {real.name} do: was each image's contrast stretched, as "
            "save_image(normalize=True) does? save them with one range for all",
        )


def out_of_domain(sources: Sequence[Gathered], name: str, domain: str) -> Iterator[Warn]:
    """A network of colour photographs on grey images."""
    seen = [each for each in sources if each.looks is not None and each.n]
    if domain == PHOTOGRAPHS and seen and all(_grey(each) > 0.9 for each in seen):
        yield Warn(
            "out-of-domain",
            f"the images are grey and {name} learned from colour photographs: its features are "
            "made for other images, so that a better score need not look better; see whether "
            "another network ranks alike, such as a classifier of this data",
        )


def cropped(
    sources: Sequence[Gathered], name: str, provenance: Mapping[str, str]
) -> Iterator[Warn]:
    """Borders that the network never sees."""
    if provenance.get("crop", "none") == "none":
        return
    for each in sources:
        count = sum(n for size, n in each.sizes.items() if len(size) == 2 and size[0] != size[1])
        if count:
            yield Warn(
                "cropped",
                f"{count:,} of the images of {each.name} are no squares, and {name} sees only "
                "their middle; what is at the borders is not scored",
            )


def same_network(generated: Gathered, name: str) -> Iterator[Warn]:
    """A generator that was trained with the network that scores it."""
    note = generated.notes.get("trained-with")
    if note is not None and name.partition(":")[0] in note.names:
        yield Warn(
            "same-network",
            f"{generated.name} was trained with {name}, which now scores it: it has learned what "
            "that network sees; choose another one with --features",
        )


def domain_of(extractor: object) -> str:
    """What a network learned from: an attribute `domain`, where an extractor has one."""
    return str(getattr(extractor, "domain", ""))


def _grey(gathered: Gathered) -> float:
    return gathered.looks.grey / gathered.n if gathered.looks and gathered.n else 0.0


def _ratio(gathered: Gathered) -> float | None:
    """Height over width of most of the images."""
    pictures = {size: n for size, n in gathered.sizes.items() if len(size) == 2}
    if not pictures:
        return None
    height, width = max(pictures, key=lambda each: pictures[each])
    return height / width


def _below(gathered: Gathered, input_size: int) -> int:
    return sum(n for size, n in gathered.sizes.items() if len(size) == 2 and min(size) < input_size)


def small_sample(sources: Sequence[Gathered], width: int, name: str, things: str) -> Iterator[Warn]:
    """Fewer images than features: the covariance is singular and the distance biased upwards."""
    few = [
        f"{each.name} has {each.n:,}" for each in sources if each.n is not None and each.n < width
    ]
    if few:
        yield Warn(
            "small-sample",
            f"{' and '.join(few)} {things}, fewer than the {width:,} features: {name} is biased "
            "upwards by much; compare it at equal N only, or use kid",
        )


def unequal(real: Gathered, generated: Gathered, names: str, things: str) -> Iterator[Warn]:
    """Counts that differ by more than a factor of two."""
    if real.n and generated.n and not 0.5 <= real.n / generated.n <= 2:
        yield Warn(
            "unequal-n",
            f"{generated.n:,} generated {things} against {real.n:,} real ones: {names} "
            "depend on both counts, so state them with the score",
        )


def duplicated(gathered: Gathered, count: int, things: str) -> Iterator[Warn]:
    """Images that occur more than once."""
    if count:
        yield Warn(
            "duplicates",
            f"{count:,} of the {gathered.n:,} {things} of {gathered.name} are copies of "
            "another one",
        )


def overlapping(real: Gathered, generated: Gathered, count: int, things: str) -> Iterator[Warn]:
    """Generated images that are, pixel for pixel, among the real ones."""
    if count:
        exactly = "pixel for pixel" if things == "images" else "to the last digit"
        yield Warn(
            "overlap",
            f"{count:,} of the {things} of {generated.name} are, {exactly}, in "
            f"{real.name}: were real {things} copied into the samples?",
        )


def seen(real: Gathered, heldout: Gathered, count: int, things: str) -> Iterator[Warn]:
    """Held-out images that are, pixel for pixel, among the real ones."""
    if count:
        yield Warn(
            "heldout-overlap",
            f"{count:,} of the {things} of {heldout.name} are in {real.name} too, so these are not "
            "held out: what they show of a perfect generator, and of copying, is too good",
        )


def _share(gathered: Gathered, code: str) -> float:
    note = gathered.notes.get(code)
    return note.count / gathered.n if note is not None and gathered.n else 0.0


def size_text(size: Size) -> str:
    """``28x28`` for an image, ``2-d`` for a point."""
    return "x".join(map(str, size)) if len(size) == 2 else f"{size[0]}-d"


def _usual(gathered: Gathered) -> str:
    size = size_text(max(gathered.sizes, key=lambda each: gathered.sizes[each]))
    return size if len(gathered.sizes) == 1 else f"mostly {size}"
