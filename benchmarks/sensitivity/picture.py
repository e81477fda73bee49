"""The verdicts as a picture, and as a table for the README."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.sensitivity.disturbances import DISTURBANCES
from benchmarks.sensitivity.measure import CASES
from benchmarks.sensitivity.sets import SIZES
from benchmarks.sensitivity.verdicts import Verdict, false_alarms, verdicts

WORSE = ("#08519c", "#5a9fd4", "#c3dcf0")
"""Seen from the weakest strength on, from the middle one, from the strongest."""
BETTER = ("#a63603", "#f08a3c", "#fdd0a2")
"""The same, and called better than undisturbed samples."""
EMPTY = "#f2f2f2"
WRONG = "▲"
CELL = (0.36, 0.205)
"""Inches."""
LEFT, ABOVE, BELOW = 1.9, 1.3, 1.0

Found = dict[tuple[str, int], dict[str, Verdict]]


def found_in(rows: Sequence[dict[str, Any]]) -> tuple[list[tuple[str, str]], list[int], Found]:
    """(case, output) in order, the sizes, and (output, n) => disturbance => verdict."""
    done = [row for row in rows if "null" in row]
    outputs = {(row["case"], output): None for row in done for output in row["null"]}
    found: Found = {}
    for row in done:
        for output, some in verdicts(row, SIZES.pool).items():
            found[output, row["n"]] = some
    return [*outputs], sorted({row["n"] for row in done}), found


def strengths(key: str) -> list[str]:
    """As people read them, with the unit after the last."""
    each = DISTURBANCES[key]
    percent = max(each.strengths) < 1 and each.what.startswith(("of ", "share"))
    scale, end = (100, " %") if percent else (1, "")
    texts = [f"{scale * strength:g}" for strength in each.strengths]
    return [*texts[:-1], texts[-1] + end]


def table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The strength from which on a disturbance is seen, for each size; then what was left out."""
    outputs, sizes, found = found_in(rows)
    titles = [each.title.replace("\n", " ") for each in DISTURBANCES.values()]
    yield "| score | " + " | ".join(titles) + " |"
    yield "|---|" + "---|" * len(DISTURBANCES)
    what = [f"{', '.join(strengths(key))} {each.what}" for key, each in DISTURBANCES.items()]
    yield "| | " + " | ".join(what) + " |"
    for _, output in outputs:
        cells = [
            " / ".join(_cell(found.get((output, n), {}).get(key), key) for n in sizes)
            for key in DISTURBANCES
        ]
        yield f"| `{output}` | " + " | ".join(cells) + " |"
    alarms, total = false_alarms(rows, SIZES.pool)
    yield ""
    yield (
        f"N = {' / '.join(f'{n:,}' for n in sizes)}; `-` is not seen, `{WRONG}` is called better "
        f"than undisturbed samples. Of {total:,} undisturbed values {alarms} are out of the range "
        "of the others."
    )
    lacking = [case for case in CASES if case not in {row["case"] for row in rows}]
    if lacking:
        yield f"No row yet: {', '.join(lacking)}."
    for row in rows:
        if "null" not in row:
            yield f"{row['case']} at N = {row['n']:,} was left out: {row['seconds']:.0f} s a sample"


def _cell(verdict: Verdict | None, key: str) -> str:
    if verdict is None:
        return "?"
    if verdict.level is None:
        return "-"
    text = strengths(key)[verdict.level].removesuffix(" %")
    return WRONG + text if verdict.better else text


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """A PNG: a line a score, a pair of cells a disturbance, the smaller N at the left."""
    from matplotlib.patches import Rectangle

    from gandiag.reporting.plots import figure

    outputs, sizes, found = found_in(rows)
    wide, high = CELL
    step = len(sizes) + 0.35
    width = LEFT + wide * step * len(DISTURBANCES) + 0.1
    height = ABOVE + high * len(outputs) + BELOW
    picture = figure(width, height)
    picture.set_layout_engine("none")
    picture.set_facecolor("white")
    axes = picture.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(-LEFT / wide, (width - LEFT) / wide)
    axes.set_ylim(len(outputs) + BELOW / high, -ABOVE / high)
    axes.axis("off")
    title = "Which score sees which disturbance, and at how many images (Fashion-MNIST)"
    axes.text(-LEFT / wide + 0.3, -ABOVE / high + 0.4, title, va="top", size=11, weight="bold")
    for at, (key, each) in enumerate(DISTURBANCES.items()):
        x = at * step
        middle = x + len(sizes) / 2
        axes.text(middle, -2.8, each.title, ha="center", va="bottom", size=8, weight="bold")
        texts = f"{', '.join(strengths(key))}\n{each.what}"
        axes.text(middle, -2.7, texts, ha="center", va="top", size=6.5, color="#444444")
        for i, n in enumerate(sizes):
            text = f"{n:,}"
            axes.text(x + i + 0.5, -0.2, text, ha="center", va="bottom", size=6, color="#444444")
    axes.text(-0.3, -0.2, "images in a sample:", ha="right", va="bottom", size=6.5, color="#444444")
    before = ""
    for y, (case, output) in enumerate(outputs):
        if case != before and before:
            axes.plot(
                [-LEFT / wide + 0.3, step * len(DISTURBANCES)], [y, y], color="#999999", lw=0.4
            )
        name = output if output in (case, f"intra_{case}") else f"{case}:  {output}"
        axes.text(-0.3, y + 0.55, name, ha="right", va="center", size=8)
        before = case
        for at, key in enumerate(DISTURBANCES):
            for i, n in enumerate(sizes):
                each_verdict = found.get((output, n), {}).get(key)
                place = (at * step + i + 0.03, y + 0.06)
                colour, mark = _look(each_verdict)
                axes.add_patch(Rectangle(place, 0.94, 0.88, facecolor=colour, lw=0))
                if mark:
                    centre = place[0] + 0.47, place[1] + 0.46
                    dark = each_verdict is not None and each_verdict.level == 0
                    shade = "white" if dark else "#333333"
                    axes.text(*centre, mark, ha="center", va="center", size=6, color=shade)
    _legend(axes, len(outputs) + 0.8)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(path, dpi=120, facecolor="white")


def _look(verdict: Verdict | None) -> tuple[str, str]:
    """The colour of a cell, and what stands in it."""
    if verdict is None:
        return "white", "?"
    if verdict.level is None:
        return EMPTY, ""
    return (BETTER if verdict.better else WORSE)[verdict.level], WRONG if verdict.better else ""


def _legend(axes: Any, y: float) -> None:
    from matplotlib.patches import Rectangle

    lines = (
        (
            WORSE,
            "",
            "scores worse: seen from the weakest strength on, from the middle one, the strongest",
        ),
        (
            BETTER,
            WRONG,
            "scores BETTER than undisturbed samples: the metric is misled, from that strength on",
        ),
        ((EMPTY,), "", "not seen: within what undisturbed samples score (4 standard deviations)"),
    )
    for i, (colours, mark, text) in enumerate(lines):
        for j, colour in enumerate(colours):
            place = (-3.3 + j, y + i * 0.95)
            axes.add_patch(Rectangle(place, 0.94, 0.8, facecolor=colour, lw=0))
            shade = "white" if j == 0 else "#333333"
            axes.text(
                place[0] + 0.47,
                place[1] + 0.42,
                mark,
                ha="center",
                va="center",
                size=6,
                color=shade,
            )
        axes.text(0.1, y + i * 0.95 + 0.42, text, ha="left", va="center", size=7.5)
