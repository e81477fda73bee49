"""Whether a value is out of the null's range, and from which strength on."""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from gandiag.metrics import METRICS

THRESHOLD = 4.0
"""Of the null's standard deviations: beyond, a disturbance is seen."""


class Verdict(NamedTuple):
    """Of an output under a disturbance, at one N."""

    level: int | None
    """The smallest strength (0 is the weakest) from which on it is seen; None where it is not."""
    better: bool
    """Whether the disturbed samples are called better than undisturbed ones."""


def scores_of(
    null: Sequence[float], values: Sequence[float | None], f: float, n: int
) -> list[float]:
    """How far values are from the null's mean, in its standard deviations; NaN of no value.

    On a log scale where all is above 1 and the null spans more than a factor of two: what is
    skewed, as a reciprocal of few counts is, could not fall by four deviations otherwise. A share,
    which is such a count, is skewed the other way there and stays as it is.

    Args:
        null: K values of undisturbed samples.
        values: of disturbed ones.
        f: the share of the pool that a sample is. Samples overlap by it, and vary less by
            sqrt(1 - f) than those of an endless pool; the deviation is made up for that.
        n: images in a sample. Where the null did not move at all its deviation is taken to be
            1 / (n sqrt K): that of one image in all its samples.
    """
    there = [value for value in values if value is not None]
    if min([*null, *there]) > 1 and max(null) > 2 * min(null):
        null = [math.log(value) for value in null]
        values = [None if value is None else math.log(value) for value in values]
    mean = statistics.fmean(null)
    least = 1 / (n * math.sqrt(len(null)))
    deviation = max(statistics.stdev(null) / math.sqrt(1 - f), 1e-9 * abs(mean))
    deviation = deviation if max(null) > min(null) else least
    return [math.nan if value is None else (value - mean) / deviation for value in values]


def verdict(scores: Sequence[float], better: str) -> Verdict:
    """From z-scores by rising strength.

    Args:
        scores: of each strength.
        better: ``lower`` or ``higher``.
    """
    level = None
    for i in reversed(range(len(scores))):
        if not abs(scores[i]) > THRESHOLD or scores[i] * scores[-1] < 0:
            break
        level = i
    return Verdict(level, (scores[-1] > 0) == (better == "higher"))


def better_of(output: str) -> str:
    """Which way an output is better."""
    plain = output.removeprefix("intra_")
    return next(cls.outputs[plain] for cls in METRICS.values() if plain in cls.outputs)


def verdicts(row: dict[str, Any], pool: int) -> dict[str, dict[str, Verdict]]:
    """Output => disturbance => verdict, of a row with values."""
    f = row["n"] / pool
    return {
        output: {
            key: verdict(scores_of(row["null"][output], values, f, row["n"]), better_of(output))
            for key, values in row["disturbed"][output].items()
        }
        for output in row["null"]
    }


def false_alarms(rows: Iterable[dict[str, Any]], pool: int) -> tuple[int, int]:
    """How many undisturbed samples are out of the others' range, and of how many."""
    found = total = 0
    for row in rows:
        for null in row.get("null", {}).values():
            for i, value in enumerate(null):
                others = [*null[:i], *null[i + 1 :]]
                (z,) = scores_of(others, [value], row["n"] / pool, row["n"])
                found += abs(z) > THRESHOLD
                total += 1
    return found, total
