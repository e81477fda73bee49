"""Scores of a run's checkpoints over training."""

import json
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from gandiag.errors import Warn
from gandiag.reporting.plots import sparkline
from gandiag.reporting.report import ARROWS, SCHEMA, Report, Row, number, warning_line
from gandiag.reporting.tables import table


@dataclass(frozen=True)
class Curve:
    """A report for each checkpoint of a run, in order of training."""

    run: str
    points: tuple[tuple[int, Report], ...]
    """(step, report)."""
    failed: tuple[Warn, ...] = ()
    """Checkpoints that could not be scored."""

    @property
    def last(self) -> Report:
        """Of the newest checkpoint."""
        return self.points[-1][1]

    def rows(self, name: str) -> list[Row]:
        """One score at every checkpoint."""
        return [report[name] for _, report in self.points]

    def best(self, name: str) -> int:
        """The step with the best value of a score; the earliest of equals."""
        rows = self.rows(name)
        sign = 1 if rows[0].better == "lower" else -1
        return min(self.points, key=lambda point: sign * point[1][name].value)[0]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of the command line: the report of each checkpoint, and its step."""
        return {
            "schema": SCHEMA,
            "run": self.run,
            "checkpoints": [{"step": step, **report.to_dict()} for step, report in self.points],
            "warnings": [{"code": each.code, "message": each.message} for each in self.failed],
            "best": {name: self.best(name) for name in self.last},
        }

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __rich__(self) -> RenderableType:
        best = {name: self.best(name) for name in self.last}
        shown = table(">step", *(f">{row.name} {ARROWS[row.better]}" for row in self.last.rows))
        for step, report in self.points:
            values = (
                Text(number(row.value), style="bold" if best[row.name] == step else "")
                for row in report.rows
            )
            shown.add_row(f"{step:,}", *values)
        bars = (sparkline([row.value for row in self.rows(name)]) for name in self.last)
        shown.add_row("", *(Text(each, style="cyan") for each in bars))
        shown.add_row("best at", *(f"{best[name]:,}" for name in self.last))
        return Group(shown, *map(warning_line, self.warnings))

    @property
    def warnings(self) -> tuple[Warn, ...]:
        """Of all checkpoints, each once."""
        found = {(each.code, each.message): each for _, one in self.points for each in one.warnings}
        return (*self.failed, *(found[key] for key in sorted(found)))
