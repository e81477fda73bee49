"""From what a framework hands on to what the monitor takes, and back."""

from collections.abc import Callable, Mapping
from typing import Any

from gandiag.monitors import Monitor
from gandiag.monitors.alerts import LEVELS, Alert, Over

TAKEN = ("d_real", "d_fake", "loss_d", "loss_g", "penalty")
"""The arguments of `Monitor.step`."""


def hand_over(monitor: Monitor, output: Any) -> None:
    """One `Monitor.step`, with what `output` has under the names of its arguments.

    Args:
        monitor: of the run.
        output: what a training step returned; anything but a mapping says nothing.
    """
    given = output if isinstance(output, Mapping) else {}
    monitor.step(**{name: given[name] for name in TAKEN if name in given})


class Metrics:
    """A sink for a logger of numbers alone: an alert is ``gandiag/alert/NAME``, 1 to 3 or 0.

    Args:
        log: takes numbers by name, and the step.
    """

    def __init__(self, log: Callable[[dict[str, float], int], object]):
        self.log = log

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """A number ``gandiag/NAME`` for each."""
        self.log({f"gandiag/{name}": value for name, value in values.items()}, step)

    def alert(self, alert: Alert) -> None:
        """1 for INFO, 2 for WARN, 3 for ERROR."""
        level = 1.0 + LEVELS.index(alert.level)
        self.log({f"gandiag/alert/{alert.pathology}": level}, alert.step)

    def over(self, over: Over) -> None:
        """0."""
        self.log({f"gandiag/alert/{over.pathology}": 0.0}, over.step)

    def close(self) -> None:
        """The logger belongs to the user."""
