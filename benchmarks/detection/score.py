"""How often the warnings are right.

    python -m benchmarks.detection.score                      # published thresholds
    python -m benchmarks.detection.score --thresholds tuned   # chosen on the tuning half
    python -m benchmarks.detection.score --leave-out          # and chosen again without each family

Reads benchmarks/results/detection_corpus.npz, replays the detectors and the rules of other tools on
its rows, and prints tables; the numbers go to benchmarks/results/detection.json.

- A pathology is detected in a run that has its label if a WARN or ERROR names it (for a plateau,
  any level). A run is counted once.
- A false alarm is a healthy run with any WARN or ERROR.
- Lead time: the label's onset less the step of the first alert that names it; a miss counts as
  later than every hit.
- The tuning half is the even seeds: rules and published thresholds were made on them, of all
  families. On points alone good and collapsed runs are so far apart (energy distances of .01 and
  .3) that thresholds between them cannot be chosen. Results are of the odd seeds.
- Leaving a family or a loss out: thresholds are chosen on the even seeds of the others, from the
  published ones on, and the group's odd seeds are scored. The rules themselves have seen it.
- Intervals are Wilson's, 95 %.
"""

import argparse
import dataclasses
import json
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection.baselines import BASELINES
from benchmarks.detection.traces import PACKED, Row, Trace, stored, unpack
from benchmarks.detection.worlds import FAMILIES
from gandiag.files import atomic_write
from gandiag.monitors import PATHOLOGIES, Context, Thresholds
from gandiag.monitors.context import from_json
from gandiag.monitors.detectors import RULES
from gandiag.monitors.detectors.base import Persistent, Rule

RESULTS = Path(__file__).parent.parent / "results" / "detection.json"
FAULTS = tuple(name for name in PATHOLOGIES if name != "plateau")
EARLY = ("mode-collapse", "discriminator-overfitting", "divergence")
"""Where an alert should come no later than the outcome; for the others within .1 of the run."""


@dataclass(frozen=True)
class Told:
    """What was said of a run: pathology -> first step, warnings and remarks apart."""

    warned: Mapping[str, int]
    remarked: Mapping[str, int]

    def step(self, pathology: str) -> int | None:
        """When it was first named so that it counts."""
        if pathology == "plateau":
            return min(
                (d["plateau"] for d in (self.warned, self.remarked) if "plateau" in d), default=None
            )
        return self.warned.get(pathology)


@dataclass(frozen=True)
class Example:
    """A run of the corpus, read once."""

    trace: Trace
    rows: list[Row]
    labels: dict[str, int]
    context: Context

    @property
    def family(self) -> str:
        """Of its world."""
        return FAMILIES[self.trace.case.world]

    @cached_property
    def loss(self) -> str:
        """Loss and constraint, as the corpus is divided by them."""
        case = self.trace.case
        if case.conditional:
            return "conditional"
        return case.loss if case.constraint == "none" else f"{case.loss} {case.constraint}"

    @property
    def steps(self) -> int:
        """Of the run."""
        return self.trace.case.steps

    @property
    def even(self) -> bool:
        """In the tuning half, if its family is."""
        return self.trace.meta["seed"] % 2 == 0

    @property
    def faults(self) -> set[str]:
        """Its labels but for plateau and healthy."""
        return set(self.labels) & set(FAULTS)

    @property
    def hard(self) -> bool:
        """Whether it was made to be taken for faulty."""
        return self.trace.case.intends == "hard negative"


Judge = Callable[[Example], Told]


def examples(traces: Iterable[Trace]) -> list[Example]:
    """All that scoring needs of the traces."""
    return [Example(t, t.rows(), t.labels(), from_json(t.meta["context"])) for t in traces]


class Detectors:
    """Those of gandiag; what one rule said of one run is kept, by the thresholds that it reads."""

    def __init__(self) -> None:
        self.reads: dict[str, set[str]] = {rule.pathology: set() for rule in RULES}
        self.kept: dict[tuple[object, ...], tuple[int | None, int | None]] = {}

    def told(self, example: Example, thresholds: Thresholds) -> Told:
        """What all rules say."""
        left_out = example.context.inactive()
        warned, remarked = {}, {}
        for rule in RULES:
            if rule.pathology in left_out:
                continue
            warning, remark = self._first(example, rule, thresholds)
            if warning is not None:
                warned[rule.pathology] = warning
            if remark is not None:
                remarked[rule.pathology] = remark
        return Told(warned, remarked)

    def _first(
        self, example: Example, rule: Rule, thresholds: Thresholds
    ) -> tuple[int | None, int | None]:
        reads = self.reads[rule.pathology]
        while True:
            key = (id(example), rule.pathology, *(getattr(thresholds, n) for n in sorted(reads)))
            if key in self.kept:
                return self.kept[key]
            noted, known = Noted(thresholds, reads), len(reads)
            detector = Persistent(rule, example.context, noted)  # type: ignore[arg-type]
            first: dict[bool, int] = {}
            for step, values in example.rows:
                alert = detector(step, values)
                if alert is not None:
                    first.setdefault(alert.level != "INFO", alert.step)
            if len(reads) > known:  # another threshold was read: what is kept is too coarse
                self.kept = {k: v for k, v in self.kept.items() if k[1] != rule.pathology}
                continue
            self.kept[key] = (first.get(True), first.get(False))
            return self.kept[key]


class Noted:
    """Thresholds that note which of them are read."""

    def __init__(self, thresholds: Thresholds, reads: set[str]):
        self._thresholds, self._reads = thresholds, reads

    def __getattr__(self, name: str) -> Any:
        self._reads.add(name)
        self.__dict__[name] = value = getattr(self._thresholds, name)  # found directly from now on
        return value


def ours(thresholds: Thresholds | None = None, detectors: Detectors | None = None) -> Judge:
    """The detectors of gandiag."""
    own = detectors or Detectors()
    return lambda example: own.told(example, thresholds or Thresholds())


def theirs(rule: Callable[[Sequence[Row]], dict[str, int]]) -> Judge:
    """A rule of another tool: all it says is a warning."""
    return lambda example: Told(rule(example.rows), {})


def wilson(hits: int, count: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson's score interval of a proportion; (0, 1) of nothing."""
    if not count:
        return 0.0, 1.0
    share, extra = hits / count, z * z / count
    centre = (share + extra / 2) / (1 + extra)
    half = z * math.sqrt(share * (1 - share) / count + extra / (4 * count)) / (1 + extra)
    return max(0.0, centre - half), min(1.0, centre + half)


def rate(hits: int, count: int) -> dict[str, Any]:
    """A proportion with its interval; None of nothing."""
    low, high = wilson(hits, count)
    value = hits / count if count else None
    return {"hits": hits, "count": count, "value": value, "low": low, "high": high}


def detection(pairs: Sequence[tuple[Example, Told]]) -> dict[str, dict[str, Any]]:
    """Detection rate and lead time of each pathology."""
    found = {}
    for name in PATHOLOGIES:
        labelled = [(e, told.step(name)) for e, told in pairs if name in e.labels]
        hits = [(e, step) for e, step in labelled if step is not None]
        # A miss is later than all: -inf, so that the median is of all labelled runs.
        leads = [e.labels[name] - step for e, step in hits]
        shares = [lead / e.steps for (e, _), lead in zip(hits, leads, strict=True)]
        missed = [-math.inf] * (len(labelled) - len(hits))
        found[name] = rate(len(hits), len(labelled)) | {
            "lead_steps": quartiles([*leads, *missed]),
            "lead_share": quartiles([*shares, *missed]),
        }
    return found


def quartiles(values: Sequence[float]) -> list[float | None]:
    """Three quartiles, of the values themselves; None where it is a miss."""
    if not values:
        return [None, None, None]
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], method="lower")
    return [float(v) if np.isfinite(v) else None for v in (low, middle, high)]


def macro(found: Mapping[str, Mapping[str, Any]], names: Sequence[str] = PATHOLOGIES) -> float:
    """Mean over the pathologies that occur."""
    values = [found[name]["value"] for name in names if found[name]["count"]]
    return float(np.mean(values)) if values else math.nan


def summary(pairs: Sequence[tuple[Example, Told]]) -> dict[str, Any]:
    """The figures that a set of thresholds is judged by."""
    found = detection(pairs)
    healthy = [(e, t) for e, t in pairs if "healthy" in e.labels]
    hard = [(e, t) for e, t in healthy if e.hard]
    nothing = [(e, t) for e, t in pairs if not e.faults and "healthy" not in e.labels]
    faulty = [(e, t) for e, t in pairs if e.faults and t.warned]
    first = [min(t.warned, key=lambda name: t.warned[name]) in e.faults for e, t in faulty]
    all_warnings = [name in e.faults for e, t in pairs if e.faults for name in t.warned]
    return {
        "runs": len(pairs),
        "macro_detection": macro(found),
        "macro_detection_of_faults": macro(found, FAULTS),
        "any_warning_in_faulty": rate(len(faulty), sum(bool(e.faults) for e, _ in pairs)),
        "right_named": rate(sum(bool(e.faults & set(t.warned)) for e, t in faulty), len(faulty)),
        "first_right": rate(sum(first), len(first)),
        "warnings_right": rate(sum(all_warnings), len(all_warnings)),
        "false_alarms": rate(sum(bool(t.warned) for _, t in healthy), len(healthy)),
        "false_alarms_hard": rate(sum(bool(t.warned) for _, t in hard), len(hard)),
        "alarms_unlabelled": rate(sum(bool(t.warned) for _, t in nothing), len(nothing)),
        "plateau_remarks_healthy": rate(
            sum(t.step("plateau") is not None for _, t in healthy), len(healthy)
        ),
        "detection": found,
    }


def judged(chosen: Iterable[Example], judge: Judge) -> list[tuple[Example, Told]]:
    """Each example with what was said of it."""
    return [(example, judge(example)) for example in chosen]


def confusion(pairs: Sequence[tuple[Example, Told]]) -> dict[str, dict[str, float]]:
    """Of the runs with a label, the share with each warning."""
    rows = {}
    for name in (*FAULTS, "healthy"):
        those = [told for e, told in pairs if name in e.labels]
        if those:
            rows[name] = {
                other: sum(other in told.warned for told in those) / len(those) for other in FAULTS
            }
    return rows


def cells(pairs: Sequence[tuple[Example, Told]]) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(pathology, family, loss, rate) of cells with three runs or more, worst first."""
    grouped: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for e, told in pairs:
        for name in e.labels:
            right = not told.warned if name == "healthy" else told.step(name) is not None
            grouped[name, e.family, e.loss].append(right)
    found = [(*key, rate(sum(hits), len(hits))) for key, hits in grouped.items() if len(hits) >= 3]
    return sorted(found, key=lambda cell: (cell[3]["value"], -cell[3]["count"]))


def shuffled(example: Example, seed: int = 0) -> Example:
    """The same rows at other times."""
    order = np.random.default_rng(seed).permutation(len(example.rows))
    steps = [step for step, _ in example.rows]
    rows = [(step, example.rows[i][1]) for step, i in zip(steps, order, strict=True)]
    return dataclasses.replace(example, rows=rows)


# Choosing thresholds.

FACTORS = (0.5, 0.75, 1.33, 2.0)
FEWER = (0.67, 1.5)
MOST = 60
"""Runs that thresholds are chosen on where that is done once for each group."""


def objective(pairs: Sequence[tuple[Example, Told]]) -> float:
    """Macro detection, less what false alarms and wrong names cost."""
    found = summary(pairs)
    false = found["false_alarms"]["value"] or 0.0
    hard = found["false_alarms_hard"]["value"] or 0.0
    named = found["first_right"]["value"] or 0.0
    right = found["warnings_right"]["value"] or 0.0
    return float(found["macro_detection"] - 3 * false - hard + 0.25 * named + 0.25 * right)


def tune(chosen: Sequence[Example], factors: Sequence[float] = FACTORS) -> Thresholds:
    """Coordinate search: one threshold after the other is scaled, and kept where that is better.

    A change must gain more than .01, about what one run in a hundred does, so that ties keep what
    is published.
    """
    detectors = Detectors()
    best = Thresholds()
    score = objective(judged(chosen, ours(best, detectors)))
    for field in dataclasses.fields(Thresholds):
        value = getattr(best, field.name)
        for factor in factors:
            scaled = value * factor
            other = max(1, round(scaled)) if isinstance(value, int) else scaled
            trial = dataclasses.replace(best, **{field.name: other})
            if trial == best:
                continue
            now = objective(judged(chosen, ours(trial, detectors)))
            if now > score + 0.01:
                best, score = trial, now
                print(f"  {field.name} = {other}: {now:.4f}", file=sys.stderr, flush=True)
    return best


WITHOUT: Mapping[str, Mapping[str, float]] = {
    "waiting for samples that improve": {"improvement": math.inf},
    "waiting while the run is young": {"young_share": 0.0},
    "warm-up": {"warm_up_steps": 0, "warm_up_share": 0.0},
    "persistence of collapse": {"collapse_persist": 1, "intra_persist": 1},
    "distance to the data, of oscillation": {"churn_distance": -1.0},
    "a generator that stands still, of saturation": {"still": math.inf},
    "a sure discriminator, of saturation": {"saturated_auc": -1.0},
    "standard errors, of overfitting": {"overfitting_z": -math.inf},
    "a rise, of dead units": {"dead_rise": -1.0},
}
"""Parts of the rules, and thresholds that make them always true."""


def ablation(chosen: Sequence[Example], thresholds: Thresholds) -> dict[str, dict[str, Any]]:
    """Macro detection and false alarms without each part."""
    detectors = Detectors()
    found = {}
    for name, values in WITHOUT.items():
        told = summary(judged(chosen, ours(dataclasses.replace(thresholds, **values), detectors)))
        found[name] = {key: told[key] for key in ("macro_detection", "right_named", "false_alarms")}
    return found


def changes(thresholds: Thresholds) -> dict[str, float]:
    """Those that are not as published."""
    return {
        field.name: getattr(thresholds, field.name)
        for field in dataclasses.fields(Thresholds)
        if getattr(thresholds, field.name) != field.default
    }


def tuning_half(chosen: Iterable[Example]) -> list[Example]:
    """Even seeds."""
    return [e for e in chosen if e.even]


def held_out(chosen: Iterable[Example]) -> list[Example]:
    """Odd seeds."""
    return [e for e in chosen if not e.even]


def leave_out(chosen: Sequence[Example], key: Callable[[Example], str]) -> dict[str, Any]:
    """Thresholds chosen on the even seeds of the others; each group's odd seeds scored by those."""
    found: dict[str, Any] = {}
    pairs: list[tuple[Example, Told]] = []
    for group in sorted({key(e) for e in chosen}):
        print(f"without {group}", file=sys.stderr)
        others = [e for e in chosen if key(e) != group and e.even]
        thresholds = tune(others[:: max(1, -(-len(others) // MOST))], FEWER)
        own = judged([e for e in chosen if key(e) == group and not e.even], ours(thresholds))
        pairs += own
        found[group] = {"changed": changes(thresholds), **summary(own)}
    return {"groups": found, "all": summary(pairs)}


# Tables.


def percent(found: Mapping[str, Any]) -> str:
    """89 % [76, 95] (34/38)."""
    if not found["count"]:
        return "none"
    return (
        f"{100 * found['value']:.0f} % [{100 * found['low']:.0f}, {100 * found['high']:.0f}] "
        f"({found['hits']}/{found['count']})"
    )


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _lead(values: Sequence[float | None], unit: float, digits: int) -> str:
    shown = ["miss" if v is None else f"{unit * v:.{digits}f}" for v in values]
    return f"{shown[1]} ({shown[0]} to {shown[2]})"


def show(found: Mapping[str, Any]) -> None:
    """Print the tables of one result, worst first."""
    print("## Detection, worst first\n")
    rows = sorted(
        ((n, d) for n, d in found["detection"].items() if d["count"]), key=lambda r: r[1]["value"]
    )
    print(
        table(
            ("pathology", "detected", "lead, steps: median (quartiles)", "lead, % of the run"),
            [
                (n, percent(d), _lead(d["lead_steps"], 1, 0), _lead(d["lead_share"], 100, 1))
                for n, d in rows
            ],
        )
    )
    print("\n## In short\n")
    print(f"runs {found['runs']}, macro detection {found['macro_detection']:.3f}\n")
    for name in (
        *("any_warning_in_faulty", "right_named", "first_right", "warnings_right", "false_alarms"),
        *("false_alarms_hard", "alarms_unlabelled", "plateau_remarks_healthy"),
    ):
        print(f"- {name.replace('_', ' ')}: {percent(found[name])}")


def intended(chosen: Sequence[Example]) -> str:
    """What rows intend against what their runs did."""
    grouped: dict[str, list[Example]] = defaultdict(list)
    for e in chosen:
        grouped[e.trace.case.name].append(e)
    rows = []
    for name, some in grouped.items():
        counts: dict[str, int] = defaultdict(int)
        for e in some:
            for label in set(e.labels) - {"plateau"} or {"unlabelled"}:
                counts[label] += 1
        did = ", ".join(f"{k} {v}" for k, v in sorted(counts.items(), key=lambda i: -i[1]))
        rows.append((name, some[0].trace.case.intends, len(some), did))
    return table(("case", "intends", "runs", "did"), rows)


def main(arguments: list[str] | None = None) -> None:
    """Print the tables and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=PACKED, help="a packed file, or a folder")
    parser.add_argument("--thresholds", choices=("default", "tuned"), default="default")
    parser.add_argument("--leave-out", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    folder = given.corpus.is_dir()
    chosen = examples(stored(given.corpus) if folder else unpack(given.corpus.read_bytes()))
    thresholds = tune(tuning_half(chosen)) if given.thresholds == "tuned" else Thresholds()
    judge = ours(thresholds)
    test = held_out(chosen)
    pairs = judged(test, judge)
    everything = judged(chosen, judge)
    healthy = [e for e in chosen if "healthy" in e.labels]
    result: dict[str, Any] = {
        "corpus": {
            "runs": len(chosen),
            "labels": {
                name: sum(name in e.labels for e in chosen) for name in (*PATHOLOGIES, "healthy")
            },
            "hard_healthy": sum(e.hard for e in healthy),
            "unlabelled": sum(not set(e.labels) - {"plateau"} for e in chosen),
            "seconds": sum(e.trace.meta["seconds"] for e in chosen),
        },
        "thresholds": {"chosen": given.thresholds, "changed": changes(thresholds)},
        "held_out": summary(pairs),
        "tuning_half": summary(judged(tuning_half(chosen), judge)),
        "all": summary(everything),
        "by_family": {
            family: summary([p for p in pairs if p[0].family == family])
            for family in sorted({e.family for e in chosen})
        },
        "by_loss": {
            loss: summary([p for p in pairs if p[0].loss == loss])
            for loss in sorted({e.loss for e in chosen})
        },
        "confusion": confusion(pairs),
        "cells": [
            {"label": label, "family": family, "loss": loss, **found}
            for label, family, loss, found in cells(pairs)
        ],
        "shuffled_healthy": rate(
            sum(bool(judge(shuffled(e)).warned) for e in healthy), len(healthy)
        ),
        "without": ablation(test, thresholds),
        "baselines": {
            name: summary(judged(test, theirs(rule))) for name, rule in BASELINES.items()
        },
    }
    if given.leave_out:
        result["leave_one_family_out"] = leave_out(chosen, lambda e: e.family)
        result["leave_one_loss_out"] = leave_out(chosen, lambda e: e.loss)
    print(f"# Detection on {len(chosen)} runs\n")
    print(json.dumps(result["corpus"]) + "\n")
    show(result["held_out"])
    print("\n## Worst cells\n")
    print(
        table(
            ("label", "family", "loss", "right"),
            [(*cell[:3], percent(cell[3])) for cell in cells(pairs)[:20]],
        )
    )
    print("\n## Warnings given, % of the runs with a label\n")
    print(
        table(
            ("label", *FAULTS),
            [
                (name, *(f"{100 * row[other]:.0f}" for other in FAULTS))
                for name, row in result["confusion"].items()
            ],
        )
    )
    print("\n## Rules of other tools, on the same runs\n")
    lines = {"gandiag": result["held_out"], **result["baselines"]}
    print(
        table(
            ("rule", "macro detection", "any warning in faulty", "named right", "false alarms"),
            [
                (
                    name,
                    f"{found['macro_detection']:.2f}",
                    percent(found["any_warning_in_faulty"]),
                    percent(found["right_named"]),
                    percent(found["false_alarms"]),
                )
                for name, found in lines.items()
            ],
        )
    )
    print("\n## Without a part of the rules\n")
    print(
        table(
            ("without", "macro detection", "named right", "false alarms"),
            [
                (
                    name,
                    f"{found['macro_detection']:.2f}",
                    percent(found["right_named"]),
                    percent(found["false_alarms"]),
                )
                for name, found in {"nothing": result["held_out"], **result["without"]}.items()
            ],
        )
    )
    print(f"\nHealthy rows in another order: {percent(result['shuffled_healthy'])} with a warning.")
    for name in ("leave_one_family_out", "leave_one_loss_out"):
        if name in result:
            print(f"\n## {name.replace('_', ' ')}\n")
            print(
                table(
                    ("left out", "runs", "macro detection", "named right", "false alarms"),
                    [
                        (
                            group,
                            found["runs"],
                            f"{found['macro_detection']:.2f}",
                            percent(found["right_named"]),
                            percent(found["false_alarms"]),
                        )
                        for group, found in sorted(
                            {**result[name]["groups"], "all": result[name]["all"]}.items(),
                            key=lambda item: item[1]["macro_detection"],
                        )
                    ],
                )
            )
    print("\n## What was intended, and what happened\n")
    print(intended(chosen))
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
