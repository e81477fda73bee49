"""How often the monitor was right about the loops, and the table of it."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from benchmarks.detection.scoring.figures import rate
from benchmarks.detection.tables import percent
from benchmarks.detection.truth.labels import labels, right
from benchmarks.loops.styles import STYLES

Row = dict[str, Any]


class Verdict(NamedTuple):
    """A row, what is true of it, and what was warned of."""

    row: Row
    found: set[str]
    """Its labels."""
    right: set[str]
    """Pathologies that a warning may name; empty for healthy and for unlabelled runs."""
    warned: list[tuple[int, str]]
    """Step and pathology, of WARN and ERROR, oldest first."""

    @property
    def kind(self) -> str:
        """``broken``, ``healthy`` or ``unlabelled``."""
        if self.right:
            return "broken"
        return "healthy" if "healthy" in self.found else "unlabelled"


def verdict(row: Row) -> Verdict:
    """By the rules of `benchmarks.detection.truth.labels`."""
    found = labels(row["truth"])
    also = STYLES[row["style"]].cases[row["case"]].also
    warned = [
        (each["step"], each["pathology"]) for each in row["alerts"] if each["level"] != "INFO"
    ]
    return Verdict(row, found, right(found, also), sorted(warned))


def share(hits: Sequence[bool]) -> str:
    """``12 % [3, 34] (2/17)``, with Wilson's 95 % interval."""
    return percent(rate(hits))


def headline(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The figures, a line each. Warnings in unlabelled runs count as not right."""
    of = {k: [v for v in verdicts if v.kind == k] for k in ("healthy", "broken", "unlabelled")}
    broken = of["broken"]
    told = [v for v in broken if v.warned]
    meant = [v for v in verdicts if v.row["case"] == "healthy"]
    lines = {
        "healthy runs with a warning": [bool(v.warned) for v in of["healthy"]],
        "broken runs told": [bool(v.warned) for v in broken],
        "the right pathology among the alerts, of broken runs": [
            any(name in v.right for _, name in v.warned) for v in broken
        ],
        "the right one first, of those told": [v.warned[0][1] in v.right for v in told],
        "warnings that are right, of all warnings": [
            name in v.right for v in verdicts for _, name in v.warned
        ],
        "unlabelled runs with a warning": [bool(v.warned) for v in of["unlabelled"]],
        "loops as they should be that the judge finds healthy": [
            "healthy" in v.found for v in meant
        ],
    }
    yield from ("| figure | value |", "|---|---|")
    yield from (f"| {name} | {share(hits)} |" for name, hits in lines.items())


def table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """A line for each run: what was broken, what the judge says, what the monitor said and when."""
    yield "| loop | seed | broken | fd at the end | the judge | warned first | then |"
    yield "|---|---|---|---|---|---|---|"
    for v in verdicts:
        broken = STYLES[v.row["style"]].cases[v.row["case"]].broken or "nothing"
        marked = [
            f"{step} {name}{'' if name in v.right else ' (wrong)'}" for step, name in v.warned
        ]
        judged = ", ".join(sorted(v.found)) or "unlabelled"
        if extra := sorted(set(STYLES[v.row["style"]].cases[v.row["case"]].also) - v.found):
            judged += f"; by what was broken {', '.join(extra)}"
        first, then = (marked[0], "; ".join(marked[1:])) if marked else ("nothing", "")
        fd = v.row["truth"]["looks"][-1].get("fd", math.nan)
        cells = v.row["style"], v.row["seed"], broken, f"{fd:.2f}", judged, first, then
        yield f"| {' | '.join(map(str, cells))} |"
