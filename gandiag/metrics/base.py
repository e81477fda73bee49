"""What every metric says of itself: what it reads, what it needs, what it returns."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple, Self

from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.replicates import Replicates, deleted
from gandiag.statistics import Bank, Statistic

Role = Literal["real", "heldout", "generated"]
"""What a set of images is to a metric."""
Better = Literal["lower", "higher"]
"""In which direction a number is better."""


class Pair(NamedTuple):
    """A generated row and a real one to look at side by side."""

    generated: int
    """Its place among the generated rows, from 0."""
    real: int
    """The same of the real row."""
    distance: float
    """Between their features."""


class Placed(NamedTuple):
    """A generated row and a number of its own."""

    generated: int
    """Its place among the generated rows, from 0."""
    value: float


@dataclass(frozen=True)
class Score:
    """A number and how far it can be trusted."""

    value: float
    low: float | None = None
    high: float | None = None
    confidence: float = 0.95
    method: str = ""
    """Where the interval comes from and what it covers, e.g. ``Wilson over generated images``."""
    extra: Mapping[str, float] = field(default_factory=dict)
    """Numbers to read beside the value: the std over splits, what a perfect sampler would get."""
    pairs: tuple[Pair, ...] = ()
    """Samples to look at beside the real images that they are near to, the closest first."""
    highest: tuple[Placed, ...] = ()
    """Samples to look at: those whose own numbers are the highest, the highest first."""
    lowest: tuple[Placed, ...] = ()
    """The same from the other end, the lowest first; none is in both."""


class Unfit(GandiagError):  # noqa: N818 (named for what it says, as GandiagError itself is)
    """A metric cannot be had from these features; left out, unless it was asked for by name.

    The message goes on from the metric's name: ``needs class logits, which pixels does not have``.
    `way` is the way out.
    """

    def __init__(self, why: str, way: str) -> None:
        self.why, self.way = why, way
        super().__init__(f"{why}; {way}")


@dataclass(frozen=True)
class Known:
    """What is known of the features before any is computed."""

    extractor: str
    """Its name."""
    layers: Mapping[str, int]
    """Layer -> width."""
    features: str
    """The layer that distances are taken in."""
    logits: str | None = None
    """The layer of class logits, if there is one."""
    classes: tuple[str, ...] = ()
    """The names of the logits, where they have names."""
    balanced: bool = False
    """Whether all classes are equally likely by construction, as those of stacks."""
    points: bool = False
    """Whether the rows are points, with coordinates for features."""
    means: tuple[tuple[float, ...], ...] = ()
    """The modes of the mixture that real points were drawn from, where it is known: (K, d)."""
    sd: float = 0.0
    """Their standard deviation in every direction."""
    labelled: bool = False
    """Whether real points have labels."""


@dataclass(frozen=True)
class Metric(ABC):
    """Statistics in, named numbers out; its fields are its parameters, its repr its provenance.

    A metric is a frozen dataclass that says `name`, `summary`, `outputs`, and whatever differs from
    the defaults below.
    """

    name: ClassVar[str]
    """What a person asks for: ``fid``."""
    summary: ClassVar[str]
    """One line for ``--help``: what it measures and what it catches."""
    outputs: ClassVar[Mapping[str, Better]]
    """The numbers it returns, and which way is better. One that the data does not have is missing:
    what needs labels, without them."""
    generic: ClassVar[Mapping[str, str]] = {}
    """Output -> its name on features other than the canonical Inception's (``fid`` -> ``fd``)."""
    reads: ClassVar[Literal["features", "logits"]] = "features"
    """Which of the extractor's layers it eats unless `layer` names one."""
    accepts: ClassVar[Mapping[Role, tuple[type[Statistic], ...]]] = {
        "real": (Bank,),
        "generated": (Bank,),
    }
    """Role -> statistics it can work from, best first."""

    choose: ClassVar[tuple[str, str] | None] = None
    """Where a protocol's own features will not do: why, and what to choose."""

    layer: str | None = field(default=None, kw_only=True)
    """A layer by name, or None for the extractor's own choice."""

    @abstractmethod
    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """By role (`real=`, `generated=`) => a score for each of `outputs` that the data has.

        Raises:
            GandiagError: too few rows, or widths that differ.
        """

    def minimum(self, role: Role) -> int:
        """How many images of `role` it needs."""
        return 1

    def on(self, known: Known) -> Self:
        """This metric as it runs on such features: what only they can tell is filled in.

        Raises:
            Unfit: it cannot be had from them.
        """
        if self.reads == "logits" and self.layer is None and known.logits is None:
            raise Unfit(
                f"needs class logits, which {known.extractor} does not have",
                "give images" if known.points else "choose --features inception or lite0",
            )
        return self

    def remarks(self, **statistics: Statistic) -> Iterator[tuple[str, str]]:
        """What could mislead a reader of these scores: (code, sentence)."""
        yield from ()

    def each(self, **statistics: Statistic) -> dict[str, Tensor]:
        """Numbers of single generated samples: name => (m,) float64, in the order of the rows.

        NaN where a sample has none. Most metrics have no such numbers.
        """
        return {}

    def replicates(
        self, tell: Callable[[float], None] = lambda share: None, **statistics: Statistic
    ) -> Replicates:
        """Its outputs without each twentieth of each role's rows, for a jackknife.

        By computing it anew each time, which a metric that finds them in one pass need not do.
        """

        def values(given: Mapping[str, Statistic]) -> dict[str, float]:
            return {output: score.value for output, score in self(**given).items()}

        kinds = {str(role): each for role, each in self.accepts.items()}
        return deleted(values, statistics, kinds, tell)

    def unjudged(self) -> Mapping[str, str]:
        """Outputs that `compare` gives no verdict on, and why: what its jackknife does not fit.

        The reason goes on from "no verdict: ".
        """
        return {}

    def telling(self, tell: Callable[[float], None]) -> Self:
        """The same, telling what share of its work is done; most are done before one could ask."""
        return self
