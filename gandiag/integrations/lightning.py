"""Lightning: a callback for modules that optimise by hand, as GANs do."""

from collections.abc import Callable
from typing import Any

from gandiag.errors import GandiagError
from gandiag.integrations.handing import Metrics, hand_over
from gandiag.monitors import Monitor
from gandiag.monitors.sinks import Log, MLflow, Sink, TensorBoard, WeightsAndBiases

try:
    from lightning.pytorch import Callback, loggers
except ImportError:
    try:
        from pytorch_lightning import Callback, loggers
    except ImportError as error:
        raise GandiagError(
            "the callback needs Lightning, which is not installed; pip install 'gandiag[lightning]'"
        ) from error


class MonitorCallback(Callback):
    """Makes a monitor when training starts, and closes it when training ends.

    What `training_step` returns is handed to `Monitor.step`: a dict with some of ``d_real``,
    ``d_fake``, ``loss_d``, ``loss_g`` and ``penalty``. Signals, alerts and samples go to the
    trainer's own loggers, over the generator's steps, and alerts to the log. The trainer stops
    where the monitor was given `stop_on`. The monitor's state is in the trainer's checkpoints.

    Args:
        make: (the LightningModule, the sinks) -> a Monitor of its networks and optimizers.

    Attributes:
        monitor: None before training starts.
    """

    def __init__(self, make: Callable[[Any, list[Sink]], Monitor]):
        self.make = make
        self.monitor: Monitor | None = None
        self._state: dict[str, Any] = {}

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Make the monitor; go on from a checkpoint's."""
        self.monitor = self.make(pl_module, [Log(), *map(_sink, trainer.loggers)])
        if self._state:
            self.monitor.load_state_dict(self._state)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Hand over what the step returned."""
        if self.monitor is not None:
            hand_over(self.monitor, outputs)
            trainer.should_stop |= self.monitor.should_stop

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Judge the last steps."""
        if self.monitor is not None:
            self.monitor.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Close without a look at networks that may be in any state."""
        if self.monitor is not None:
            self.monitor.__exit__(type(exception), exception, exception.__traceback__)

    def state_dict(self) -> dict[str, Any]:
        """Of the monitor; empty before training starts."""
        return self._state if self.monitor is None else self.monitor.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Kept until the monitor is made."""
        self._state = state_dict


def _sink(logger: Any) -> Sink:
    if isinstance(logger, loggers.TensorBoardLogger):
        return TensorBoard(logger.experiment)
    if isinstance(logger, loggers.WandbLogger):
        return WeightsAndBiases(logger.experiment)
    if isinstance(logger, loggers.MLFlowLogger):
        return MLflow(logger.run_id, logger.experiment)
    return Metrics(logger.log_metrics)
