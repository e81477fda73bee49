"""A recorded run as a figure."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gandiag.errors import GandiagError
from gandiag.live.follow import Run
from gandiag.live.shown import chosen
from gandiag.monitors import SIGNALS
from gandiag.reporting.plots import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 3
COURSE = "#0072b2"
LEVELS = {"ERROR": "#d55e00", "WARN": "#e69f00", "INFO": "#56b4e9"}
"""Okabe and Ito 2008: told apart by the colour-blind."""


def plot_run(run: str | Path | Run, signals: Sequence[str] | None = None) -> tuple["Figure", Any]:
    """The signals of a run over its steps, with a line at each alert.

    In the panels of an alert's own signals the line is solid.

    Args:
        run: a folder with a monitor.jsonl, the file, or one that is followed already.
        signals: names; None for the usual ones, ``("all",)`` for all.

    Returns:
        The figure of matplotlib and its axes, (signals that the run has,).

    Raises:
        GandiagError: the run cannot be read, has none of these signals, or a name is unknown.
    """
    names = chosen(signals)
    if not isinstance(run, Run):
        run = Run(run)
        run.look()
    if run.trouble:
        raise GandiagError(run.trouble)
    names = [name for name in names if name in run.extremes]
    if not names:
        raise GandiagError(f"{run.name} has no such signal yet; choose others, or wait for a check")
    columns = min(COLUMNS, len(names))
    lines = -(-len(names) // columns)
    drawing = figure(4.4 * columns, 2.4 * lines)
    axes = np.array([drawing.add_subplot(lines, columns, at + 1) for at in range(len(names))])
    for each, name in zip(axes, names, strict=True):
        course = run.course(name)
        each.plot([step for step, _ in course], [value for _, value in course], color=COURSE)
        for alert in run.found.alerts:
            own = name == alert.signal or name in alert.evidence
            each.axvline(
                alert.step, color=LEVELS.get(alert.level, "gray"), linewidth=1.6 if own else 0.8,
                linestyle="-" if own else ":", label=f"{alert.level} {alert.pathology}",
            )  # fmt: skip
        each.set_title(name, fontsize=9)
        each.set_ylabel(SIGNALS[name].unit if name in SIGNALS else "", fontsize=8)
        each.set_xlabel("generator step", fontsize=8)
        each.tick_params(labelsize=8)
    if run.found.alerts:
        told = dict(zip(*reversed(axes[0].get_legend_handles_labels()), strict=True))
        drawing.legend(told.values(), told.keys(), loc="outside lower center", ncols=3, fontsize=8)
    return drawing, axes
