"""What every metric promises."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from gandiag.statistics import Statistic

Role = Literal["real", "heldout", "generated"]


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


class Metric(Protocol):
    """Statistics in, named numbers out; its fields are its parameters, its repr its provenance."""

    name: ClassVar[str]
    """What a person asks for: ``fid``."""
    summary: ClassVar[str]
    """One line for ``--help``: what it measures and what it catches."""
    outputs: ClassVar[Mapping[str, Literal["lower", "higher"]]]
    """The numbers it returns, and which way is better. One that the data does not have is missing:
    what needs labels, without them."""
    generic: ClassVar[Mapping[str, str]]
    """Output -> its name on features other than the canonical Inception's (``fid`` -> ``fd``)."""
    reads: ClassVar[Literal["features", "logits"]]
    """Which of the extractor's layers it eats unless `layer` names one."""
    accepts: ClassVar[Mapping[Role, tuple[type[Statistic], ...]]]
    """Role -> statistics it can work from, best first."""
    layer: str | None
    """A layer by name, or None for the extractor's own choice."""

    def minimum(self, role: Role) -> int:
        """How many images of `role` it needs."""
        ...

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """By role (`real=`, `generated=`) => a score for each of `outputs` that the data has.

        Raises:
            GandiagError: too few rows, or widths that differ.
        """
        ...
