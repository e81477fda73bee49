"""How often the warnings are right.

    python -m benchmarks.detection.score

Reads benchmarks/results/detection_runs.npz, replays gandiag's rules and those of other tools on its
rows, and writes benchmarks/results/detection.json; `python -m benchmarks.tables` makes the tables.
Runs that other code made are refused.

- Seen cases: rules and thresholds may have been made on them, and those of other tools are chosen
  on them. Unseen cases are of the same families; an unseen family is one of which none is seen.
- A pathology is detected in a run that has it if a WARN or ERROR names it, after what is broken
  began. The mean is over the pathologies that some run has.
- Of a discriminator that has won there are two names, and a warning of either is right.
- A warning in a healthy run is false. Warnings before the fault begins, of another name, or in a
  run that is neither healthy nor of a known fault, count as not right.
- A fault without harm is scored apart: the run is healthy, and something is wrong with it.
"""

import argparse
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection.keeping import PACKED, read
from benchmarks.detection.scoring.baselines import BASELINES, best
from benchmarks.detection.scoring.examples import Example, examples
from benchmarks.detection.scoring.figures import (
    FAULTS,
    in_time,
    is_right,
    names,
    rate,
    summary,
    told,
)
from benchmarks.detection.scoring.telling import Warned, ours, theirs
from benchmarks.digest import ROOT, digest_of
from gandiag.files import atomic_write

RESULTS = ROOT / "benchmarks" / "results" / "detection.json"
CODE = (
    *(
        "gandiag/monitors/*.py",
        "gandiag/monitors/signals/*.py",
        "gandiag/monitors/pathologies/*.py",
    ),
    "benchmarks/detection/**/*.py",
)
"""What the figures depend on, beside the runs."""
GROUPS = {
    "seen cases": ("seen",),
    "unseen cases": ("unseen",),
    "an unseen family": ("family",),
    "unseen, both": ("unseen", "family"),
}


def shuffled(example: Example, seed: int = 0) -> Example:
    """The same rows at other times."""
    order = np.random.default_rng(seed).permutation(len(example.rows))
    steps = [step for step, _ in example.rows]
    rows = [(step, example.rows[i][1]) for step, i in zip(steps, order, strict=True)]
    return replace(example, rows=tuple(rows))


def thinned(example: Example) -> Example:
    """Every other row, at its own time."""
    return replace(example, rows=example.rows[1::2])


def wrong(example: Example, warned: Sequence[Warned]) -> list[str]:
    """What was missed in a run, and what was said of it that is not so."""
    missed = [
        f"{label} missed"
        for label in sorted(example.labels)
        if not any(x.name in names(label) and in_time(example, x) for x in warned)
    ]
    if example.kind == "unlabelled":
        return missed
    return [*missed, *(f"{x.name} at {x.step}" for x in warned if not is_right(example, x))]


def results(chosen: Sequence[Example]) -> dict[str, Any]:
    """All figures."""
    pairs = told(chosen, ours())
    grouped = {
        name: [pair for pair in pairs if pair[0].half in halves] for name, halves in GROUPS.items()
    }
    test = [e for e in chosen if e.half != "seen"]
    seen = [e for e in chosen if e.half == "seen"]
    healthy = [e for e in chosen if e.kind == "healthy"]
    baselines = {}
    for name, baseline in BASELINES.items():
        settings, rule = best(baseline, seen)
        found = told(test, theirs(rule))
        baselines[name] = {
            "settings": settings,
            "all": summary(found),
            "what it can name": summary(found, baseline.names),
            "gandiag on these": summary(told(test, ours()), baseline.names),
        }
    return {
        "corpus": {
            "runs": len(chosen),
            "cases": len({e.case.name for e in chosen}),
            "kinds": {
                kind: sum(e.kind == kind for e in chosen)
                for kind in ("healthy", "broken", "harmless", "unlabelled")
            },
            "labels": {name: sum(name in e.labels for e in chosen) for name in FAULTS},
            "steps": sum(e.rows[-1][0] for e in chosen),
        },
        "groups": {name: summary(group) for name, group in grouped.items()},
        "families": {
            family: summary([p for p in grouped["unseen, both"] if p[0].case.family == family])
            for family in dict.fromkeys(e.case.family for e in chosen)
        },
        "shuffled": rate([bool(ours()(shuffled(e))) for e in healthy]),
        "thinned": rate([bool(ours()(thinned(e))) for e in healthy]),
        "baselines": baselines,
        "runs": [
            {
                "case": e.case.name,
                "seed": e.seed,
                "half": e.half,
                "kind": e.kind,
                "labels": sorted(e.labels),
                "begins": e.case.begins,
                "warned": [f"{x.step} {x.name}" for x in w],
                "wrong": wrong(e, w),
            }
            for e, w in pairs
        ],
    }


def digest(runs: Path = PACKED) -> str:
    """Of the code and the runs that the figures are of."""
    return hashlib.sha256(f"{digest_of(CODE)}\n".encode() + runs.read_bytes()).hexdigest()


def main() -> None:
    """Write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=PACKED)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    found = results(examples(read(given.runs))) | {"digest": digest(given.runs)}
    with atomic_write(given.out) as file:
        file.write((json.dumps(_plain(found), indent=1) + "\n").encode())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value


if __name__ == "__main__":
    main()
