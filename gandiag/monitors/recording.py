"""A run's file of signals and alerts, and detectors fed from it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from gandiag.errors import GandiagError
from gandiag.monitors import alerts, context
from gandiag.monitors.alerts import Alert, Over
from gandiag.monitors.context import Context
from gandiag.monitors.pathologies import ALL
from gandiag.monitors.pathologies.detector import make
from gandiag.monitors.pathologies.rule import Pathology
from gandiag.monitors.thresholds import Thresholds

Row = tuple[int, Mapping[str, float]]


class Mark(NamedTuple):
    """Something changed on purpose.

    Attributes:
        step: when.
        after: step of the last check before it.
        event: what.
    """

    step: int
    after: int
    event: str


class Note(NamedTuple):
    """What concerned the monitor itself: a part that failed, an optimizer that stands still."""

    step: int
    level: str
    message: str


@dataclass
class Recording:
    """What a monitor wrote.

    Attributes:
        context: of the run; None if the file has only begun.
        rows: (step, signals), by step.
        alerts: as they were raised.
        overs: their ends.
        marks: changes that were made on purpose.
        notes: on the monitor itself.
        ended: whether the monitor was closed.
    """

    context: Context | None = None
    rows: list[Row] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    overs: list[Over] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    ended: bool = False
    _started: bool = False

    def add(self, line: Mapping[str, Any]) -> None:
        """One object of the file; unknown types are skipped."""
        kind = line["type"]
        self.ended = kind == "end"
        if kind == "start":
            self.context = context.from_json(line["context"])
            self._started = True
            return
        if self._started:
            # A run that starts in a folder again, and does not resume, starts anew.
            # What closing found after the last check is found again at the next one.
            self.back_to(line.get("checked", line["step"]) if kind == "resume" else -1)
            self._started = False
        if kind == "signals":
            self.rows.append((line["step"], line["values"]))
        elif kind == "alert":
            self.alerts.append(alerts.from_json(line))
        elif kind == "over":
            self.overs.append(alerts.over_from_json(line))
        elif kind == "mark":
            self.marks.append(Mark(line["step"], line["after"], line["event"]))
        elif kind == "note":
            self.notes.append(Note(line["step"], line["level"], line["message"]))

    def back_to(self, step: int) -> None:
        """Drop what came after a step: a resumed run does it again."""
        self.rows = [row for row in self.rows if row[0] <= step]
        self.alerts = [alert for alert in self.alerts if alert.step <= step]
        self.overs = [over for over in self.overs if over.step <= step]
        self.marks = [mark for mark in self.marks if mark.after <= step]
        self.notes = [note for note in self.notes if note.step <= step]


def read(path: str | Path) -> Recording:
    """What is in a ``monitor.jsonl`` so far; a last line that is not finished is left out.

    Raises:
        GandiagError: the file is not there, or a line before the last is not one of a monitor.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise GandiagError(
            f"cannot read {path}: {error.strerror or error}; name a run's monitor.jsonl"
        ) from error
    found = Recording()
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            found.add(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise GandiagError(
                f"{path}, line {number}, is not of a monitor ({error}); name another file"
            ) from error
    return found


def replay(
    rows: Iterable[Row],
    context: Context,
    thresholds: Thresholds | None = None,
    marks: Iterable[Mark] = (),
    known: Iterable[Pathology] = ALL,
) -> list[Alert]:
    """The alerts that fresh detectors raise on recorded rows: those of the live monitor.

    Args:
        rows: (step, signals), oldest first.
        context: of the run.
        thresholds: other than the published ones.
        marks: of the run.
        known: pathologies to watch for.
    """
    watching = make(context, thresholds, known)
    resets = sorted(mark.after for mark in marks)
    found = []
    for step, values in rows:
        while resets and resets[0] < step:
            resets.pop(0)
            for each in watching:
                each.forget()
        found += [alert for each in watching if (alert := each(step, values)) is not None]
    return found
