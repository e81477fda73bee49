"""How to score: one record for Python, the command line and a configuration file."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

import torch

from gandiag.errors import GandiagError, unknown
from gandiag.extractors.base import FeatureExtractor, Precision
from gandiag.metrics.base import Metric
from gandiag.scoring.protocols import Protocol
from gandiag.sources import Generator

Progress = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
"""``with progress(what, total) as advance: ... advance(n)``: how long work is told to a person."""

OnBadImage = Literal["fail", "skip"]


@contextlib.contextmanager
def silent(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Tell nobody."""
    yield lambda _: None


def option(
    default: Any,
    help: str,  # noqa: A002  (the word that click has for it)
    *,
    metavar: str | None = None,
    least: int | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A field that the command line has, too: ``batch_size`` is ``--batch-size``.

    Args:
        default: its value when nobody says otherwise.
        help: a sentence for `gandiag score --help`.
        metavar: what stands for the value there.
        least: the lowest value allowed.
        choices: the only values allowed.
    """
    told = {"help": help, "metavar": metavar, "least": least, "choices": choices}
    return field(default=default, metadata=told)


@dataclass(frozen=True)
class Options:
    """What `gandiag.score` and `gandiag score` can be told beside the images.

    Raises:
        GandiagError: a value that is out of range.
    """

    features: str | FeatureExtractor | None = option(
        None,
        "inception, lite0, dinov2, vgg16, pixels, timm:NAME, digits, fashion-mnist, "
        "stacked-digits, stacked-fashion-mnist, or a classifier's file; for points identity. "
        "The default is the protocol's own.",
        metavar="NAME|FILE",
    )
    """The network; or an extractor of your own (`gandiag.extractors.FeatureExtractor`)."""

    metrics: str | Metric | Sequence[str | Metric] | None = option(
        None,
        'Names, with parameters where you want others: "fid,prdc(k=3),fid(layer=pool1)"; or all. '
        "The default is the protocol's own.",
        metavar="NAME[,NAME...]",
    )
    """Names as on the command line, or objects such as ``PRDC(k=3)``, or several of either."""

    protocol: str | Protocol = option(
        "gandiag", "Give the numbers of a published tool; see below.", metavar="NAME"
    )
    """A name from `gandiag.protocols.PROTOCOLS`, or a `Protocol` of your own."""

    per_class: bool = option(False, "Also score each class alone (sub-folders, labels).")
    """Both sources need labels."""

    max_images: int | None = option(
        None, "Use N images of each source, drawn without replacement.", metavar="N", least=1
    )
    """A generator makes so many."""

    value_range: tuple[float, float] | None = option(
        None, "What black and white are in float images: 0 1, or -1 1.", metavar="LOW HIGH"
    )
    """Float images are refused without it: a range guessed wrongly moves every score."""

    seed: int = option(
        0, "Of the draw of --max-images, and of a generator's samples.", metavar="S", least=0
    )

    device: str | torch.device | None = option(
        None, "cpu, cuda, cuda:N or mps; the default is the best there is.", metavar="D"
    )
    """Where the network runs."""

    precision: Precision = option(
        "fp32", "Of the network; published numbers are fp32.", choices=get_args(Precision)
    )

    batch_size: int = option(32, "Images through the network at once.", metavar="N", least=1)

    workers: int | None = option(
        None, "Threads that read images; 0 reads between batches.", metavar="N", least=0
    )
    """None for as many as there are cores, up to eight."""

    on_bad_image: OnBadImage = option(
        "fail",
        "An image that cannot be read ends the run, or is left out and reported.",
        choices=get_args(OnBadImage),
    )

    cache: bool = option(True, "Do not keep the statistics of real images.")
    """Statistics of real images are kept on disk, keyed by their content."""

    allow_unverified: bool = option(
        False, "Accept weights with another digest than the published one; scores say so."
    )

    generator: Generator | None = None
    """What makes samples of a file of weights; see `gandiag.sources.Generator`."""

    progress: Progress = field(default=silent, repr=False, compare=False)
    """How to tell of long work."""

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            _check(each.name, getattr(self, each.name), each.metadata)
        if self.value_range is not None:
            object.__setattr__(self, "value_range", _range(self.value_range))

    def changed(self, **changes: Any) -> Self:
        """The same with some fields changed.

        Raises:
            GandiagError: there is no such field, or a value is out of range.
        """
        names = [each.name for each in dataclasses.fields(self)]
        for name in changes:
            if name not in names:
                raise unknown("option", name, names)
        return dataclasses.replace(self, **changes)


def _check(name: str, value: Any, told: Any) -> None:
    least, choices = told.get("least"), told.get("choices")
    if choices and value not in choices:
        raise GandiagError(f"{name} is {value!r}; it must be {' or '.join(choices)}")
    if least is None or value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise GandiagError(f"{name} is {value!r}; it must be a whole number")
    if value < least:
        raise GandiagError(f"{name} must be at least {least}, not {value}")


def _range(given: Any) -> tuple[float, float]:
    try:
        low, high = (float(each) for each in given)
    except (TypeError, ValueError):
        low = high = 0.0
    if not low < high < float("inf") or low == -float("inf"):
        raise GandiagError(
            f"value_range is {given!r}; give what black and white are, as in (0, 1) or (-1, 1)"
        )
    return low, high
