"""Scores of a run's checkpoints over training."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from rich.console import Group, RenderableType
from rich.text import Text

from gandiag.errors import Warn
from gandiag.metrics.base import Better
from gandiag.reporting import saved
from gandiag.reporting.notebook import as_html
from gandiag.reporting.plots import sparkline
from gandiag.reporting.report import (
    ARROWS,
    SCHEMA,
    Report,
    Row,
    number,
    warning_lines,
)
from gandiag.reporting.tables import as_text, table

if TYPE_CHECKING:
    import pandas as pd

    from gandiag.reporting.figures import Drawn

COMMAND = "gandiag score --every-checkpoint --json"
"""Writes what `Curve.from_json` reads."""


@dataclass(frozen=True)
class Curve:
    """A report for each checkpoint of a run, in order of training."""

    run: str
    points: tuple[tuple[int, Report], ...]
    """(step, report)."""
    failed: tuple[tuple[int, Warn], ...] = ()
    """(step, why) of checkpoints that could not be scored."""

    @property
    def last(self) -> Report:
        """Of the newest checkpoint that could be scored."""
        return self.points[-1][1]

    @property
    def names(self) -> tuple[str, ...]:
        """Of all scores that any checkpoint has."""
        return tuple(dict.fromkeys(name for _, report in self.points for name in report))

    def rows(self, name: str) -> list[Row]:
        """One score at every checkpoint that has it."""
        return [report[name] for _, report in self.points if name in report]

    def values(self, name: str) -> list[float]:
        """One score at every checkpoint; NaN where there is none."""
        return [report[name].value if name in report else math.nan for _, report in self.points]

    def better(self, name: str) -> Better:
        """Which way is better for a score."""
        return self.rows(name)[0].better

    def best(self, name: str) -> int | None:
        """The step with the best value of a score, the earliest of equals; None without any."""
        sign = 1 if self.better(name) == "lower" else -1
        steps = (step for step, _ in self.points)
        there = zip(steps, self.values(name), strict=True)
        finite = [(step, value) for step, value in there if math.isfinite(value)]
        return min(finite, key=lambda each: sign * each[1])[0] if finite else None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of the command line: the report of each checkpoint, and its step."""
        return {
            "schema": SCHEMA,
            "run": self.run,
            "checkpoints": [{"step": step, **report.to_dict()} for step, report in self.points],
            "warnings": [
                {"code": each.code, "step": step, "message": each.message}
                for step, each in self.failed
            ],
            "best": {name: self.best(name) for name in self.names},
        }

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
            run=saved.text(whole["run"]),
            points=tuple(
                (int(each["step"]), Report.from_dict(each)) for each in whole["checkpoints"]
            ),
            failed=tuple((int(each["step"]), saved.warn(each)) for each in whole["warnings"]),
        )

    @classmethod
    def from_json(cls, given: "str | PathLike[str]") -> Self:
        """From a file of ``gandiag score --every-checkpoint --json``, or the text of `to_json`.

        Raises:
            GandiagError: it is neither.
        """
        name, whole = saved.parsed(given, COMMAND)
        with saved.understood(name, COMMAND):
            return cls.from_dict(whole)

    def to_pandas(self) -> "pd.DataFrame":
        """A row a score of each checkpoint; the columns are those of the CSV.

        Raises:
            GandiagError: pandas is not installed.
        """
        from gandiag.reporting.formats import COLUMNS, records
        from gandiag.reporting.frames import frame

        return frame(COLUMNS, records(self))

    def plot(self) -> "Drawn":
        """(figure, axes) of matplotlib: each score over training, with intervals and floors.

        Raises:
            GandiagError: there is no score.
        """
        from gandiag.reporting.figures import plot_curve

        return plot_curve(self)

    def __rich__(self) -> RenderableType:
        names = self.names
        best = {name: self.best(name) for name in names}
        values = {name: self.values(name) for name in names}
        rows: list[tuple[str | Text, ...]] = [
            (
                f"{step:,}",
                *(
                    Text(number(values[name][index]), style="bold" if best[name] == step else "")
                    for name in names
                ),
            )
            for index, (step, _) in enumerate(self.points)
        ]
        rows.append(("", *(Text(sparkline(values[name]), style="cyan") for name in names)))
        steps = ("-" if best[name] is None else f"{best[name]:,}" for name in names)
        rows.append(("best at", *steps))
        titles = (f">{name} {ARROWS[self.better(name)]}" for name in names)
        return Group(table(">step", *titles, rows=rows), *warning_lines(self.warnings))

    def __str__(self) -> str:
        """The table that the command line shows."""
        return as_text(self)

    def _repr_html_(self) -> str:
        """The same in a notebook."""
        return as_html(self)

    @property
    def warnings(self) -> tuple[Warn, ...]:
        """Of all checkpoints, each once."""
        found = {(each.code, each.message): each for _, one in self.points for each in one.warnings}
        return (*(each for _, each in self.failed), *found.values())
