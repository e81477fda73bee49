"""What a detector remembers of a run: recent rows, and extremes since warm-up."""

from collections import deque
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

RECENT = 64
FIRST = 5


class History:
    """Bounded memory of some signals.

    Attributes:
        step: of the newest row.
        newest: the newest row.
        recent: the newest (value, step), oldest first, by signal: some are measured at few checks.
        lowest, highest: (value, step) since warm-up, by signal.
        first: the first five values since warm-up, by signal.
    """

    def __init__(self, reads: Iterable[str]):
        self.reads = tuple(reads)
        self.step = 0
        self.newest: dict[str, float] = {}
        self.recent: dict[str, deque[tuple[float, int]]] = {}
        self.lowest: dict[str, tuple[float, int]] = {}
        self.highest: dict[str, tuple[float, int]] = {}
        self.first: dict[str, list[float]] = {}

    def add(self, step: int, values: Mapping[str, float], *, warm: bool) -> None:
        """A row; before warm-up is over it does not count for the extremes."""
        kept = {name: values[name] for name in self.reads if name in values}
        self.step = step
        self.newest = kept
        for name, value in kept.items():
            self.recent.setdefault(name, deque(maxlen=RECENT)).append((value, step))
        if not warm:
            return
        for name, value in kept.items():
            if name not in self.lowest or value < self.lowest[name][0]:
                self.lowest[name] = (value, step)
            if name not in self.highest or value > self.highest[name][0]:
                self.highest[name] = (value, step)
            if len(early := self.first.setdefault(name, [])) < FIRST:
                early.append(value)

    def forget(self) -> None:
        """Start anew, as after a change of the learning rate; extremes are kept."""
        self.newest = {}
        self.recent.clear()
        self.first.clear()

    def now(self, name: str) -> float | None:
        """In the newest row."""
        return self.newest.get(name)

    def last(self, name: str, count: int) -> list[float]:
        """The newest values, at most `count`, oldest first."""
        return [value for value, _ in self.recent.get(name, ())][-count:]

    def since(self, name: str, step: float) -> list[float]:
        """Those of the newest values that were measured at a step or later, oldest first."""
        return [value for value, measured in self.recent.get(name, ()) if measured >= step]

    def median(self, name: str, count: int) -> float | None:
        """Of the newest `count` values; None if there are fewer."""
        values = self.last(name, count)
        return median(values) if len(values) == count else None

    def early(self, name: str) -> float | None:
        """Median of the first values since warm-up; None while there are fewer than five."""
        values = self.first.get(name, [])
        return median(values) if len(values) == FIRST else None

    def course(self, name: str) -> tuple[float, float] | None:
        """Where a signal comes from and where it is, in the newer half of the run's own steps.

        What a short run does in few steps a long one does in many; nothing here depends on which.

        Returns:
            Medians of the older half of the values that were measured there, and of the newest
            three, or as many as the older half has; None of fewer than two values.
        """
        values = self.since(name, self.step / 2)
        half = len(values) // 2
        return (median(values[:half]), median(values[-min(half, 3) :])) if half else None

    def state_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "step": self.step,
            "newest": self.newest,
            "recent": {name: list(map(list, pairs)) for name, pairs in self.recent.items()},
            "lowest": {name: list(pair) for name, pair in self.lowest.items()},
            "highest": {name: list(pair) for name, pair in self.highest.items()},
            "first": self.first,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.step = state["step"]
        self.newest = dict(state["newest"])
        self.recent = {
            name: deque(((value, step) for value, step in pairs), RECENT)
            for name, pairs in state["recent"].items()
        }
        self.lowest = {name: (value, step) for name, (value, step) in state["lowest"].items()}
        self.highest = {name: (value, step) for name, (value, step) in state["highest"].items()}
        self.first = {name: list(values) for name, values in state["first"].items()}
