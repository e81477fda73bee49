"""Where signals and alerts go: the log, a file, TensorBoard, Weights & Biases, a function."""

import json
import logging
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from gandiag.errors import GandiagError
from gandiag.monitors.alerts import Alert, Over
from gandiag.monitors.probing import random_states

LOGGING = {"INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR}


class Sink(Protocol):
    """Gets every row and every alert, in order; what it raises is told once, and it is left out.

    One that has ``note(step, level, message, trace)`` also gets what concerns the monitor itself: a
    part that failed, with its traceback, or an optimizer that stands still. One that has
    ``over(over)`` gets the end of what was alerted; without it, as a note.
    """

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """A row, at each check."""
        ...

    def alert(self, alert: Alert) -> None:
        """A pathology has set in."""
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...


class Log:
    """Alerts to the logger ``gandiag``; signals are left out."""

    def __init__(self, logger: logging.Logger | None = None):
        self.logger = logger or logging.getLogger("gandiag")

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """Nothing."""

    def alert(self, alert: Alert) -> None:
        """One record of the alert's level."""
        self.logger.log(LOGGING[alert.level], "%s", alert.message)

    def over(self, over: Over) -> None:
        """One record of the alert's level: who has seen the one sees the other."""
        self.logger.log(LOGGING[over.level], "%s", over.message)

    def note(self, step: int, level: str, message: str, trace: str) -> None:
        """One record; the traceback is of level DEBUG."""
        self.logger.log(LOGGING[level], "%s", message)
        if trace:
            self.logger.debug("%s", trace)

    def close(self) -> None:
        """Nothing."""


class JsonLines:
    """One JSON object a line, written through at once; see `gandiag.monitors.recording`.

    Args:
        path: appended to.

    Raises:
        GandiagError: it cannot be written.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # A run that was killed may have left half a line.
            if path.exists() and not (there := path.read_bytes()).endswith(b"\n"):
                os.truncate(path, there.rfind(b"\n") + 1)
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise GandiagError(
                f"cannot write {path}: {error.strerror or error}; name another folder (run=)"
            ) from error

    def write(self, kind: str, fields: Mapping[str, Any]) -> None:
        """A line {"type": kind, ...}."""
        self._file.write(json.dumps({"type": kind, **fields}, allow_nan=False) + "\n")
        self._file.flush()

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """A line of type ``signals``."""
        self.write("signals", {"step": step, "values": dict(values)})

    def alert(self, alert: Alert) -> None:
        """A line of type ``alert``."""
        self.write("alert", alert.to_json())

    def over(self, over: Over) -> None:
        """A line of type ``over``."""
        self.write("over", over.to_json())

    def note(self, step: int, level: str, message: str, trace: str) -> None:
        """A line of type ``note``."""
        self.write("note", {"step": step, "level": level, "message": message, "traceback": trace})

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TensorBoard:
    """Scalars ``gandiag/NAME`` and alerts as text.

    Args:
        writer: a SummaryWriter of torch.utils.tensorboard, or a folder for a new one.

    Raises:
        GandiagError: a folder is given and tensorboard is not installed.
    """

    def __init__(self, writer: Any):
        self._own = isinstance(writer, str | Path)
        if self._own:
            module = _optional("torch.utils.tensorboard", "tensorboard")
            writer = module.SummaryWriter(str(writer))
        self.writer = writer

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """A scalar for each."""
        for name, value in values.items():
            self.writer.add_scalar(f"gandiag/{name}", value, step)

    def alert(self, alert: Alert) -> None:
        """Text under the pathology's name."""
        self.writer.add_text(f"gandiag/{alert.pathology}", alert.message, alert.step)

    def over(self, over: Over) -> None:
        """Text under the pathology's name."""
        self.writer.add_text(f"gandiag/{over.pathology}", over.message, over.step)

    def note(self, step: int, level: str, message: str, trace: str) -> None:
        """Text under ``monitor``."""
        self.writer.add_text("gandiag/monitor", message, step)

    def close(self) -> None:
        """Close a writer that was opened here; write out another's."""
        if self._own:
            self.writer.close()
        else:
            self.writer.flush()


class WeightsAndBiases:
    """Scalars ``gandiag/NAME`` to a run, alerts as its alerts.

    Args:
        run: of ``wandb.init``; None for the one that is active.

    Raises:
        GandiagError: none is given and wandb is not installed, or has no active run.
    """

    def __init__(self, run: Any = None):
        if run is None:
            run = _optional("wandb", "wandb").run
            if run is None:
                raise GandiagError("wandb has no active run; call wandb.init() first, or give run=")
        self.run = run

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """Logged beside the step, not at it: the run's own counter belongs to the user."""
        self.run.log({"gandiag/step": step, **{f"gandiag/{k}": v for k, v in values.items()}})

    def alert(self, alert: Alert) -> None:
        """An alert of the same level; titles have fewer than 64 characters."""
        self.run.alert(title=f"gandiag: {alert.pathology}", text=alert.message, level=alert.level)

    def over(self, over: Over) -> None:
        """An alert of level INFO under the pathology's title."""
        self.run.alert(title=f"gandiag: {over.pathology}", text=over.message, level="INFO")

    def note(self, step: int, level: str, message: str, trace: str) -> None:
        """An alert of that level."""
        self.run.alert(title="gandiag: monitor", text=message, level=level)

    def close(self) -> None:
        """The run belongs to the user."""


class Callback:
    """A function of each alert.

    What it raises is told once, and it is not called again; only KeyboardInterrupt and SystemExit
    end the training. `Monitor.should_stop` is there for a loop that wants to end.

    Args:
        function: alert -> anything.
    """

    def __init__(self, function: Callable[[Alert], object]):
        self.function = function

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """Nothing."""

    def alert(self, alert: Alert) -> None:
        """Call it."""
        self.function(alert)

    def close(self) -> None:
        """Nothing."""


def _optional(module: str, package: str) -> Any:
    try:
        with random_states():
            return import_module(module)
    except ImportError as error:
        raise GandiagError(
            f"this sink needs {package}, which is not installed; pip install {package}"
        ) from error
