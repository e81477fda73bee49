"""Rows, alerts and notes on their way to the sinks, of which none can end the training."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from gandiag.monitors.alerts import Alert, Over
from gandiag.monitors.guarding import Failure, Guard
from gandiag.monitors.sinks import JsonLines, Log, Sink

SHEETS = 10
"""A sheet of samples is told at the first check, at each tenth after it, and beside alerts."""


class Teller:
    """Hands everything to each sink by itself.

    Args:
        sinks: of the user, each with `signals`, `alert` and `close`, some with `note`, `over` or
            `samples`.

    Attributes:
        guard: for all parts of the monitor; a part that fails is told of here, once.
        step: of the training, for what is told out of turn.
    """

    def __init__(self, sinks: Iterable[Sink]):
        self.guard = Guard(self._failed)
        self.step = 0
        self._rows, self._alerted = 0, False
        self._file: JsonLines | None = None
        self._sinks: dict[str, Sink] = {}
        for sink in sinks:
            self._add(sink)
        # A note that only a dashboard gets is not seen in time.
        self._log = None if any(isinstance(each, Log) for each in self._sinks.values()) else Log()

    def open(self, path: Path) -> None:
        """Write a run's file from now on.

        Raises:
            GandiagError: it cannot be written.
        """
        self._file = JsonLines(path)
        self._add(self._file)

    def _add(self, sink: Sink) -> None:
        name = f"sink {type(sink).__name__}"
        twins = sum(each.split(" #")[0] == name for each in self._sinks)
        self._sinks[f"{name} #{twins + 1}" if twins else name] = sink

    def signals(self, step: int, row: Mapping[str, float]) -> None:
        """A row to all; each gets a copy of its own."""
        self._rows, self._alerted = self._rows + 1, False
        for name, sink in self._sinks.items():
            self.guard(name, sink.signals, step, dict(row))

    def alert(self, alert: Alert) -> None:
        """An alert to all."""
        self._alerted = True
        for name, sink in self._sinks.items():
            self.guard(name, sink.alert, alert)

    def samples(self, step: int, sheet: Tensor | None) -> None:
        """A sheet, if it is time for one, to all that take it; after the row and its alerts."""
        if sheet is None or not (self._alerted or self._rows % SHEETS == 1):
            return
        for name, sink in self._sinks.items():
            take = getattr(sink, "samples", None)
            if take is not None:
                self.guard(name, take, step, sheet.cpu())

    def over(self, over: Over) -> None:
        """An end to all that take it, or as a note to those that take only notes."""
        for name, sink in self._sinks.items():
            take, note = getattr(sink, "over", None), getattr(sink, "note", None)
            if take is not None:
                self.guard(name, take, over)
            elif note is not None:
                self.guard(name, note, over.step, "INFO", over.message, "")

    def note(self, level: str, message: str, trace: str = "") -> None:
        """Something about the monitor itself, to the log and to all that take notes."""
        if self._log is not None:
            self.guard("log", self._log.note, self.step, level, message, trace)
        for name, sink in self._sinks.items():
            take = getattr(sink, "note", None)
            if take is not None:
                self.guard(name, take, self.step, level, message, trace)

    def write(self, kind: str, fields: Mapping[str, Any]) -> None:
        """A line of the run's file."""
        for name, sink in self._sinks.items():
            if sink is self._file:
                self.guard(name, self._file.write, kind, fields)

    def close(self) -> None:
        """Close all, also those that have failed."""
        for name, sink in self._sinks.items():
            self.guard(f"closing of {name}", sink.close)

    def _failed(self, failure: Failure) -> None:
        self.note(
            "WARN",
            f"the monitor's {failure.part} failed at step {self.step} and is left out from now on; "
            f"training goes on ({failure.reason})",
            failure.trace,
        )
