"""The effects as a table and as a picture."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.digest import ROOT
from benchmarks.tricks.cases import TRICKS, recipes
from benchmarks.tricks.effects import SEEDS, Effect, effects
from benchmarks.tricks.running import Row, current, read

PICTURE = ROOT / "benchmarks" / "results" / "tricks.png"
DATA = ("ring8", "digits", "grid25")
COLOURS = {"helps": "#0072b2", "hurts": "#d55e00", "cannot tell": "#909090"}


def told(rows: dict[tuple[str, int], Row] | None = None) -> dict[str, dict[str, Effect]]:
    """Effects by data set and name; on grid25 of those that were told apart on ring8."""
    rows = read() if rows is None else rows
    found = {data: {e.trick.name: e for e in effects(data, rows)} for data in DATA[:2]}
    known = [e.trick for e in found["ring8"].values() if e.verdict != "cannot tell"]
    found["grid25"] = {e.trick.name: e for e in effects("grid25", rows, known)}
    return found


def table(rows: dict[tuple[str, int], Row] | None = None) -> Iterator[str]:
    """A trick a row: ratio with interval and verdict on each data set."""
    rows = read() if rows is None else rows
    found = told(rows)
    yield from counted(rows)
    yield "| trick | said by | " + " | ".join(DATA) + " |"
    yield "|---|---|---|---|---|"
    for trick in TRICKS:
        cells = [_cell(found[data].get(trick.name)) for data in DATA]
        if any(cells):
            yield f"| {trick.name} | {trick.source} | " + " | ".join(cells) + " |"


def counted(rows: dict[tuple[str, int], Row]) -> Iterator[str]:
    """How many runs are there, where some are missing."""
    for data in DATA[:2]:
        wanted = [(recipe, seed) for recipe in recipes(data) for seed in range(SEEDS)]
        there = sum(current(recipe, seed, rows) is not None for recipe, seed in wanted)
        if there < len(wanted):
            yield f"{data}: {there} of {len(wanted)} runs so far."
            yield ""


def _cell(effect: Effect | None) -> str:
    if effect is None:
        return ""
    shown = f"{effect.ratio:.2f} ({effect.low:.2f} to {effect.high:.2f})"
    return f"**{shown}**" if effect.verdict != "cannot tell" else shown


def draw() -> None:
    """The forest plot: a row a trick, a column a data set, less than 1 is nearer to the data."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    found = {data: each for data, each in told().items() if each}
    if not found:
        sys.exit("no trick has all of its runs yet; make them with python -m benchmarks.tricks")
    names = [t.name for t in TRICKS if any(t.name in each for each in found.values())]
    figure, axes = plt.subplots(
        1, len(found), figsize=(4 + 3.2 * len(found), 0.24 * len(names) + 1.6), sharey=True
    )
    for axis, (data, each) in zip(axes if len(found) > 1 else [axes], found.items(), strict=True):
        _forest(axis, data, [(names.index(name), effect) for name, effect in each.items()])
        axis.set_yticks(range(len(names)), names, fontsize=8)
    (axes[0] if len(found) > 1 else axes).set_ylim(len(names) - 0.4, -0.6)
    figure.suptitle("left of 1 the trick helps (blue), right it hurts (orange)", fontsize=9)
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


def _forest(axis: Any, data: str, rows: Sequence[tuple[int, Effect]]) -> None:
    for y, effect in rows:
        colour = COLOURS[effect.verdict]
        axis.plot([effect.low, effect.high], [y, y], color=colour, linewidth=1.5)
        axis.plot([effect.ratio], [y], "o", color=colour, markersize=4)
    axis.axvline(1, color="black", linewidth=0.6)
    axis.set_xscale("log")
    axis.set_title(data, fontsize=10)
    axis.set_xlabel("distance with / without", fontsize=8)
    axis.grid(axis="x", alpha=0.3)
