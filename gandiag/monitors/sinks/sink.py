"""What a sink is."""

from collections.abc import Mapping
from typing import Protocol

from gandiag.monitors.alerts import Alert


class Sink(Protocol):
    """Gets every row and every alert, in order; what it raises is told once, and it is left out.

    One that has ``note(step, level, message, trace)`` also gets what concerns the monitor itself: a
    part that failed, with its traceback, or an optimizer that stands still. One that has
    ``over(over)`` gets the end of what was alerted; without it, as a note. One that has
    ``samples(step, sheet)`` gets what the generator makes of the same latents each time, as a
    picture (3, height, width) uint8 on the CPU: at the first check, at each tenth after it, and
    beside each alert; see `gandiag.monitors.sheets`.
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
