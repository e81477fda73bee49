"""Scores over truncation, for a terminal, a program or a reader."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from gandiag.errors import Warn
from gandiag.reporting.plots import figure
from gandiag.reporting.report import (
    ARROWS,
    SCHEMA,
    Report,
    Row,
    headline,
    number,
    warning_lines,
)
from gandiag.reporting.tables import as_text, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Sweep:
    """A report for each truncation, the strongest first."""

    generator: str
    how: str
    """What psi means."""
    points: tuple[tuple[float, Report], ...]
    """(psi, report)."""
    label: str | None = None
    """The class that all samples have, where one was named."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of all scores."""
        return tuple(dict.fromkeys(name for _, report in self.points for name in report))

    def rows(self, name: str) -> list[tuple[float, Row]]:
        """One score at every psi that has it, by its printed name or what was asked for."""
        return [(psi, report[name]) for psi, report in self.points if name in report]

    @property
    def warnings(self) -> tuple[Warn, ...]:
        """Of all reports, each once."""
        found = {(w.code, w.message): w for _, report in self.points for w in report.warnings}
        return tuple(found.values())

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: the report of each psi."""
        return {
            "schema": SCHEMA,
            "generator": self.generator,
            "truncation": self.how,
            "class": self.label,
            "truncations": [{"psi": psi, **report.to_dict()} for psi, report in self.points],
        }

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __rich__(self) -> RenderableType:
        titles = (f">{name} {ARROWS[self.rows(name)[0][1].better]}" for name in self.names)
        cells = (
            (
                f"{psi:g}",
                *(number(report[n].value) if n in report else "-" for n in self.names),
            )
            for psi, report in self.points
        )
        last = self.points[-1][1]
        facts = f"\npsi: {self.how}; {headline(last.provenance)}"
        return Group(
            table(">psi", *titles, rows=cells),
            Text(facts, style="dim"),
            *warning_lines(self.warnings),
        )

    def __str__(self) -> str:
        """The table that the command line shows."""
        return as_text(self)

    def figure(self) -> "Figure":
        """Each score against psi, with its interval; and precision against recall, if both are."""
        both = self._precision_and_recall()
        columns = len(self.names) + bool(both)
        drawing = figure(3.4 * min(columns, 3), 3 * -(-columns // 3))
        for index, name in enumerate(self.names, 1):
            axes = drawing.add_subplot(-(-columns // 3), min(columns, 3), index)
            self._against_psi(axes, name)
        if both:
            self._trade(drawing.add_subplot(-(-columns // 3), min(columns, 3), columns), both)
        return drawing

    def _precision_and_recall(self) -> list[tuple[float, float, float]]:
        return [
            (psi, report["recall"].value, report["precision"].value)
            for psi, report in self.points
            if "precision" in report and "recall" in report
        ]

    def _against_psi(self, axes: "Axes", name: str) -> None:
        rows = self.rows(name)
        psis = [psi for psi, _ in rows]
        axes.plot(psis, [row.value for _, row in rows], marker=".", color="C0")
        lows = [row.value if row.low is None else row.low for _, row in rows]
        highs = [row.value if row.high is None else row.high for _, row in rows]
        axes.fill_between(psis, lows, highs, color="C0", alpha=0.2, linewidth=0)
        axes.set_title(f"{name} ({rows[0][1].better} is better)", fontsize=9)
        axes.set_xlabel("psi", fontsize=8)
        axes.tick_params(labelsize=8)

    def _trade(self, axes: "Axes", points: list[tuple[float, float, float]]) -> None:
        axes.plot([r for _, r, _ in points], [p for _, _, p in points], marker=".", color="C1")
        for psi, recall, precision in points:
            axes.annotate(
                f" {psi:g}", (recall, precision), fontsize=8, va="bottom", annotation_clip=False
            )
        axes.set_title("precision against recall, by psi", fontsize=9)
        axes.set_xlabel("recall", fontsize=8)
        axes.set_ylabel("precision", fontsize=8)
        axes.tick_params(labelsize=8)
