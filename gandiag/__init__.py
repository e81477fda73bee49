"""Evaluation and diagnostics for generative adversarial networks.

The names below are the public interface; they are imported when first used, so that ``import
gandiag`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gandiag import extractors, generators, metrics, monitors, sources
    from gandiag.cards import explain
    from gandiag.errors import GandiagError
    from gandiag.monitors import Monitor
    from gandiag.reporting.comparison import Comparison
    from gandiag.reporting.curve import Curve
    from gandiag.reporting.report import Report
    from gandiag.scoring import (
        Options,
        Protocol,
        Scorer,
        compare,
        protocols,
        score,
        score_checkpoints,
        write_statistics,
    )
    from gandiag.sources import open_source

__all__ = [
    "Comparison",
    "Curve",
    "GandiagError",
    "Monitor",
    "Options",
    "Protocol",
    "Report",
    "Scorer",
    "compare",
    "explain",
    "extractors",
    "generators",
    "metrics",
    "monitors",
    "open_source",
    "protocols",
    "score",
    "score_checkpoints",
    "sources",
    "write_statistics",
]

_ROOMS = {
    "extractors": "extractors",
    "generators": "generators",
    "metrics": "metrics",
    "monitors": "monitors",
    "protocols": "scoring.protocols",
    "sources": "sources",
}

_HOMES = {
    "Comparison": "reporting.comparison",
    "Curve": "reporting.curve",
    "GandiagError": "errors",
    "Monitor": "monitors.monitor",
    "Options": "scoring.options",
    "Protocol": "scoring.protocols",
    "Report": "reporting.report",
    "Scorer": "scoring.scorer",
    "compare": "scoring.comparing",
    "explain": "cards",
    "open_source": "sources",
    "score": "scoring.scorer",
    "score_checkpoints": "scoring.curve",
    "write_statistics": "scoring.saving",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gandiag.{_HOMES[name]}"), name)
    if name in _ROOMS:
        return import_module(f"gandiag.{_ROOMS[name]}")
    if name == "__version__":
        from importlib.metadata import version

        return version("gandiag")
    raise AttributeError(f"module 'gandiag' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
