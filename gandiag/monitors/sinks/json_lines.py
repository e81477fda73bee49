"""A run's file."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gandiag.errors import GandiagError
from gandiag.monitors.alerts import Alert, Over


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
