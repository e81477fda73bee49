"""A run's file of signals and alerts, read on while it grows."""

import json
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gandiag.errors import GandiagError
from gandiag.monitors import Alert, Recording

FILE = "monitor.jsonl"
DEEP = RecursionError, OverflowError
"""Of JSON that is nested thousands deep, and of steps that are infinite."""
BLOCK = 1 << 22
"""Bytes read at a time; no line of a monitor is so long."""

ROWS = 2_000
"""Checks that are remembered; of longer runs every second one of the older half goes."""

MESSAGES = 500
"""Alerts, ends, marks and notes of each that are remembered: the newest."""

TAIL = 64
"""Bytes before the place read to by which the file is known again."""

PATIENCE = 60.0
"""Seconds without a line that are never called long."""

LONG = 3
"""So many times the longest wait between two lines is long."""


class Extremes(NamedTuple):
    """Of a signal, over all checks, also those that are no longer remembered."""

    low: float
    high: float


class Run:
    """A run as far as it is known.

    A last line that is not finished is left for later. A file that was replaced, shortened or
    written anew is read from its beginning.

    Args:
        run: a folder with a monitor.jsonl, or the file.
        now: seconds since 1970, as files have them.

    Attributes:
        name: as it was named.
        path: of the file.
        found: what it says; of long runs older checks are thinned.
        extremes: of each signal.
        trouble: why it could not be read at the last look; empty if it could.
        changed: when its last line came, by the file's own time; None if nothing has come.
        restarts: how often it began anew while it was followed.
    """

    def __init__(self, run: str | Path, now: Callable[[], float] = time.time):
        self.name = str(run)
        try:
            given = Path(run).expanduser()
        except RuntimeError as error:  # there is no such user
            raise GandiagError(f"{run} is no folder: {error}; name a run") from error
        self.path = given if given.is_file() or given.suffix == ".jsonl" else given / FILE
        self._now = now
        self.restarts = 0
        self._longest = 0.0
        self._begin()

    def _begin(self) -> None:
        self.found = Recording()
        self.extremes: dict[str, Extremes] = {}
        self.trouble = ""
        self.changed: float | None = None
        self._offset = self._lines = 0
        self._tail = b""

    def look(self) -> bool:
        """Read what is new; whether anything is."""
        try:
            if self.path.exists() and not self.path.is_file():  # a pipe would be waited for
                raise GandiagError(f"{self.path} is no file; name a run's {FILE}")
            with self.path.open("rb") as file:
                state = os.fstat(file.fileno())
                new = self._restarted(file.read, file.seek, state)
                file.seek(self._offset)
                while (block := file.read(BLOCK)) and (end := block.rfind(b"\n") + 1):
                    self._take(block[:end])
                    file.seek(self._offset)
                    new = True
                if len(block) == BLOCK:
                    raise GandiagError(f"{self.path} has no lines; name a run's {FILE}")
        except OSError as error:
            return self._troubled(
                f"cannot read {self.path}: {error.strerror or error}; name a run's {FILE}"
            )
        except GandiagError as error:
            return self._troubled(str(error))
        self.trouble = ""
        if new:
            if self.changed is not None:
                self._longest = max(self._longest, state.st_mtime - self.changed)
            self.changed = state.st_mtime
        return new

    def _troubled(self, why: str) -> bool:
        new, self.trouble = why != self.trouble, why
        return new

    def _restarted(
        self, read: Callable[[int], bytes], seek: Callable[[int], int], state: os.stat_result
    ) -> bool:
        """Forget what another file said; whether there was anything."""
        seek(max(0, self._offset - TAIL))
        # Not by its inode: a copy that is brought up to date is a new file each time.
        same = state.st_size >= self._offset and read(len(self._tail)) == self._tail
        begun = self._offset > 0
        if not same:
            self._begin()
            self.restarts += 1
        return begun and not same

    def _take(self, lines: bytes) -> None:
        for line in lines.splitlines(keepends=True):
            try:
                if line.strip():
                    self._add(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, GandiagError, *DEEP) as error:
                raise GandiagError(
                    f"{self.path}, line {self._lines + 1}, is not of a monitor "
                    f"({type(error).__name__}: {error}); name another file"
                ) from error
            self._lines += 1
            self._offset += len(line)
            self._tail = (self._tail + line)[-TAIL:]

    def _add(self, line: Mapping[str, Any]) -> None:
        rows = self.found.rows
        if line["type"] == "signals":
            line = {**line, "step": int(line["step"]), "values": numbers(line["values"])}
        self.found.add(line)
        if self.found.rows is not rows:  # some were dropped: the run begins or resumes
            self.extremes = {}
            for _, values in self.found.rows:
                self._widen(values)
        if line["type"] == "signals":
            self._widen(line["values"])
        thin(self.found)

    def _widen(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            low, high = self.extremes.get(name, (value, value))
            self.extremes[name] = Extremes(min(low, value), max(high, value))

    # --- what is known ---

    @property
    def awaited(self) -> bool:
        """Whether its folder is there, and nothing has come yet."""
        return self.changed is None and self.path.parent.is_dir() and not self.path.exists()

    @property
    def step(self) -> int:
        """The newest check's generator step; 0 before the first."""
        return self.found.rows[-1][0] if self.found.rows else 0

    @property
    def budget(self) -> int | None:
        """Planned steps, where they are known."""
        return self.found.context.budget if self.found.context else None

    @property
    def over(self) -> bool:
        """Whether it was closed, or has come to its last planned step."""
        return self.found.ended or (
            self.budget is not None and bool(self.found.rows) and self.step >= self.budget
        )

    @property
    def silence(self) -> float:
        """Seconds since its last line; 0 if none has come or it is over."""
        if self.changed is None or self.over:
            return 0.0
        return max(0.0, self._now() - self.changed)

    @property
    def patience(self) -> float:
        """Seconds without a line that its lines let expect."""
        return max(PATIENCE, LONG * self._longest)

    @property
    def silent(self) -> bool:
        """Whether nothing has come for longer than that."""
        return self.silence > self.patience

    @property
    def standing(self) -> list[Alert]:
        """Alerts of faults that are not over: of each the newest; the worst first, then by step."""
        ended = {(each.of, each.pathology): each.step for each in self.found.overs}
        newest = {(each.of, each.pathology): each for each in self.found.alerts}
        lasting = [each for key, each in newest.items() if ended.get(key, -1) < each.step]
        rank = {"ERROR": 0, "WARN": 1}
        return sorted(lasting, key=lambda each: (rank.get(each.level, 2), each.step))

    def course(self, name: str) -> list[tuple[int, float]]:
        """(step, value) of a signal at the checks that are remembered and have it."""
        return [(step, row[name]) for step, row in self.found.rows if name in row]


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Those values that are finite numbers."""
    return {
        str(name): value
        for name, value in values.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }


def thin(found: Recording) -> None:
    """Keep what is remembered of a run within `ROWS` and `MESSAGES`."""
    if len(found.rows) > ROWS:
        half = ROWS // 2
        found.rows[:half] = found.rows[:half:2]
    for messages in (found.alerts, found.overs, found.marks, found.notes):
        del messages[:-MESSAGES]


def look_at(runs: Iterable[Run]) -> bool:
    """Look at all of them; whether anything is new."""
    return max([run.look() for run in runs], default=False)
