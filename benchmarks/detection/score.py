"""How often the warnings are right.

    python -m benchmarks.detection.score                      # published thresholds
    python -m benchmarks.detection.score --thresholds tuned   # chosen on the tuning half
    python -m benchmarks.detection.score --choose             # and chosen again, of other runs

Reads benchmarks/results/detection_corpus.npz, replays the detectors and the rules of other tools on
its rows, and prints tables; the numbers go to benchmarks/results/detection.json.

- A pathology is detected in a run that has its label if a WARN or ERROR names it (for a plateau,
  any level). A run is counted once.
- A false alarm is a healthy run with any WARN or ERROR.
- Lead time: the label's onset less the step of the first alert that names it; a miss counts as
  later than every hit.
- The tuning half is the even seeds: rules and published thresholds were made on them, of all
  families. Results are of the odd seeds.
- Half of one family: thresholds are chosen on the even seeds of one family alone, from what they
  were before the first run; all other runs are scored.
- Leaving a family or a loss out: thresholds are chosen on the even seeds of the others, from the
  published ones on, and the group's odd seeds are scored. The rules themselves have seen it.
- Intervals are Wilson's, 95 %.
"""

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.detection import tables, tuning
from benchmarks.detection.baselines import BASELINES
from benchmarks.detection.figures import cells, confusion, rate, shuffled, summary
from benchmarks.detection.judges import (
    SPARSE,
    Example,
    as_written,
    examples,
    judged,
    ours,
    theirs,
)
from benchmarks.detection.traces import PACKED, stored, unpack
from gandiag.files import atomic_write
from gandiag.monitors import PATHOLOGIES, Thresholds

RESULTS = Path(__file__).parent.parent / "results" / "detection.json"
HALVES = ("points", "images", "tabular")
"""Families on whose halves thresholds are chosen alone."""


def corpus(chosen: Sequence[Example]) -> dict[str, Any]:
    """What there is to score."""
    healthy = [e for e in chosen if "healthy" in e.labels]
    return {
        "runs": len(chosen),
        "labels": {
            name: sum(name in e.labels for e in chosen) for name in (*PATHOLOGIES, "healthy")
        },
        "hard_healthy": sum(e.hard for e in healthy),
        "unlabelled": sum(not set(e.labels) - {"plateau"} for e in chosen),
        "seconds": sum(e.trace.meta["seconds"] for e in chosen),
    }


def results(chosen: Sequence[Example], thresholds: Thresholds) -> dict[str, Any]:
    """All figures that need no choosing."""
    judge = ours(thresholds)
    test = tuning.held_out(chosen)
    pairs = judged(test, judge)
    mixed = [shuffled(e) for e in chosen if "healthy" in e.labels]

    def parts(key: str) -> dict[str, Any]:
        groups = sorted({getattr(e, key) for e in chosen})
        return {g: summary([p for p in pairs if getattr(p[0], key) == g]) for g in groups}

    return {
        "corpus": corpus(chosen),
        "thresholds": tuning.changes(thresholds, Thresholds()),
        "held_out": summary(pairs),
        "as_written": {
            "no budget": summary(judged([as_written(e) for e in test], judge)),
            f"no budget, a check every {SPARSE} steps": summary(
                judged([as_written(e, SPARSE) for e in test], judge)
            ),
        },
        "tuning_half": summary(judged(tuning.tuning_half(chosen), judge)),
        "all": summary(judged(chosen, judge)),
        "by_family": parts("family"),
        "by_loss": parts("loss"),
        "confusion": confusion(pairs),
        "cells": [
            {"label": label, "family": family, "loss": loss, **found}
            for label, family, loss, found in cells(pairs)
        ],
        "shuffled_healthy": rate(sum(bool(judge(e).warned) for e in mixed), len(mixed)),
        "without": tuning.ablation(test, thresholds),
        "baselines": {
            name: summary(judged(test, theirs(rule))) for name, rule in BASELINES.items()
        },
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the tables and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=PACKED, help="a packed file, or a folder")
    parser.add_argument("--thresholds", choices=("default", "tuned"), default="default")
    parser.add_argument("--choose", action="store_true", help="also choose on other runs")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    folder = given.corpus.is_dir()
    chosen = examples(stored(given.corpus) if folder else unpack(given.corpus.read_bytes()))
    tuned = given.thresholds == "tuned"
    thresholds = tuning.tune(tuning.tuning_half(chosen)) if tuned else Thresholds()
    result = results(chosen, thresholds)
    if given.choose:
        result["half_of_one_family"] = [tuning.one_family(chosen, name) for name in HALVES]
        result["leave_one_family_out"] = tuning.leave_out(chosen, lambda e: e.family)
        result["leave_one_loss_out"] = tuning.leave_out(chosen, lambda e: e.loss)
    tables.report(result, chosen)
    with atomic_write(given.out) as file:
        file.write((json.dumps(_plain(result), indent=1) + "\n").encode())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


if __name__ == "__main__":
    main()
