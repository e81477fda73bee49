"""Training monitors: step -> signal -> detector -> alert -> sink.

A signal is a number taken at a check (`signals`), a detector turns rows of signals into alerts and
needs no torch (`pathologies`), a sink tells them (`sinks`). `Monitor` joins them to a loop.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gandiag.monitors.alerts import Alert, Over
    from gandiag.monitors.context import Context
    from gandiag.monitors.monitor import Monitor
    from gandiag.monitors.pathologies import PATHOLOGIES
    from gandiag.monitors.pathologies.history import History
    from gandiag.monitors.pathologies.rule import Pathology, Verdict
    from gandiag.monitors.recording import Recording, read, replay
    from gandiag.monitors.report import Report
    from gandiag.monitors.several import Monitors
    from gandiag.monitors.signals import SIGNALS
    from gandiag.monitors.thresholds import Thresholds

__all__ = [
    "PATHOLOGIES",
    "SIGNALS",
    "Alert",
    "Context",
    "History",
    "Monitor",
    "Monitors",
    "Over",
    "Pathology",
    "Recording",
    "Report",
    "Thresholds",
    "Verdict",
    "read",
    "replay",
]

_HOMES = {
    "PATHOLOGIES": "pathologies",
    "SIGNALS": "signals",
    "Alert": "alerts",
    "Context": "context",
    "History": "pathologies.history",
    "Monitor": "monitor",
    "Monitors": "several",
    "Over": "alerts",
    "Pathology": "pathologies.rule",
    "Recording": "recording",
    "Report": "report",
    "Thresholds": "thresholds",
    "Verdict": "pathologies.rule",
    "read": "recording",
    "replay": "recording",
}


def __getattr__(name: str) -> Any:
    # Looked up when used: detectors and recordings are read without torch.
    if name in _HOMES:
        return getattr(import_module(f"gandiag.monitors.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gandiag.monitors' has no attribute {name!r}")
