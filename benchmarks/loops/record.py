"""One run: train a loop under the monitor and the judge; and the file of rows."""

import json
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.digest import ROOT, digest_of
from benchmarks.loops.styles import STYLES
from benchmarks.loops.watching import Watch

OUT = ROOT / "benchmarks/results/loops.jsonl"
SEEDS = {"healthy": 3, "broken": 2}
SHARED = ("data", "judge", "watching", "record")
"""Files that decide every row beside the style's own; labels are made of the rows."""

Row = dict[str, Any]


class Run(NamedTuple):
    """What is trained."""

    style: str
    case: str
    seed: int
    steps: int


def runs(styles: Iterable[str] = STYLES, seeds: int | None = None) -> Iterator[Run]:
    """All of them, first those of seed 0."""
    for seed in range(max(SEEDS.values())):
        for style in styles:
            for case in STYLES[style].cases:
                count = SEEDS["healthy" if case == "healthy" else "broken"]
                if seed < (count if seeds is None else min(count, seeds)):
                    yield Run(style, case, seed, STYLES[style].steps)


def digest(style: str) -> str:
    """Of the code that decides a style's rows: the monitor, the judge and the loop itself."""
    names = *SHARED, f"styles/{style}"
    return digest_of(["gandiag/monitors/**/*.py", *(f"benchmarks/loops/{n}.py" for n in names)])


def of_row(row: Row) -> Run:
    """Which run a row is of."""
    return Run(row["style"], row["case"], row["seed"], row["steps"])


def current(row: Row) -> bool:
    """Whether there still is such a run, and the row was made by the code at hand."""
    style = STYLES.get(row["style"])
    there = style is not None and row["case"] in style.cases and row["steps"] == style.steps
    return there and row["digest"] == digest(row["style"])


def record(run: Run) -> Row:
    """Train, and say what was true and what was told.

    An error of the loop itself, as of a loss that refuses NaN, ends the run and is noted.
    """
    began, style = time.process_time(), STYLES[run.style]
    with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as folder:
        watch, raised = Watch(run.steps, Path(folder)), None
        try:
            style.train(run.case, run.steps, run.seed, watch)
        except (RuntimeError, ValueError, AssertionError) as error:
            if not watch.looks:
                raise
            raised = f"{type(error).__name__} at step {watch.done}"
    truth = {
        "looks": watch.looks,
        "nonfinite": watch.nonfinite,
        "raised": raised,
        "lipschitz": watch.monitor.context.lipschitz,
        "conditional": watch.monitor.context.conditional,
    }
    alerts = [
        {name: getattr(each, name) for name in ("pathology", "level", "step", "since")}
        for each in watch.monitor.alerts
    ]
    return {
        **run._asdict(),
        "truth": truth,
        "alerts": alerts,
        "seconds": round(time.process_time() - began, 1),
        "digest": digest(run.style),
    }


def read(path: Path = OUT) -> list[Row]:
    """All rows that are there."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def append(row: Row, path: Path = OUT) -> None:
    """One more line, in one write, so that two processes may record at once."""
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
