"""To MLflow."""

import re
import time
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.monitors.alerts import Alert, Over
from gandiag.monitors.sinks.optional import optional

NO_NAME = re.compile(r"[^\w .:/-]", re.ASCII)
"""What MLflow takes in no name, as the brackets of ``fd[lite0]``."""


class MLflow:
    """Metrics ``gandiag/NAME``, alerts as tags, samples as images of the run.

    A tag holds the last alert of its pathology, or its end. Where MLflow's own asynchronous
    logging is switched on it is used.

    Args:
        run: of ``mlflow.start_run``, or its id; None for the one that is active.
        client: an MlflowClient, where the run is not at the tracking server of this process.

    Raises:
        GandiagError: mlflow is not installed, or no run is given and none is active.
    """

    def __init__(self, run: Any = None, client: Any = None):
        mlflow = optional("mlflow", "mlflow")
        if run is None:
            run = mlflow.active_run()
            if run is None:
                raise GandiagError(
                    "mlflow has no active run; call mlflow.start_run() first, or give run="
                )
        self.run_id = run if isinstance(run, str) else run.info.run_id
        self.client = client or mlflow.MlflowClient()
        self._metric = mlflow.entities.Metric

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """A metric for each, all in one request."""
        now = int(1000 * time.time())
        metrics = [self._metric(_named(name), v, now, step) for name, v in values.items()]
        self.client.log_batch(self.run_id, metrics=metrics)

    def alert(self, alert: Alert) -> None:
        """A tag of the pathology's name."""
        self.client.set_tag(self.run_id, _named(alert.pathology), alert.message)

    def over(self, over: Over) -> None:
        """The same tag."""
        self.client.set_tag(self.run_id, _named(over.pathology), over.message)

    def samples(self, step: int, sheet: Tensor) -> None:
        """An image ``gandiag/samples`` at that step."""
        picture = sheet.permute(1, 2, 0).contiguous().numpy()
        self.client.log_image(self.run_id, picture, key="gandiag/samples", step=step)

    def note(self, step: int, level: str, message: str, trace: str) -> None:
        """A tag ``gandiag/monitor``."""
        self.client.set_tag(self.run_id, "gandiag/monitor", message)

    def close(self) -> None:
        """The run belongs to the user."""


def _named(name: str) -> str:
    return f"gandiag/{NO_NAME.sub('_', name)}"
