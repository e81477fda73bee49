"""How to score: one record for Python, the command line and a configuration file."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

import torch

from gandiag.errors import GandiagError, unknown
from gandiag.extractors import EXTRACTORS
from gandiag.extractors.base import FeatureExtractor, Precision
from gandiag.metrics.base import Metric
from gandiag.scoring.protocols import Protocol
from gandiag.sources import Generator

Progress = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
"""``with progress(what, total) as advance: ... advance(n)``: how long work is told to a person."""

OnBadImage = Literal["fail", "skip"]
Draw = Literal["random", "first"]


@contextlib.contextmanager
def silent(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Tell nobody."""
    yield lambda _: None


def told(
    help: str,  # noqa: A002  (the word that click has for it)
    *,
    metavar: str | None = None,
    least: int | None = None,
    choices: tuple[str, ...] = (),
    moves: bool = False,
) -> dict[str, Any]:
    """What makes a field an option of the command line: ``batch_size`` is ``--batch-size``.

    Args:
        help: a sentence for `gandiag score --help`.
        metavar: what stands for the value there.
        least: the lowest value allowed.
        choices: the only values allowed.
        moves: whether it can move a score; it then stands in a report's provenance.
    """
    return {
        "help": help,
        "metavar": metavar,
        "least": least,
        "choices": choices,
        "moves": moves,
    }


@dataclass(frozen=True)
class Options:
    """What `gandiag.score` and `gandiag score` can be told beside the images.

    Raises:
        GandiagError: a value that is out of range.
    """

    features: str | FeatureExtractor | None = field(
        default=None,
        metadata=told(
            f"{', '.join(name + row.argument for name, row in EXTRACTORS.items())}, or a "
            "classifier's file. The default is the protocol's own.",
            metavar="NAME|FILE",
        ),
    )
    """The network; or an extractor of your own (`gandiag.extractors.FeatureExtractor`)."""

    metrics: str | Metric | Sequence[str | Metric] | None = field(
        default=None,
        metadata=told(
            'Names, with parameters where you want others: "fid,prdc(k=3),fid(layer=pool1)"; '
            "The default is the protocol's own.",
            metavar="NAME[,NAME...]",
        ),
    )
    """Names as on the command line, or objects such as ``PRDC(k=3)``, or several of either."""

    protocol: str | Protocol = field(
        default="gandiag",
        metadata=told("Give the numbers of a published tool; see below.", metavar="NAME"),
    )
    """A name from `gandiag.protocols.PROTOCOLS`, or a `Protocol` of your own."""

    per_class: bool = field(
        default=False, metadata=told("Also score each class alone (sub-folders, labels).")
    )
    """Both sources need labels."""

    max_images: int | None = field(
        default=None,
        metadata=told(
            "Use N images of each source, drawn without replacement.",
            metavar="N",
            least=1,
            moves=True,
        ),
    )
    """A generator makes so many."""

    draw: Draw = field(
        default="random",
        metadata=told(
            "Which N images --max-images takes: at random, or the first as fid50k does.",
            choices=get_args(Draw),
            moves=True,
        ),
    )

    value_range: tuple[float, float] | None = field(
        default=None,
        metadata=told(
            "What black and white are in float images: 0 1, or -1 1.",
            metavar="LOW HIGH",
            moves=True,
        ),
    )
    """Float images are refused without it: a range guessed wrongly moves every score."""

    seed: int = field(
        default=0,
        metadata=told(
            "Of the draw of --max-images, and of a generator's samples.",
            metavar="S",
            least=0,
            moves=True,
        ),
    )

    device: str | torch.device | None = field(
        default=None,
        metadata=told("cpu, cuda, cuda:N or mps; the default is the best there is.", metavar="D"),
    )
    """Where the network runs."""

    precision: Precision = field(
        default="fp32",
        metadata=told(
            "Of the network; published numbers are fp32.", choices=get_args(Precision), moves=True
        ),
    )

    batch_size: int = field(
        default=32, metadata=told("Images through the network at once.", metavar="N", least=1)
    )

    workers: int | None = field(
        default=None,
        metadata=told(
            "Threads that decode, resize and hash images; 0 does so between batches.",
            metavar="N",
            least=0,
        ),
    )
    """None for as many as there are cores, up to eight."""

    on_bad_image: OnBadImage = field(
        default="fail",
        metadata=told(
            "An image that cannot be read ends the run, or is left out and reported.",
            choices=get_args(OnBadImage),
            moves=True,
        ),
    )

    cache: bool = field(default=True, metadata=told("Do not keep the statistics of real images."))
    """Statistics of real images are kept on disk, keyed by their content."""

    allow_unverified: bool = field(
        default=False,
        metadata=told("Accept weights with another digest than the published one; scores say so."),
    )

    per_sample: bool = False
    """Whether the report has the numbers of single generated images, see `Report.per_sample`."""

    generator: Generator | None = None
    """What makes samples of a file of weights; see `gandiag.sources.Generator`."""

    progress: Progress = field(default=silent, repr=False, compare=False)
    """How to tell of long work."""

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            _check(each.name, getattr(self, each.name), each.metadata)
        if self.value_range is not None:
            object.__setattr__(self, "value_range", _range(self.value_range))

    def provenance(self) -> dict[str, Any]:
        """What of this can move a score, by name."""
        return {
            each.name: getattr(self, each.name)
            for each in dataclasses.fields(self)
            if each.metadata.get("moves")
        }

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


def _check(name: str, value: Any, limits: Mapping[str, Any]) -> None:
    least, choices = limits.get("least"), limits.get("choices")
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
