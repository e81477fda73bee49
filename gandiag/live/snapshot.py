"""What a page shows of a run, as JSON values."""

from collections.abc import Iterator, Sequence
from typing import Any

from gandiag.live.follow import Run
from gandiag.monitors import SIGNALS

POINTS = 240
"""Of a curve; of more checks each point is the mean of neighbours, with their range."""


def snapshot(run: Run, names: Sequence[str]) -> dict[str, Any]:
    """A run so far: JSON without NaN, of bounded size.

    Args:
        run: followed.
        names: of the signals to show; those that it does not have are left out.

    Returns:
        Its state; ``signals``: name -> ``points``, each (step, mean, low, high), ``low`` and
        ``high`` over all checks; ``alerts``, the newest last, each with ``lasts``.
    """
    standing = run.standing
    return {
        "name": run.name,
        "step": run.step,
        "budget": run.budget,
        "over": run.over,
        "awaited": run.awaited,
        "silence": round(run.silence, 1),
        "patience": run.patience,
        "trouble": "" if run.awaited else run.trouble,
        "restarts": run.restarts,
        "signals": {
            name: {
                "low": _rounded(run.extremes[name].low),
                "high": _rounded(run.extremes[name].high),
                "points": list(points(run.course(name))),
            }
            for name in names
            if name in run.extremes
        },
        "alerts": [{**each.to_json(), "lasts": each in standing} for each in run.found.alerts],
        "overs": [each.to_json() for each in run.found.overs],
        "marks": [each._asdict() for each in run.found.marks],
        "notes": [each._asdict() for each in run.found.notes],
    }


def meanings(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Signal -> what it means, and in which unit."""
    return {name: {"meaning": SIGNALS[name].meaning, "unit": SIGNALS[name].unit} for name in names}


def points(course: Sequence[tuple[int, float]]) -> Iterator[tuple[int, float, float, float]]:
    """(step, value) => at most `POINTS` times (last step, mean, low, high) of neighbours."""
    size = max(1, -(-len(course) // POINTS))
    for start in range(0, len(course), size):
        part = course[start : start + size]
        values = [value for _, value in part]
        numbers = sum(values) / len(values), min(values), max(values)
        yield part[-1][0], *map(_rounded, numbers)  # type: ignore[misc]


def _rounded(value: float) -> float:
    """To six digits: enough for a picture."""
    return float(f"{value:.6g}")
