"""What was measured, kept in a file, and its table."""

import json
import os
import platform
import statistics
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.digest import ROOT
from benchmarks.speed.works import OURS, WORKS
from gandiag.files import atomic_write

OUT = ROOT / "benchmarks/results/speed.json"
CPUS = Path("/proc/cpuinfo")

Row = dict[str, Any]
"""A work on a machine: what it ran on, and `rounds`, each a tool => what `measure` found."""


def processor() -> str:
    """Its name, as the system tells it."""
    lines = CPUS.read_text().splitlines() if CPUS.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def begun(name: str, threads: int, path: Path = OUT) -> Row:
    """The row of this work on this machine, with the rounds that today's code has made.

    Args:
        name: of the work.
        threads: of each tool; 0 where each chooses.
        path: of the file.
    """
    work = WORKS[name]
    made_on = {
        "work": name,
        "threads": threads,
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "versions": {each: version(each) for each in ("torch", "numpy", *work.peers)},
        "digest": work.digest(),
    }
    for row in read(path):
        if made_on.items() <= row.items():
            return row
    return {**made_on, "rounds": []}


def _place(row: Row) -> tuple[Any, ...]:
    return tuple(row[key] for key in ("work", "threads", "processor", "cores"))


def read(path: Path = OUT) -> list[Row]:
    """The rows of today's code, in the order of the works."""
    rows: list[Row] = json.loads(path.read_text()) if path.exists() else []
    today = [
        row for row in rows if row["work"] in WORKS and row["digest"] == WORKS[row["work"]].digest()
    ]
    return sorted(today, key=lambda row: list(WORKS).index(row["work"]))


def keep(row: Row, path: Path = OUT) -> None:
    """Put it in the place of what was measured of this work on such a machine before."""
    rows = [each for each in read(path) if _place(each) != _place(row)] + [row]
    with atomic_write(path) as file:
        text = ",\n".join(json.dumps(each) for each in rows)
        file.write(f"[\n{text}\n]\n".encode())


def _median(row: Row, tool: str, what: str) -> float:
    return statistics.median(each[tool][what] for each in row["rounds"])


def _apart(row: Row, tool: str) -> str:
    """The largest relative difference of the values that both tools give, from ours."""
    ours, theirs = (row["rounds"][0][name]["values"] for name in (OURS, tool))
    return f"{max(abs(theirs[name] / ours[name] - 1) for name in ours if ours[name]):.0e}"


def table(rows: Sequence[Row]) -> Iterator[str]:
    """A tool a line: medians of the rounds, and how many times ours the others take."""
    yield (
        "| work | tool | wall, s | processor, s | ratio, wall | ratio, processor | "
        "peak, GiB | above the inputs, GiB | values apart |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        threads = f"{row['threads']} threads" if row["threads"] else "threads as each chooses"
        where = f"{row['processor']}, {row['cores']} cores, {threads}, {len(row['rounds'])} rounds"
        work = f"{WORKS[row['work']].title} ({where})"
        for tool in row["rounds"][0]:
            seconds = {what: _median(row, tool, what) for what in ("wall", "processor")}
            ratios = [f"{seconds[what] / _median(row, OURS, what):.2f}" for what in seconds]
            gib = [f"{_median(row, tool, what):.2f}" for what in ("peak", "above")]
            times = [f"{each:.2f}" for each in seconds.values()]
            yield "| " + " | ".join([work, tool, *times, *ratios, *gib, _apart(row, tool)]) + " |"
            work = ""
