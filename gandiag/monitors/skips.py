"""Optimizer steps that should have been and were not."""

from collections import Counter
from collections.abc import Mapping
from typing import Any


class Skips:
    """Counts calls without a step that is usual, as a GradScaler leaves them out.

    Such a step fires no hook. An optimizer that never steps between two calls skips nothing.
    """

    def __init__(self) -> None:
        self.count = 0
        self._stepped = (0, 0)
        self._patterns: Counter[tuple[bool, bool]] = Counter()

    def look(self, g_steps: int, d_steps: int) -> None:
        """At a call, from the numbers of steps so far."""
        pattern = (g_steps > self._stepped[0], d_steps > self._stepped[1])
        self._stepped = (g_steps, d_steps)
        self._patterns[pattern] += 1
        if pattern == (True, True):
            # Nothing was left out, whatever is usual.
            return
        usual = max(self._patterns, key=self._patterns.__getitem__)
        if any(u and not p for u, p in zip(usual, pattern, strict=True)):
            self.count += 1

    def drain(self) -> int:
        """How many since the last time."""
        count, self.count = self.count, 0
        return count

    def state_dict(self) -> dict[str, Any]:
        """As JSON values."""
        patterns = [[*key, count] for key, count in sorted(self._patterns.items())]
        return {"count": self.count, "stepped": list(self._stepped), "patterns": patterns}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        g_steps, d_steps = state["stepped"]
        self.count, self._stepped = state["count"], (g_steps, d_steps)
        self._patterns = Counter({(bool(g), bool(d)): n for g, d, n in state["patterns"]})
