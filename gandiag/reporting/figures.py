"""Scores as figures: values, their intervals, and what to read them beside."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gandiag.errors import GandiagError
from gandiag.reporting.plots import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gandiag.reporting.comparison import Comparison
    from gandiag.reporting.curve import Curve
    from gandiag.reporting.report import Report, Row

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#808080"
"""Okabe and Ito 2008: told apart by the colour-blind, on white and on black."""

Drawn = tuple["Figure", Any]
"""A figure, and its axes as `matplotlib.pyplot.subplots` gives them."""


def plot_report(report: "Report") -> Drawn:
    """Each score on a line of its own, for each has its own scale.

    The dot is the value, the whisker its interval, the dashed line the floor (or the ceiling) and
    the diamond what held-out real images get.

    Returns:
        The figure and its axes, (scores,), in the order of `report.rows`.

    Raises:
        GandiagError: there is no score that is a number.
    """
    rows = [row for row in report.rows if math.isfinite(row.value)]
    if not rows:
        raise GandiagError("there is nothing to draw: no score is a number")
    drawing = figure(7, 0.5 + 0.62 * len(rows))
    axes = drawing.subplots(len(rows), squeeze=False)[:, 0]
    for each, row in zip(axes, rows, strict=True):
        _whisker(each, row)
        each.set_yticks([0], [f"{row.name}\n{row.better} is better"], fontsize=8)
        each.set_ylim(-1, 1)
        each.tick_params(labelsize=8)
        each.margins(x=0.08)
        for side in ("left", "right", "top"):
            each.spines[side].set_visible(False)
    _explain(drawing, axes)
    return drawing, axes


def plot_curve(curve: "Curve") -> Drawn:
    """A panel a score, over the steps of the checkpoints.

    Whiskers are intervals, the dashed line the floor (dotted: the ceiling), the ring the best.

    Returns:
        The figure and its axes, (scores,), in the order of `curve.names`.

    Raises:
        GandiagError: there is no score.
    """
    names = curve.names
    if not names:
        raise GandiagError("there is nothing to draw: no checkpoint has a score")
    columns = min(3, len(names))
    lines = -(-len(names) // columns)
    drawing = figure(4.2 * columns, 2.9 * lines)
    axes = np.array([drawing.add_subplot(lines, columns, at + 1) for at in range(len(names))])
    for each, name in zip(axes, names, strict=True):
        there = [(step, report[name]) for step, report in curve.points if name in report]
        steps, values = [step for step, _ in there], [row.value for _, row in there]
        each.errorbar(
            steps, values, yerr=_arms([row for _, row in there]), color=BLUE, marker="o",
            markersize=4, capsize=3, linewidth=1.2, label="value and interval",
        )  # fmt: skip
        for beside, style in (("floor", "--"), ("ceiling", ":")):
            levels = [row.extra.get(beside, math.nan) for _, row in there]
            if any(map(math.isfinite, levels)):
                each.plot(steps, levels, style, color=GREY, label=beside)
        best = curve.best(name)
        if best is not None:
            value = values[steps.index(best)]
            ring = {"marker": "o", "markersize": 10, "fillstyle": "none", "linestyle": "none"}
            each.plot([best], [value], color=ORANGE, label="best", **ring)
        each.set_title(f"{name} ({curve.better(name)} is better)", fontsize=9)
        each.set_xlabel("generator step", fontsize=8)
        each.tick_params(labelsize=8)
    _explain(drawing, axes)
    return drawing, axes


def plot_comparison(result: "Comparison") -> Drawn:
    """Each difference over half its interval: a whisker that leaves out 0 is certain.

    To the left the first set is better, whichever way the score goes.

    Returns:
        The figure and its axes.

    Raises:
        GandiagError: no difference has an interval.
    """
    told = [e for e in result.differences if e.low is not None and e.high is not None]
    told = [each for each in told if (each.high or 0) > (each.low or 0)]
    if not told:
        raise GandiagError("there is nothing to draw: no difference has an interval")
    drawing = figure(8, 1 + 0.3 * len(told))
    axes = drawing.add_subplot()
    colours = {"first": BLUE, "second": ORANGE}
    for place, each in enumerate(reversed(told)):
        sign = 1 if each.better == "lower" else -1
        middle = 2 * sign * each.difference / ((each.high or 0) - (each.low or 0))
        colour = colours.get(each.verdict, GREY)
        filled = "full" if each.verdict in colours else "none"
        axes.errorbar(
            middle, place, xerr=1, fmt="o", fillstyle=filled, color=colour, capsize=3, markersize=5
        )
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_ylim(-0.6, len(told) - 0.4)
    names = [f"{each.name}   {each.first}, {each.second}" for each in reversed(told)]
    axes.set_yticks(range(len(told)), names, fontsize=8)
    axes.set_xlabel("← first better      difference / half its interval      second better →")
    return drawing, axes


def _whisker(axes: Any, row: "Row") -> None:
    axes.errorbar(
        [row.value], [0], xerr=_arms([row]), fmt="o", color=BLUE, capsize=4, markersize=6,
        label="value and interval",
    )  # fmt: skip
    for beside, style in (("floor", "--"), ("ceiling", ":")):
        level = row.extra.get(beside, math.nan)
        if math.isfinite(level):
            axes.axvline(level, linestyle=style, color=GREY, label=beside)
    if row.heldout is not None and math.isfinite(row.heldout):
        axes.plot([row.heldout], [0], "D", color=ORANGE, markersize=5, label="held-out real images")


def _arms(rows: "Sequence[Row]") -> list[list[float]]:
    """From the values to the ends of the intervals; nothing where there is none."""
    ends = [row.interval or (row.value, row.value) for row in rows]
    down = [max(0.0, row.value - low) for row, (low, _) in zip(rows, ends, strict=True)]
    up = [max(0.0, high - row.value) for row, (_, high) in zip(rows, ends, strict=True)]
    return [down, up]


def _explain(drawing: "Figure", axes: Iterable[Any]) -> None:
    """One legend for all."""
    known: dict[str, Any] = {}
    for each in axes:
        for handle, label in zip(*each.get_legend_handles_labels(), strict=True):
            known.setdefault(label, handle)
    drawing.legend(known.values(), known.keys(), loc="outside lower center", ncols=4, fontsize=8)
