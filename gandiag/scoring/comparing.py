"""`compare`: which of several sets of generated images is better, with what certainty."""

import itertools
import math
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gandiag.errors import GandiagError, Warn
from gandiag.metrics import Role
from gandiag.metrics.paired import HALVES, Contrast, contrast, levels, spread
from gandiag.reporting.comparison import FAR, Comparison, Difference, Verdict
from gandiag.reporting.report import Report, Row
from gandiag.scoring.baseline import Baseline, read_baseline
from gandiag.scoring.gathered import Gathered
from gandiag.scoring.opening import Opened
from gandiag.scoring.options import Options
from gandiag.scoring.plan import Plan
from gandiag.scoring.rows import STEPS, inputs_of, steps
from gandiag.scoring.scorer import Scorer

PAIRED = (
    "jackknife over twentieths of the real images, left out for both sets at once, and of each "
    "generated set"
)
HALVED = "random halves of the real images, the same for both sets, and of each generated set"
UNPAIRED = (
    "jackknife over twentieths of both sets of images, and the saved report's own interval, as if "
    "nothing were shared"
)


def compare(
    *generated: Any,
    real: Any = None,
    heldout: Any = None,
    baseline: str | Path | None = None,
    options: Options | None = None,
    **changes: Any,
) -> Comparison:
    """Compare sets of generated images by their scores against the same real ones.

    All sets are cut to as many images as the smallest has, as most scores depend on N. Of every
    score of every pair there is a difference with an interval. Intervals and verdicts hold for all
    of them together (Holm 1979): of sets that are equally good, one comparison in twenty finds any
    difference at all. It is a difference of the scores at this N: for a score that is biased at
    finite N, such as FID, that of infinitely many images may be another.

    Args:
        generated: two or more, each what `score` takes; or one, with `baseline`.
        real: what they are compared with, or None for scores that look at no real image.
        heldout: real images that are not in `real`, for scores that need them.
        baseline: a report that `gandiag score --json` wrote, to compare the one set with. Of its
            images only the scores are known, so that nothing is paired.
        options: how, in one record.
        changes: fields of `gandiag.Options` that differ.

    Raises:
        GandiagError: bad usage or bad input, in one sentence.
    """
    return Comparer(
        *generated, real=real, heldout=heldout, baseline=baseline, options=options, **changes
    )()


@dataclass(frozen=True)
class _Judged:
    """A set, its scores, and what they would be without a twentieth of the images."""

    letter: str
    report: Report
    replicates: Mapping[str, Mapping[str, Tensor]]
    """Printed name -> role -> (groups,) values."""
    unjudged: Mapping[str, str]
    """Printed name -> why no difference of it is judged."""


@dataclass(frozen=True)
class _Found:
    """A difference before it is known how many others there are."""

    first: str
    second: str
    row: Row
    other: float
    contrast: Contrast | None
    method: str


class Comparer:
    """`compare` in two steps, so that all demands are checked before the long work."""

    def __init__(
        self,
        *generated: Any,
        real: Any = None,
        heldout: Any = None,
        baseline: str | Path | None = None,
        options: Options | None = None,
        **changes: Any,
    ) -> None:
        """Open everything; nothing is read but what says what the sources are.

        Raises:
            GandiagError: what is asked for cannot be had.
        """
        self.options = (options or Options()).changed(**changes)
        self.baseline = None if baseline is None else read_baseline(Path(baseline))
        _check_number(len(generated) + (baseline is not None))
        if self.options.per_class:
            raise GandiagError(
                "per_class is no part of a comparison; leave it out, and score each set with it"
            )
        self.scorer = Scorer(real, heldout=heldout, options=self.options)
        opened = [
            self.scorer.open(each, letter)
            for letter, each in zip(string.ascii_uppercase, generated, strict=False)
        ]
        counts = [each["generated"].count for each in opened]
        counts += [] if self.baseline is None else [self.baseline.n]
        known = [count for count in counts if count is not None]
        least = min(known) if known else None
        self.inputs = [_limited(each, least, self.options.seed) for each in opened]
        for each in self.inputs:
            if each["generated"].images is None:
                raise GandiagError(
                    f"{each['generated'].name} holds statistics, from which no image can be left "
                    "out; give the images"
                )
            self.plan = self.scorer.prepared(each)
        if self.baseline is not None:
            self.baseline.check(self.plan.pins())

    @property
    def sets(self) -> dict[str, str]:
        """Letter -> name."""
        names = [each["generated"].name for each in self.inputs]
        names += [] if self.baseline is None else [self.baseline.name]
        return dict(zip(string.ascii_uppercase, names, strict=False))

    def __call__(self) -> Comparison:
        """Do the work.

        Raises:
            GandiagError: an image that cannot be read, or sets that cannot be compared.
        """
        gathered = [self.scorer.gathered(each, rows=True) for each in self.inputs]
        least = min(each["generated"].n or 0 for _, each, _ in gathered)
        if self.baseline is not None:
            if least < self.baseline.n:
                raise GandiagError(
                    f"{self.baseline.path} is of {self.baseline.n:,} images and there are "
                    f"{least:,}; score it again with --max-images {least}"
                )
            least = self.baseline.n
        sets = [
            self._judged(letter, plan, _cut(each, least, self.options.seed), warnings)
            for letter, (plan, each, warnings) in zip(self.sets, gathered, strict=False)
        ]
        found = [
            each
            for one, other in itertools.combinations(sets, 2)
            for each in _contrasts(one, other)
        ]
        if self.baseline is not None:
            letter = string.ascii_uppercase[len(sets)]
            found += [each for one in sets for each in _from_baseline(one, letter, self.baseline)]
        return Comparison(
            sets=self.sets,
            reports={each.letter: each.report for each in sets},
            differences=tuple(_decided(found, least)),
            warnings=tuple(_warnings(sets, [each for _, each, _ in gathered], least)),
            provenance=sets[0].report.provenance,
        )

    def _judged(
        self, letter: str, plan: Plan, found: Mapping[Role, Gathered], warnings: Sequence[Warn]
    ) -> _Judged:
        report = self.scorer.reported(plan, found, warnings)
        replicates: dict[str, Mapping[str, Tensor]] = {}
        unjudged: dict[str, str] = {}
        for task in plan.tasks:
            reasons = task.metric.unjudged()
            unjudged |= {task.printed(output): why for output, why in reasons.items()}
            if {*task.metric.outputs} <= {*reasons}:
                continue  # it may take hours
            with self.options.progress(f"{letter}: the error of {task.key}", STEPS) as advance:
                inputs = inputs_of(task, found)
                values = task.metric.replicates(steps(advance), **inputs)
            replicates |= {task.printed(output): each for output, each in values.items()}
        return _Judged(letter, report, replicates, unjudged)


def _check_number(sets: int) -> None:
    if sets < 2:
        raise GandiagError(
            "one set cannot be compared; name another one, or a saved report with --baseline"
        )
    if sets > len(string.ascii_uppercase):
        raise GandiagError(f"{sets} sets are too many to compare at once; name up to 26")


def _limited(inputs: dict[Role, Opened], least: int | None, seed: int) -> dict[Role, Opened]:
    """With as many generated images as the smallest set has, drawn before they are read."""
    opened = inputs["generated"]
    if opened.images is None or least is None or (opened.count or least) <= least:
        return inputs
    return {**inputs, "generated": replace(opened, images=opened.images.limit(least, seed))}


def _cut(found: Mapping[Role, Gathered], least: int, seed: int) -> dict[Role, Gathered]:
    """What was gathered, with `least` generated images; for sources that did not say how many."""
    generated = found["generated"]
    if generated.n == least:
        return dict(found)
    order = torch.randperm(generated.n or 0, generator=torch.Generator().manual_seed(seed))
    return {**found, "generated": generated.part(order[:least].sort().values)}


def _contrasts(one: _Judged, other: _Judged) -> Iterator[_Found]:
    for row in one.report.rows:
        if row.name not in other.report:
            continue
        second = other.report[row.name]
        if row.name in one.unjudged:
            yield _no_verdict(one, other.letter, row, second.value)
            continue
        pair = one.replicates[row.name], other.replicates[row.name]
        yield _Found(
            one.letter,
            other.letter,
            row,
            second.value,
            contrast(row.value, second.value, pair),
            HALVED if HALVES in pair[0] else PAIRED,
        )


def _no_verdict(one: _Judged, letter: str, row: Row, other: float) -> _Found:
    return _Found(one.letter, letter, row, other, None, f"no verdict: {one.unjudged[row.name]}")


def _from_baseline(one: _Judged, letter: str, baseline: Baseline) -> Iterator[_Found]:
    for row in one.report.rows:
        known = baseline.scores.get(row.name)
        if known is None:
            continue
        if (known.parameters, known.layer) != (row.parameters, row.layer):
            raise GandiagError(
                f"{row.name} of {baseline.path} is {known.parameters} of {known.layer}, and here "
                f"it is {row.parameters} of {row.layer}; make it again with the same options"
            )
        if row.name in one.unjudged:
            yield _no_verdict(one, letter, row, known.value)
            continue
        found: Contrast | None = None
        method = "cannot tell: the saved report has no interval of it"
        if known.deviation is not None:
            mine = spread(one.replicates[row.name])
            both = math.hypot(mine, known.deviation)
            found, method = Contrast(row.value - known.value, both, 19.0), UNPAIRED
        yield _Found(one.letter, letter, row, known.value, found, method)


def _decided(found: Sequence[_Found], n: int) -> Iterator[Difference]:
    able = [each for each in found if each.contrast is not None and each.contrast.deviation]
    chances = {id(each): each.contrast.chance() for each in able if each.contrast is not None}
    held = dict(zip(chances, levels([*chances.values()]), strict=True))
    for each in found:
        yield _difference(each, n, chances.get(id(each)), held.get(id(each)))


def _difference(each: _Found, n: int, chance: float | None, level: float | None) -> Difference:
    value = each.row.value - each.other
    low = high = enough = None
    verdict: Verdict = "none"
    method = each.method
    if chance is None or level is None or each.contrast is None:
        if each.contrast is not None:
            method = "cannot tell: no image that is left out moves it"
    else:
        half = each.contrast.half(level)
        low, high = value - half, value + half
        verdict = "unknown"
        if chance <= level:
            verdict = "first" if (value < 0) == (each.row.better == "lower") else "second"
        else:
            needed = each.contrast.enough(n, level)
            enough = needed if needed < FAR * n else None
    return Difference(
        first=each.first,
        second=each.second,
        name=each.row.name,
        output=each.row.output,
        better=each.row.better,
        values=(each.row.value, each.other),
        difference=value,
        low=low,
        high=high,
        chance=chance,
        verdict=verdict,
        enough=enough,
        method=method,
    )


def _warnings(
    sets: Sequence[_Judged], gathered: Sequence[Mapping[Role, Gathered]], least: int
) -> Iterator[Warn]:
    """Of all sets, each once; and that some were cut."""
    more = [
        f"{each['generated'].name} has {each['generated'].n:,}"
        for each in gathered
        if each["generated"].n != least
    ]
    if more:
        yield Warn(
            "cut",
            f"{' and '.join(more)} images, and {least:,} of them were drawn: scores are compared "
            "at equal N",
        )
    said = {(each.code, each.message): each for one in sets for each in one.report.warnings}
    yield from said.values()
