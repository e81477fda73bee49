"""From a declared criterion and a measured value to a verdict: a function a kind."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

from reference_models.papers.experiment import Experiment, Kind, Measured, Published, Result

Verdict = Literal[
    "reproduces",
    "does not reproduce",
    "direction holds",
    "direction does not hold",
    "printed only",
    "not run",
]
FAILED: tuple[Verdict, ...] = ("does not reproduce", "direction does not hold")

Z = 3.0
LEVEL = 0.05


class Judgement(NamedTuple):
    """A published number, ours, and what follows."""

    published: Published
    measured: Measured | None
    """None at a budget that leaves it out."""
    verdict: Verdict
    criterion: str
    """What was declared: ``within .1``."""
    found: str
    """What came out: ``off by .03``."""


def exact(published: Published, measured: Mapping[str, Measured]) -> Judgement:
    """Within the tolerance."""
    ours = measured[published.name]
    assert published.value is not None
    assert published.tolerance is not None
    off = abs(ours.value - published.value)
    # A NaN is not within any tolerance.
    verdict: Verdict = "reproduces" if off <= published.tolerance else "does not reproduce"
    return Judgement(
        published, ours, verdict, f"within {published.tolerance:.3g}", f"off by {off:.3g}"
    )


def same_protocol(published: Published, measured: Mapping[str, Measured]) -> Judgement:
    """|z| < 3, with both errors."""
    ours = measured[published.name]
    assert published.value is not None
    theirs = ours.spread if published.error is None else published.error
    error = math.hypot(theirs, ours.error)
    off = ours.value - published.value
    z = off / error if error else math.inf if off else 0.0
    verdict: Verdict = "reproduces" if abs(z) < Z else "does not reproduce"
    return Judgement(published, ours, verdict, f"|z| < {Z:g}", f"z = {z:.2f}")


def scaled(published: Published, measured: Mapping[str, Measured]) -> Judgement:
    """The direction alone, by a one-sided Mann-Whitney test of the repeats."""
    from scipy.stats import mannwhitneyu  # here, for it takes a second

    ours = measured[published.name]
    if published.above is None:
        return Judgement(published, ours, "printed only", "none: another size or other data", "")
    other = measured[published.above]
    p = float(mannwhitneyu(ours.repeats, other.repeats, alternative="greater").pvalue)
    verdict: Verdict = "direction holds" if p < LEVEL else "direction does not hold"
    criterion = f"above {published.above}, one-sided p < {LEVEL:g}"
    return Judgement(
        published, ours, verdict, criterion, f"{ours.value - other.value:+.3g}, p = {p:.2g}"
    )


JUDGES: Mapping[Kind, Callable[[Published, Mapping[str, Measured]], Judgement]] = {
    "exact": exact,
    "same protocol": same_protocol,
    "scaled": scaled,
}


def judge(experiment: Experiment, result: Result) -> list[Judgement]:
    """Every published number, in the order of the declaration.

    Raises:
        ValueError: nothing that was declared was measured.
    """
    found = list(_judgements(experiment, result))
    if all(each.verdict == "not run" for each in found):
        raise ValueError(f"{experiment.name} measured nothing that it declares")
    return found


def _judgements(experiment: Experiment, result: Result) -> Iterator[Judgement]:
    for each in experiment.published:
        if {each.name, each.above or each.name} <= result.measured.keys():
            yield JUDGES[each.kind](each, result.measured)
        else:
            yield Judgement(each, None, "not run", "", "left out at this budget")


def overall(judgements: list[Judgement]) -> Verdict:
    """One word for the experiment: what failed goes first, then what claims least.

    Where a direction is judged beside numbers that reproduce, all of it is a direction.
    """
    verdicts = {each.verdict for each in judgements}
    order: tuple[Verdict, ...] = (*FAILED, "direction holds", "reproduces", "printed only")
    return next((each for each in order if each in verdicts), "not run")
