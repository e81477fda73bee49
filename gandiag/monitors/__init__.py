"""Training monitors: step -> signal -> detector -> alert -> sink.

A signal is a number taken at a check (`signals`), a detector turns rows of signals into alerts and
needs no torch (`detectors`), a sink tells them (`sinks`). `Monitor` joins them to a training loop.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gandiag.monitors.alerts import Alert
    from gandiag.monitors.context import PATHOLOGIES, Context
    from gandiag.monitors.monitor import Monitor
    from gandiag.monitors.recording import Recording, read, replay
    from gandiag.monitors.report import Report
    from gandiag.monitors.signals import SIGNALS
    from gandiag.monitors.thresholds import Thresholds

__all__ = [
    "PATHOLOGIES",
    "SIGNALS",
    "Alert",
    "Context",
    "Monitor",
    "Recording",
    "Report",
    "Thresholds",
    "read",
    "replay",
]

_HOMES = {
    "PATHOLOGIES": "context",
    "SIGNALS": "signals",
    "Alert": "alerts",
    "Context": "context",
    "Monitor": "monitor",
    "Recording": "recording",
    "Report": "report",
    "Thresholds": "thresholds",
    "read": "recording",
    "replay": "recording",
}


def __getattr__(name: str) -> Any:
    # Looked up when used: detectors and recordings are read without torch.
    if name in _HOMES:
        return getattr(import_module(f"gandiag.monitors.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gandiag.monitors' has no attribute {name!r}")
