"""What is kept of `benchmarks.scaling`, its table and its picture."""

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from benchmarks.digest import ROOT, digest_of
from benchmarks.scaling.works import WORKS, Work
from gandiag.files import atomic_write

OUT = ROOT / "benchmarks/results/scaling.json"
PICTURE = ROOT / "benchmarks/results/scaling.png"
FLAT, NOISE = 1.1, 16 / 1024
"""More than so many times what the fewest points take is growth, less than so many GiB are not:
what an allocator keeps for itself differs by some MiB from run to run."""
GROWTH = tuple(name for name in WORKS if name != "lists")

Row = dict[str, Any]


def digest(name: str) -> str:
    """Of the code that decides a work."""
    return digest_of(WORKS[name].sources)


def read(path: Path = OUT) -> list[Row]:
    """The rows of today's code, by work and N."""
    rows: list[Row] = json.loads(path.read_text()) if path.exists() else []
    kept = [row for row in rows if row["work"] in WORKS and row["digest"] == digest(row["work"])]
    return sorted(kept, key=lambda row: ([*WORKS].index(row["work"]), row["n"]))


def write(rows: Sequence[Row], path: Path = OUT) -> None:
    """Whole or not at all, a row a line."""
    text = ",\n".join(json.dumps(row) for row in rows)
    with atomic_write(path) as file:
        file.write(f"[\n{text}\n]\n".encode())


def table(rows: Sequence[Row]) -> Iterator[str]:
    """A line a work and N; with how fast memory and time grew from the N before."""
    yield "| | N x width | MiB above | grows as | seconds | grows as |"
    yield "|---|---|---|---|---|---|"
    for name in GROWTH:
        work = WORKS[name]
        own = [row for row in rows if row["work"] == name]
        for before, row in itertools.pairwise([None, *own]):
            memory = f"{1024 * row['gib']:,.0f}{_against(work, own[0], row)}"
            yield (
                f"| {work.told} | {row['n']:,} x {row['width']} | {memory} "
                f"| {power(before, row, 'gib')} "
                f"| {row['processor']:,.1f} | {power(before, row, 'processor')} |"
            )
        missing = [n for n in work.counts if n not in {row["n"] for row in own}]
        if missing:
            yield f"| {work.told} | {', '.join(f'{n:,}' for n in missing)} | not measured | | | |"


def _against(work: Work, first: Row, row: Row) -> str:
    if work.limit is not None and row["gib"] > work.limit:
        return f" (above the limit of {work.limit:g} GiB)"
    grown = row["gib"] > max(FLAT * first["gib"], first["gib"] + NOISE)
    return " (not flat)" if work.flat and grown else ""


def power(before: Row | None, row: Row, what: str) -> str:
    """The exponent of N by which `what` grew; nothing of what is too small to tell."""
    least = {"gib": 1 / 1024, "processor": 0.05}[what]
    if before is None or min(before[what], row[what]) < least:
        return ""
    return f"N^{math.log(row[what] / before[what]) / math.log(row['n'] / before['n']):.1f}"


def draw(rows: Sequence[Row], path: Path = PICTURE) -> None:
    """Memory and time against N, a line a work."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    panels = figure.subplots(1, 2)
    told = (("gib", "MiB above what was there", 1024), ("processor", "processor seconds", 1))
    for axes, (what, label, factor) in zip(panels, told, strict=True):
        for name in GROWTH:
            own = [row for row in rows if row["work"] == name]
            if own:
                values = [factor * row[what] for row in own]
                axes.loglog([row["n"] for row in own], values, "o-", label=WORKS[name].told)
        axes.set_xlabel("N")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    # Nothing may be measured yet, or by this code.
    if any(row["work"] in GROWTH for row in rows):
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=100, metadata={"Software": None})
    with atomic_write(path) as file:
        file.write(picture.getvalue())
