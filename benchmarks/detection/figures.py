"""How often what was said of runs is right."""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.detection.judges import FAULTS, Example, Told
from gandiag.monitors import PATHOLOGIES


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


def macro(found: Mapping[str, Mapping[str, Any]], names: Iterable[str] = PATHOLOGIES) -> float:
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
    stopped = [(e, t) for e, t in pairs if t.step("plateau") is not None]
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
        "plateau_remarks_too_soon": rate(sum(_too_soon(e, t) for e, t in stopped), len(stopped)),
        "detection": found,
    }


def _too_soon(example: Example, told: Told) -> bool:
    """Whether a plateau was told where none is, or .05 of the run before it."""
    onset, step = example.labels.get("plateau", math.inf), told.step("plateau")
    return step is not None and step < onset - 0.05 * example.steps


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
