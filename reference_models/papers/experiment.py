"""What an experiment declares, before it is run; what it measures; no code that runs or judges."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Budget = Literal["small", "default", "full"]
"""``small``: a second or two, to see that it runs; ``full``: the paper's own sizes."""
BUDGETS: tuple[Budget, ...] = get_args(Budget)

Status = Literal["confirmed", "second-hand", "derived"]
"""Read in the paper or its authors' code; quoted by another paper; computed from the paper's
definitions, in closed form."""

Kind = Literal["exact", "same protocol", "scaled"]
"""A closed form or a deterministic run; the published protocol, drawn anew; another size or other
data, where only the direction can hold."""


@dataclass(frozen=True)
class Published:
    """A published number, and the criterion for ours, declared before ours is known."""

    name: str
    """The measured value that it is compared with; a value that a budget leaves out is not
    judged at that budget."""
    what: str
    """In words, with units."""
    kind: Kind
    status: Status
    value: float | None
    """None where the paper shows a picture or says a sentence."""
    error: float | None = None
    """Same protocol: the standard error of `value`; None to take the spread of our repeats, as for
    one published run."""
    tolerance: float | None = None
    """Exact: the largest |ours - value|."""
    above: str | None = None
    """Scaled: the measured value whose repeats ours must exceed; None to print and not judge."""
    source: str = ""
    """Where `value` stands, or why the tolerance is what it is."""

    def __post_init__(self) -> None:
        if self.kind == "exact":
            complete = self.value is not None and self.tolerance is not None
        elif self.kind == "same protocol":
            complete = self.value is not None
        else:
            complete = True
        unused = {
            "exact": (self.error, self.above),
            "same protocol": (self.tolerance, self.above),
            "scaled": (self.tolerance,),
        }[self.kind]
        if not complete or any(each is not None for each in unused):
            raise ValueError(f"{self.name}: what is declared does not fit the kind {self.kind}")


@dataclass(frozen=True)
class Measured:
    """Our value."""

    value: float
    error: float = 0.0
    """Its standard error; 0 of what is deterministic."""
    repeats: tuple[float, ...] = ()
    """What it is the mean of."""

    @classmethod
    def of(cls, repeats: Sequence[float]) -> Self:
        """The mean of two or more repeats, with its standard error."""
        found = cls(float(sum(repeats)) / len(repeats), 0.0, tuple(map(float, repeats)))
        return cls(found.value, found.spread / math.sqrt(len(repeats)), found.repeats)

    @property
    def spread(self) -> float:
        """Standard deviation of one repeat; NaN of fewer than two."""
        n = len(self.repeats)
        if n < 2:
            return math.nan
        return math.sqrt(sum((each - self.value) ** 2 for each in self.repeats) / (n - 1))


@dataclass(frozen=True)
class Result:
    """What a run measured: data alone, so that it can be kept, judged and drawn later."""

    measured: Mapping[str, Measured]
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """What the picture shows beside."""

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers."""
        values = {
            name: {"value": each.value, "error": each.error, "repeats": list(each.repeats)}
            for name, each in self.measured.items()
        }
        return {
            "measured": values,
            "series": {name: list(map(float, each)) for name, each in self.series.items()},
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        measured = {
            name: Measured(each["value"], each["error"], tuple(each["repeats"]))
            for name, each in found["measured"].items()
        }
        return cls(measured, dict(found["series"]))


@dataclass(frozen=True)
class Experiment:
    """A published experiment."""

    name: str
    citation: str
    claim: str
    """In one sentence."""
    protocol: str
    """How it was done there, and where ours departs."""
    published: tuple[Published, ...]
    seconds: Mapping[Budget, float | None]
    """Budget -> measured seconds of one core, None where they are not known until they are
    measured on the machine; a budget that is not there cannot be asked for."""
    run: Callable[[Budget, int], Result]
    """(budget, seed) => what was measured, the same for the same two."""
    draw: Callable[[Result], "Figure"]
    """The paper's figure, ours beside the published points."""
    needs: str = ""
    """What it needs beyond the installation; empty for nothing."""
    kind: str = "minutes of a CPU"
    """What it takes to run it: ``needs a GPU``, ``hours of a CPU``."""
    module: str = ""
    """Where its code is, below this package; by default the file of its name."""
