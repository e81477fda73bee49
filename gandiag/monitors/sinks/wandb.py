"""To Weights & Biases."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.monitors.alerts import Alert, Over
from gandiag.monitors.sinks.optional import optional


class WeightsAndBiases:
    """Scalars ``gandiag/NAME`` over ``gandiag/step``, alerts as its alerts, samples as images.

    Args:
        run: of ``wandb.init``; None for the one that is active.
        commit: whether each check is a row of its own, as wandb's default. With False it joins the
            row that you log next: for a loop that logs with a ``step=`` of its own, smaller than
            the number of rows.

    Raises:
        GandiagError: none is given and wandb is not installed, or has no active run.
    """

    def __init__(self, run: Any = None, *, commit: bool = True):
        if run is None:
            run = optional("wandb", "wandb").run
            if run is None:
                raise GandiagError("wandb has no active run; call wandb.init() first, or give run=")
        self.run, self.commit = run, commit
        run.define_metric("gandiag/step", hidden=True)
        run.define_metric("gandiag/*", step_metric="gandiag/step")

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """Logged beside the step, not at it: the run's own counter belongs to the user."""
        self._log(step, {f"gandiag/{name}": value for name, value in values.items()})

    def alert(self, alert: Alert) -> None:
        """An alert of the same level; titles have fewer than 64 characters."""
        self._alert(alert.pathology, alert.message, alert.level)

    def over(self, over: Over) -> None:
        """An alert of level INFO under the pathology's title."""
        self._alert(over.pathology, over.message, "INFO")

    def samples(self, step: int, sheet: Tensor) -> None:
        """An image ``gandiag/samples``."""
        image = optional("wandb", "wandb").Image
        self._log(step, {"gandiag/samples": image(sheet.permute(1, 2, 0).numpy())})

    def note(self, step: int, level: str, message: str, trace: str) -> None:
        """An alert of that level."""
        self._alert("monitor", message, level)

    def close(self) -> None:
        """The run belongs to the user."""

    def _log(self, step: int, values: Mapping[str, Any]) -> None:
        self.run.log({"gandiag/step": step, **values}, commit=self.commit)

    def _alert(self, of: str, text: str, level: str) -> None:
        self.run.alert(title=f"gandiag: {of}", text=text, level=level)
