"""How often the warnings are right: the figures, each with Wilson's 95 % interval."""

import math
from collections.abc import Collection, Sequence
from statistics import mean, median
from typing import Any

from scipy.stats import binomtest

from benchmarks.detection.scoring.examples import Example
from benchmarks.detection.scoring.telling import Tell, Warned
from benchmarks.detection.truth.labels import STUCK
from gandiag.monitors import PATHOLOGIES

FAULTS = tuple(name for name in PATHOLOGIES if name != "plateau")
"""A plateau is for information, and no fault."""

Told = tuple[Example, tuple[Warned, ...]]


def told(chosen: Sequence[Example], tell: Tell) -> list[Told]:
    """Each example with what is said of it."""
    return [(example, tell(example)) for example in chosen]


def rate(hits: Sequence[bool]) -> dict[str, Any]:
    """A proportion with its interval; the value is None of nothing."""
    if not hits:
        return {"hits": 0, "count": 0, "value": None, "low": 0.0, "high": 1.0}
    n, k = len(hits), sum(hits)
    low, high = binomtest(k, n).proportion_ci(method="wilson")
    return {"hits": k, "count": n, "value": k / n, "low": float(low), "high": float(high)}


def names(label: str) -> set[str]:
    """Warnings that name a label: of a discriminator that has won there are two names."""
    return STUCK if label in STUCK else {label}


def in_time(example: Example, warned: Warned) -> bool:
    """Whether it came after what is broken had begun."""
    return warned.step > example.case.begins


def is_right(example: Example, warned: Warned) -> bool:
    """Whether a warning names what is true, and not before it was."""
    return warned.name in example.right and in_time(example, warned)


def detection(pairs: Sequence[Told]) -> dict[str, dict[str, Any]]:
    """Of each pathology: how many of the runs that have it are told, and how late after the fault.

    Delays are in steps, from the begin of the fault to the first warning that names it; of runs
    that have no fault, from the begin of the run. The median is over those that are told.
    """
    found = {}
    for label in FAULTS:
        having = [(e, w) for e, w in pairs if label in e.labels]
        firsts = [
            min((x.step for x in w if x.name in names(label) and in_time(e, x)), default=None)
            for e, w in having
        ]
        delays = [step - e.case.begins for (e, _), step in zip(having, firsts, strict=True) if step]
        found[label] = rate([step is not None for step in firsts]) | {
            "delay": median(delays) if delays else None
        }
    return found


def macro(found: dict[str, dict[str, Any]], of: Collection[str] = FAULTS) -> float:
    """Mean over the pathologies that some run has."""
    values = [found[name]["value"] for name in of if found[name]["count"]]
    return mean(values) if values else math.nan


def summary(pairs: Sequence[Told], of: Collection[str] = FAULTS) -> dict[str, Any]:
    """All figures of some runs.

    Args:
        pairs: runs with what is said of them.
        of: pathologies that the mean is over: for rules that can name some of them only.
    """
    kinds = {
        kind: [(e, w) for e, w in pairs if e.kind == kind]
        for kind in ("healthy", "broken", "unlabelled", "harmless")
    }
    broken = kinds["broken"]
    warned = [(e, w) for e, w in broken if any(in_time(e, x) for x in w)]
    firsts = [(e, next(x for x in w if in_time(e, x))) for e, w in warned]
    found = detection(pairs)
    return {
        "runs": len(pairs),
        "macro_detection": macro(found, of),
        "detection": found,
        "broken_warned": rate([bool(w) for _, w in broken]),
        "right_named": rate([any(is_right(e, x) for x in w) for e, w in warned]),
        "first_right": rate([is_right(e, x) for e, x in firsts]),
        "warnings_right": rate([is_right(e, x) for e, w in pairs for x in w]),
        "warnings_per_broken": mean(len(w) for _, w in broken) if broken else None,
        "healthy_warned": rate([bool(w) for _, w in kinds["healthy"]]),
        "odd_warned": rate([bool(w) for e, w in kinds["healthy"] if e.odd]),
        "unlabelled_warned": rate([bool(w) for _, w in kinds["unlabelled"]]),
        "harmless_warned": rate([bool(w) for _, w in kinds["harmless"]]),
    }
