"""The monitor's own share of the time: measured, and kept under what was promised."""

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from statistics import median_low
from typing import Any

PROBES = ("samples", "judgements", "features")
"""What is costly. Samples must be drawn for the other two."""
WAITING = ("", "window", "processes")
"""Parts in which the training is waited for: its kernels, other processes. Not the monitor's."""
NAMES = ("training", "rest", *PROBES)
LAST = 5
"""Windows of which the median counts: a loop may stop to save or to evaluate."""
MOST = 4
"""Checks after which a costly probe runs, whatever it takes: to see in time matters more than the
share of a loop whose steps take a few milliseconds. The report says then what was taken."""


class Stopwatch:
    """Seconds by part of the monitor; those that nothing is entered for are the training's.

    A part that calls another does not get the other's seconds. On an accelerator only the host's
    clock is read, and nothing is waited for: work is counted where its results are taken.

    Args:
        clock: seconds since some moment.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter):
        self.clock = clock
        self.spent: dict[str, float] = {}
        self._open: list[str] = []
        self._since: float | None = None

    def enter(self, part: str) -> None:
        """From now on it is this part's time."""
        self._note()
        self._open.append(part)

    def leave(self) -> None:
        """It is again the time of who called."""
        self._note()
        self._open.pop()

    def taken(self) -> dict[str, float]:
        """All seconds so far, by part; ``""`` are the training's. The count begins anew."""
        self._note()
        out, self.spent = self.spent, {}
        return out

    def _note(self) -> None:
        now = self.clock()
        if self._since is not None:
            part = self._open[-1] if self._open else ""
            self.spent[part] = self.spent.get(part, 0.0) + now - self._since
        self._since = now


class Overhead:
    """Puts costly probes off so that the monitor takes no more than its share.

    Args:
        share: of the time, that of training and monitor together; None: at every check, always.
        every: steps between checks.
        probes: of `PROBES`, those that there are.
    """

    def __init__(self, share: float | None, every: int, probes: Collection[str] = PROBES):
        self.share, self.every = share, every
        self.probes = [name for name in PROBES if name in probes]
        self.put_off = dict.fromkeys(self.probes, 1)
        self._waited = dict.fromkeys(self.probes, MOST)
        self._recent: dict[str, deque[float]] = {name: deque(maxlen=LAST) for name in NAMES}
        self._own = self._all = 0.0

    def due(self) -> frozenset[str]:
        """The probes of the coming check."""
        due = {name for name in self.probes if self._waited[name] >= self.put_off[name]}
        return frozenset(due if "samples" in due else ())

    def learn(self, seconds: Mapping[str, float], steps: int, ran: Collection[str]) -> None:
        """From a check; several processes must learn from the same numbers.

        Args:
            seconds: of `NAMES`, since the check before.
            steps: of the generator, in the same time.
            ran: probes of this check.
        """
        for name in self.probes:
            self._waited[name] = 1 if name in ran else self._waited[name] + 1
        if self.share is None or steps < 1:
            return
        self._own += sum(seconds[name] for name in NAMES if name != "training")
        self._all += sum(seconds[name] for name in NAMES)
        self._recent["training"].append(seconds["training"] / steps)
        for name in ("rest", *ran):
            self._recent[name].append(seconds[name])
        self._plan(self.share)

    def _plan(self, share: float) -> None:
        typical = {name: median_low(values) for name, values in self._recent.items() if values}
        window = self.every * typical["training"]
        left = share / (1 - share) * window - typical["rest"]
        # A first look is dearer than others: it warms up what it calls.
        known = [name for name in self.probes if len(self._recent[name]) > 1]
        known.sort(key=lambda name: typical[name])
        for i, name in enumerate(known):
            # What a cheap one leaves of its part is for the dearer ones.
            fair, times = left / (len(known) - i), 1
            while typical[name] > times * fair and times < MOST:
                times *= 2
            self.put_off[name] = times
            left -= typical[name] / times
        for name in known:
            self.put_off[name] = max(self.put_off[name], self.put_off["samples"])

    def notes(self) -> list[str]:
        """For people: what is put off, and the share so far where it is more than promised."""
        if self.share is None or not self._all:
            return []
        notes = [
            f"{name} every {times * self.every} steps to keep {self.share:.3g} of the time"
            for name, times in self.put_off.items()
            if times > 1
        ]
        taken = self._own / self._all
        late = "; give a larger every" if taken > self.share and self._stretched() else ""
        return [*notes, f"the monitor took {taken:.1%} of the time so far{late}"]

    def _stretched(self) -> bool:
        return any(times >= MOST for times in self.put_off.values())

    def state_dict(self, guard: object) -> dict[str, Any]:
        """As JSON values; nothing here can fail."""
        return {
            "overhead": {
                "put_off": self.put_off,
                "waited": self._waited,
                "recent": {name: list(values) for name, values in self._recent.items()},
                "time": [self._own, self._all],
            }
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        kept = state["overhead"]
        for name in self.probes:
            if name in kept["put_off"]:
                self.put_off[name] = kept["put_off"][name]
                self._waited[name] = kept["waited"][name]
        for name, values in kept["recent"].items():
            self._recent[name].extend(values)
        self._own, self._all = kept["time"]


def grouped(parts: Mapping[str, float]) -> dict[str, float]:
    """Seconds of `NAMES`, from those of the parts that a `Stopwatch` saw."""
    out = dict.fromkeys(NAMES, 0.0)
    for part, seconds in parts.items():
        out[_group(part)] += seconds
    return out


def _group(part: str) -> str:
    if part in WAITING:
        return "training"
    if part == "features":
        return "features"
    if part.startswith("discriminator's "):
        return "judgements"
    return "samples" if part.startswith("panel") else "rest"
