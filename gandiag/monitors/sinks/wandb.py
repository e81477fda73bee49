"""To Weights & Biases."""

from collections.abc import Mapping
from typing import Any

from gandiag.errors import GandiagError
from gandiag.monitors.alerts import Alert
from gandiag.monitors.sinks.optional import optional


class WeightsAndBiases:
    """Scalars ``gandiag/NAME`` to a run, alerts as its alerts.

    Args:
        run: of ``wandb.init``; None for the one that is active.

    Raises:
        GandiagError: none is given and wandb is not installed, or has no active run.
    """

    def __init__(self, run: Any = None):
        if run is None:
            run = optional("wandb", "wandb").run
            if run is None:
                raise GandiagError("wandb has no active run; call wandb.init() first, or give run=")
        self.run = run

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """Logged beside the step, not at it: the run's own counter belongs to the user."""
        self.run.log({"gandiag/step": step, **{f"gandiag/{k}": v for k, v in values.items()}})

    def alert(self, alert: Alert) -> None:
        """An alert of the same level; titles have fewer than 64 characters."""
        self.run.alert(title=f"gandiag: {alert.pathology}", text=alert.message, level=alert.level)

    def note(self, step: int, level: str, message: str, trace: str) -> None:
        """An alert of that level."""
        self.run.alert(title="gandiag: monitor", text=message, level=level)

    def close(self) -> None:
        """The run belongs to the user."""
