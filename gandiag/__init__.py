"""Evaluation and diagnostics for generative adversarial networks.

The names below are the public interface; they are imported when first used, so that ``import
gandiag`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gandiag import metrics
    from gandiag.errors import GandiagError
    from gandiag.monitors import Monitor
    from gandiag.reporting.report import Report
    from gandiag.scoring import Scorer, score, write_statistics
    from gandiag.sources import open_source

__all__ = [
    "GandiagError",
    "Monitor",
    "Report",
    "Scorer",
    "metrics",
    "open_source",
    "score",
    "write_statistics",
]

_HOMES = {
    "GandiagError": "errors",
    "Monitor": "monitors.monitor",
    "Report": "report",
    "Scorer": "scoring",
    "open_source": "sources",
    "score": "scoring",
    "write_statistics": "scoring",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gandiag.{_HOMES[name]}"), name)
    if name in __all__:
        return import_module(f"gandiag.{name}")
    raise AttributeError(f"module 'gandiag' has no attribute {name!r}")
