"""Accelerate: a tracker that hears what a loop logs, and sinks for the other trackers."""

from collections.abc import Mapping
from typing import Any

from gandiag.errors import GandiagError
from gandiag.integrations.handing import TAKEN, Metrics, hand_over
from gandiag.monitors import Monitor
from gandiag.monitors.sinks import Log, MLflow, Sink, TensorBoard, WeightsAndBiases

try:
    from accelerate import PartialState
    from accelerate.logging import get_logger
    from accelerate.tracking import GeneralTracker
except ImportError as error:
    raise GandiagError(
        "the tracker needs Accelerate, which is not installed; pip install 'gandiag[accelerate]'"
    ) from error


class MonitorTracker(GeneralTracker):
    """Hands what ``accelerator.log`` is given to `Monitor.step`, and closes the monitor at the end.

    For one process: ``accelerator.log`` reaches the main process alone. With several, call
    `Monitor.step` in the loop, on each of them, and leave this out. Give ``loss_d`` and ``loss_g``
    among the values; what other trackers cannot log goes in
    ``log_kwargs={"gandiag": {"d_real": ..., "d_fake": ...}}``. Do not call `Monitor.step` besides.

    Attributes:
        monitor: set it when the networks and optimizers are prepared.

    Raises:
        GandiagError: trackers begin, and there are several processes.
    """

    name = "gandiag"
    requires_logging_directory = False

    def __init__(self) -> None:
        self.monitor: Monitor | None = None
        super().__init__()

    @property
    def tracker(self) -> Monitor | None:
        """The monitor."""
        return self.monitor

    def start(self) -> None:
        """Called by ``accelerator.init_trackers``."""
        if PartialState().num_processes > 1:
            raise GandiagError(
                "accelerator.log reaches one of several processes, and the monitor needs all; "
                "leave MonitorTracker out and call monitor.step in the loop"
            )

    def log(self, values: Mapping[str, Any], step: int | None = None, **scores: Any) -> None:
        """One step of the monitor, if there is anything for it."""
        given = {**values, **scores}
        if self.monitor is not None and any(name in given for name in TAKEN):
            hand_over(self.monitor, given)

    def finish(self) -> None:
        """Judge the last steps, and close the monitor."""
        if self.monitor is not None:
            self.monitor.close()


def tracker_sinks(accelerator: Any) -> list[Sink]:
    """Accelerate's log for alerts, and all trackers of ``accelerator.init_trackers`` for all else.

    Args:
        accelerator: an Accelerator whose trackers have begun.
    """
    others = [each for each in accelerator.trackers if not isinstance(each, MonitorTracker)]
    return [Log(get_logger("gandiag")), *map(_sink, others)]


def _sink(tracker: Any) -> Sink:
    if tracker.name == "tensorboard":
        return TensorBoard(tracker.tracker)
    if tracker.name == "wandb":
        # Loops give accelerator.log a step of their own.
        return WeightsAndBiases(tracker.tracker, commit=False)
    if tracker.name == "mlflow":
        return MLflow(tracker.tracker)
    return Metrics(lambda values, step: tracker.log(values, step=step))
