"""To TensorBoard."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from gandiag.monitors.alerts import Alert, Over
from gandiag.monitors.sinks.optional import optional


class TensorBoard:
    """Scalars ``gandiag/NAME``, alerts as text, samples as images.

    Args:
        writer: a SummaryWriter of torch.utils.tensorboard, or a folder for a new one.

    Raises:
        GandiagError: a folder is given and tensorboard is not installed.
    """

    def __init__(self, writer: Any):
        self._own = isinstance(writer, str | Path)
        if self._own:
            module = optional("torch.utils.tensorboard", "tensorboard")
            writer = module.SummaryWriter(str(writer))
        self.writer = writer

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """A scalar for each."""
        for name, value in values.items():
            self.writer.add_scalar(f"gandiag/{name}", value, step)

    def alert(self, alert: Alert) -> None:
        """Text under the pathology's name."""
        self.writer.add_text(f"gandiag/{alert.pathology}", alert.message, alert.step)

    def over(self, over: Over) -> None:
        """Text under the pathology's name."""
        self.writer.add_text(f"gandiag/{over.pathology}", over.message, over.step)

    def samples(self, step: int, sheet: Tensor) -> None:
        """An image ``gandiag/samples``."""
        self.writer.add_image("gandiag/samples", sheet, step)

    def note(self, step: int, level: str, message: str, trace: str) -> None:
        """Text under ``monitor``."""
        self.writer.add_text("gandiag/monitor", message, step)

    def close(self) -> None:
        """Close a writer that was opened here; write out another's."""
        if self._own:
            self.writer.close()
        else:
            self.writer.flush()
