"""Alerts to a function."""

from collections.abc import Callable, Mapping

from gandiag.monitors.alerts import Alert


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
