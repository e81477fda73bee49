"""Which of several sets is better, score by score, for a terminal, a program or a reader."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Self

from rich.console import Group, RenderableType
from rich.text import Text

from gandiag.errors import Warn
from gandiag.metrics.base import Better
from gandiag.reporting import saved
from gandiag.reporting.notebook import as_html
from gandiag.reporting.report import (
    ARROWS,
    SCHEMA,
    Report,
    finite,
    headline,
    number,
    warning_lines,
)
from gandiag.reporting.tables import as_text, table

if TYPE_CHECKING:
    import pandas as pd

    from gandiag.reporting.figures import Drawn

COMMAND = "gandiag compare --json"
"""Writes what `Comparison.from_json` reads."""

Verdict = Literal["first", "second", "unknown", "none"]
"""Which of the two is better; `unknown`: cannot tell at this N; `none`: no interval to tell by."""

FAR = 1e4
"""So many times the images at hand are out of reach."""


@dataclass(frozen=True)
class Difference:
    """One score of two sets."""

    first: str
    """The letter of a set, see `Comparison.sets`."""
    second: str
    name: str
    """As it is printed: ``fd[lite0]``."""
    output: str
    """As it was asked for: ``fid``."""
    better: Better
    values: tuple[float, float]
    difference: float
    """The first less the second."""
    low: float | None
    """Of an interval that is right, for all differences of the comparison together, in 95 %."""
    high: float | None
    chance: float | None
    """p of a two-sided t test, alone."""
    verdict: Verdict
    enough: float | None
    """Images of each set that would probably tell; None where it is decided or nobody can say."""
    method: str

    @property
    def words(self) -> str:
        """The verdict for people: ``A better``; ``cannot tell; about 4,000 images would``."""
        if self.verdict == "first":
            return f"{self.first} better"
        if self.verdict == "second":
            return f"{self.second} better"
        if self.verdict == "none":
            return self.method
        if self.enough is None:
            return "cannot tell"
        return f"cannot tell; about {_rounded(self.enough)} of each might"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "first": self.first,
            "second": self.second,
            "name": self.name,
            "asked": self.output,
            "better": self.better,
            "values": list(self.values),
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "p": self.chance,
            "verdict": self.words if self.verdict in ("first", "second") else "cannot tell",
            "n_to_tell": self.enough,
            "interval_method": self.method,
        }

    @classmethod
    def from_dict(cls, whole: Mapping[str, Any]) -> Self:
        """What `to_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        first, second = saved.text(whole["first"]), saved.text(whole["second"])
        low = saved.maybe(whole["low"])
        # Where the sets cannot be told apart, an interval is what there is to tell by.
        open_: Verdict = "none" if low is None else "unknown"
        decided: dict[str, Verdict] = {f"{first} better": "first", f"{second} better": "second"}
        one, other = map(saved.number, whole["values"])
        return cls(
            first=first,
            second=second,
            name=saved.text(whole["name"]),
            output=saved.text(whole["asked"]),
            better=saved.better(whole["better"]),
            values=(one, other),
            difference=saved.number(whole["difference"]),
            low=low,
            high=saved.maybe(whole["high"]),
            chance=saved.maybe(whole["p"]),
            verdict=decided.get(whole["verdict"], open_),
            enough=saved.maybe(whole["n_to_tell"]),
            method=saved.text(whole["interval_method"]),
        )


@dataclass(frozen=True)
class Comparison:
    """What `gandiag.compare` returns."""

    sets: Mapping[str, str]
    """Letter -> name of the set."""
    reports: Mapping[str, Report]
    """Letter -> its scores; a set that is known from a saved report has none."""
    differences: tuple[Difference, ...]
    warnings: tuple[Warn, ...]
    provenance: Mapping[str, Any]

    def __getitem__(self, name: str) -> Difference:
        """The first difference of a score, by any of its names."""
        for each in self.differences:
            if name in (each.name, each.output, each.name.partition("[")[0]):
                return each
        there = ", ".join(dict.fromkeys(each.name for each in self.differences))
        raise KeyError(f"{name!r} was not compared; there are {there}")

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The letters that were compared."""
        return tuple(dict.fromkeys((each.first, each.second) for each in self.differences))

    def of_pair(self, first: str, second: str) -> tuple[Difference, ...]:
        """The differences of two sets."""
        return tuple(e for e in self.differences if (e.first, e.second) == (first, second))

    def worse(self, letter: str = "A") -> tuple[Difference, ...]:
        """Where a set is certainly worse than another."""
        lost = {"first": 1, "second": 0}
        return tuple(
            each
            for each in self.differences
            if each.verdict in lost and (each.first, each.second)[lost[each.verdict]] == letter
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of the command line."""
        whole: dict[str, Any] = finite(
            {
                "schema": SCHEMA,
                "sets": dict(self.sets),
                "differences": [each.to_dict() for each in self.differences],
                "warnings": [
                    {"code": each.code, "message": each.message} for each in self.warnings
                ],
                "provenance": dict(self.provenance),
                "reports": {letter: each.to_dict() for letter, each in self.reports.items()},
            }
        )
        return whole

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    @classmethod
    def from_dict(cls, whole: Mapping[str, Any]) -> Self:
        """What `to_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        return cls(
            sets={letter: saved.text(name) for letter, name in whole["sets"].items()},
            reports={letter: Report.from_dict(each) for letter, each in whole["reports"].items()},
            differences=tuple(map(Difference.from_dict, whole["differences"])),
            warnings=tuple(map(saved.warn, whole["warnings"])),
            provenance=saved.provenance(whole["provenance"]),
        )

    @classmethod
    def from_json(cls, given: "str | PathLike[str]") -> Self:
        """From a file of ``gandiag compare --json``, or from the text of `to_json`.

        Raises:
            GandiagError: it is neither.
        """
        name, whole = saved.parsed(given, COMMAND)
        with saved.understood(name, COMMAND):
            return cls.from_dict(whole)

    def to_pandas(self) -> "pd.DataFrame":
        """A row a difference; the columns are those of the CSV.

        Raises:
            GandiagError: pandas is not installed.
        """
        from gandiag.reporting.comparison_formats import COLUMNS, records
        from gandiag.reporting.frames import frame

        return frame(COLUMNS, records(self))

    def plot(self) -> "Drawn":
        """(figure, axes) of matplotlib: each difference with its interval.

        Raises:
            GandiagError: no difference has an interval.
        """
        from gandiag.reporting.figures import plot_comparison

        return plot_comparison(self)

    def __str__(self) -> str:
        """The table that the command line shows."""
        return as_text(self)

    def _repr_html_(self) -> str:
        """The same in a notebook."""
        return as_html(self)

    def __rich__(self) -> RenderableType:
        return Group(*self._parts())

    def _parts(self) -> Iterator[RenderableType]:
        for letter, name in self.sets.items():
            yield Text(f"{letter}  {name}")
        for first, second in self.pairs:
            yield Text()
            yield table(
                "score",
                "",
                f">{first}",
                f">{second}",
                f">{first} - {second}",
                "95 % together",
                "~verdict",
                rows=map(_cells, self.of_pair(first, second)),
            )
        yield Text(f"\n{self.summary}")
        yield Text(headline(self.provenance), style="dim")
        if self.warnings:
            yield Text()
        yield from warning_lines(self.warnings)

    @property
    def summary(self) -> str:
        """One sentence on each pair."""
        return "\n".join(self._sentence(*pair) for pair in self.pairs)

    def _sentence(self, first: str, second: str) -> str:
        of_pair = self.of_pair(first, second)
        told = []
        for verdict, one, other in (("first", first, second), ("second", second, first)):
            names = [each.name for each in of_pair if each.verdict == verdict]
            if names:
                told.append(f"{one} is better than {other} by {', '.join(names)}")
        judged = sum(each.verdict != "none" for each in of_pair)
        scores = f"{judged} score{'s' * (judged != 1)}"
        if not judged:
            return f"No score here can tell {first} from {second}."
        if not told:
            any_of = "any of " if judged > 1 else ""
            return f"{first} and {second} cannot be told apart by {any_of}{scores} at this N."
        return "; ".join(told) + f" (of {scores} judged)."


def _cells(each: Difference) -> Iterator[str | Text]:
    yield each.name
    yield ARROWS[each.better]
    yield from map(number, each.values)
    yield number(each.difference)
    yield (
        "-"
        if each.low is None or each.high is None
        else f"{number(each.low)} … {number(each.high)}"
    )
    style = {"first": "green", "second": "red"}.get(each.verdict, "dim")
    yield Text(each.words, style=style)


def _rounded(n: float) -> str:
    """To two digits, for no more is known."""
    digits = max(0, math.floor(math.log10(n)) - 1)
    return f"{math.ceil(n / 10**digits) * 10**digits:,}"
