"""Scores of a run's checkpoints over training."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gandiag.reporting.report import ARROWS, SCHEMA, Report, Row, number
from gandiag.scoring.scorer import Scorer
from gandiag.sources import checkpoints
from gandiag.reporting.plots import sparkline


@dataclass(frozen=True)
class Curve:
    """A report for each checkpoint of a run, in order of training."""

    run: str
    points: tuple[tuple[int, Report], ...]
    """(step, report)."""

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
            "best": {name: self.best(name) for name in self.last},
        }

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __rich__(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("step", justify="right", no_wrap=True)
        for row in self.last.rows:
            table.add_column(
                Text(f"{row.name} {ARROWS[row.better]}"), justify="right", no_wrap=True
            )
        best = {name: self.best(name) for name in self.last}
        for step, report in self.points:
            values = (
                Text(number(row.value), style="bold" if best[row.name] == step else "")
                for row in report.rows
            )
            table.add_row(f"{step:,}", *values)
        bars = (sparkline([row.value for row in self.rows(name)]) for name in self.last)
        table.add_row("", *(Text(each, style="cyan") for each in bars))
        table.add_row("best at", *(f"{best[name]:,}" for name in self.last))
        warnings = {
            (each.code, each.message) for _, report in self.points for each in report.warnings
        }
        lines = (Text("! ", style="yellow") + Text(message) for _, message in sorted(warnings))
        return Group(table, *lines)


def score_checkpoints(run: str | Path, scorer: Scorer) -> Curve:
    """Score every checkpoint of a run; the real images are read once.

    Args:
        run: a folder of checkpoints, see `gandiag.sources.checkpoints`.
        scorer: what to score them with.

    Raises:
        GandiagError: there is no checkpoint, or one cannot be read or scored.
    """
    found = checkpoints(Path(run).expanduser())
    return Curve(str(run), tuple((step, scorer(folder)) for step, folder in found))
