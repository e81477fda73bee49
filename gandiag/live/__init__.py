"""Runs as a monitor records them, followed while they go on."""

from gandiag.live.figures import plot_run
from gandiag.live.follow import Run

__all__ = ["Run", "plot_run"]
