"""Where signals and alerts go: the log, a file, a tracker of experiments, a function."""

from gandiag.monitors.sinks.callback import Callback
from gandiag.monitors.sinks.json_lines import JsonLines
from gandiag.monitors.sinks.log import Log
from gandiag.monitors.sinks.mlflow import MLflow
from gandiag.monitors.sinks.sink import Sink
from gandiag.monitors.sinks.tensorboard import TensorBoard
from gandiag.monitors.sinks.wandb import WeightsAndBiases

__all__ = ["Callback", "JsonLines", "Log", "MLflow", "Sink", "TensorBoard", "WeightsAndBiases"]
