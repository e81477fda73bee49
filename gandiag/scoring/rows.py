"""From what was gathered to the rows of a report."""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gandiag.errors import GandiagError, Warn
from gandiag.metrics import Role, Score
from gandiag.metrics.drawing import drawn_order
from gandiag.metrics.labels import in_order
from gandiag.reporting.report import MEAN, Row
from gandiag.scoring.gathered import Gathered
from gandiag.scoring.needs import check_classes
from gandiag.scoring.options import Progress, silent
from gandiag.scoring.plan import Plan, Task
from gandiag.statistics import Bank, Statistic


def inputs_of(
    task: Task, gathered: Mapping[Role, Gathered], standing: Role = "generated"
) -> dict[str, Statistic]:
    """What a metric eats, by role; `standing` plays the generated images."""
    found: dict[str, Statistic] = {}
    for role, kinds in task.metric.accepts.items():
        source = gathered[standing if role == "generated" else role]
        statistic = source.serve(task.extractor.name, task.layer, kinds)
        if statistic is None:
            raise GandiagError(
                f"{source.name} holds no {kinds[0].kind} of {task.extractor.name}/{task.layer}, "
                f"which {task.key} needs; give the images"
            )
        found[role] = statistic.to(task.extractor.device)
    return found


STEPS = 100
"""What a metric's work is told in."""


def rows_of(
    plan: Plan,
    gathered: Mapping[Role, Gathered],
    remarks: list[Warn] | None = None,
    progress: Progress = silent,
) -> Iterator[Row]:
    """Each metric's numbers; what they say of themselves is added to `remarks`."""
    for task in plan.tasks:
        metric = task.metric
        inputs = inputs_of(task, gathered)
        with progress(f"computing {task.key}", STEPS) as advance:
            scores = metric.telling(steps(advance))(**inputs)
        floor: Mapping[str, Score] = {}
        if "heldout" in gathered:
            floor = metric(**inputs_of(task, gathered, "heldout"))
        if remarks is not None:
            remarks += (Warn(code, sentence) for code, sentence in metric.remarks(**inputs))
        for output, better in metric.outputs.items():
            if output in scores:
                yield Row(
                    name=task.printed(output),
                    output=task.asked(output),
                    score=scores[output],
                    better=better,
                    n_generated=_count(inputs, "generated"),
                    n_real=_count(inputs, "real"),
                    layer=f"{task.extractor.name}/{task.layer}",
                    parameters=repr(metric),
                    heldout=floor[output].value if output in floor else None,
                )


def steps(advance: Callable[[int], None]) -> Callable[[float], None]:
    """Shares of the work that are done, as steps that are added."""
    done = 0

    def tell(share: float) -> None:
        nonlocal done
        steps = int(STEPS * share)
        advance(steps - done)
        done = steps

    return tell


def _count(inputs: Mapping[str, Statistic], role: str) -> int | None:
    return inputs[role].n if role in inputs else None


def class_rows(
    plan: Plan, gathered: Mapping[Role, Gathered], remarks: list[Warn], seed: int = 0
) -> Iterator[tuple[str, tuple[Row, ...]]]:
    """The same for each class that all sources share, in the order of their names.

    Beside what compares with real images stands what those of the class get that are taken out of
    them: as many as there are generated ones, but half at most, in the place of these and against
    the rest. It shows what the few images of a class alone do to the number, and a little more, for
    they are fewer real ones than the generated are compared with.

    Classes that one source lacks, or has too few images of, are left out; `remarks` says so.
    Held-out images take part where they have classes.

    Args:
        plan: what is computed.
        gathered: by role.
        remarks: what is said of classes is added to it.
        seed: of which real images are taken out.

    Raises:
        GandiagError: a source has no labels, or no label is shared.
    """
    used: dict[Role, Gathered] = {role: e for role, e in gathered.items() if role != "heldout"}
    shared = check_classes(used)
    for each in used.values():
        lacking = in_order(
            {label for e in used.values() for label in e.labels or ()} - {*(each.labels or ())}
        )
        if lacking:
            few = ", ".join(lacking[:10]) + (" and more" if len(lacking) > 10 else "")
            sentence = f"{each.name} has no image of {few}, which were not scored alone"
            remarks.append(Warn("classes", sentence))
    for label in in_order(shared or ()):
        part: dict[Role, Gathered] = {role: e.of_class(label) for role, e in used.items()}
        try:
            for role, each in part.items():
                plan.check_counts(role, each.n, f"class {label} of {each.name}")
        except GandiagError as error:
            remarks.append(Warn("classes", f"class {label} was not scored alone: {error}"))
            continue
        heldout = gathered.get("heldout")
        if heldout is not None and label in (heldout.labels or ()):
            of_class = heldout.of_class(label)
            with contextlib.suppress(GandiagError):  # too few of the class do without
                plan.check_counts("heldout", of_class.n, "")
                part["heldout"] = of_class
        tasks = replace(plan, tasks=tuple(t for t in plan.tasks if {*t.metric.accepts} <= {*part}))
        beside = {row.name: row for row in _of_real(tasks, part, seed)}
        yield label, tuple(_with_real(row, beside.get(row.name)) for row in rows_of(tasks, part))


def _of_real(plan: Plan, part: Mapping[Role, Gathered], seed: int) -> Iterator[Row]:
    """What some of the real images get in the place of the generated ones, against the others."""
    if "real" not in part:
        return
    generated, real = _parted(part["real"], part["generated"].n or 0, seed)
    parted: dict[Role, Gathered] = {"real": real, "generated": generated}
    for task in plan.tasks:
        if {*task.metric.accepts} == {*parted} and all(
            (each.n or 0) >= task.metric.minimum(role) for role, each in parted.items()
        ):
            yield from rows_of(replace(plan, tasks=(task,)), parted)


def _with_real(row: Row, of_real: Row | None) -> Row:
    if of_real is None or of_real.n_generated is None or of_real.n_real is None:
        return row
    counts = of_real.n_generated, of_real.n_real
    return replace(row, of_real=of_real.value, n_of_real=counts)


def _parted(real: Gathered, n: int, seed: int) -> tuple[Gathered, Gathered]:
    """`n` of the images by chance, but half at most, and the rest; of each layer anew."""
    assert real.n is not None
    assert real.labels is not None
    count = min(n, real.n // 2)
    orders = {
        want: (bank.rows, drawn_order(bank.rows, seed).to(bank.rows.device))
        for want, bank in real.statistics.items()
        if isinstance(bank, Bank)
    }

    def some(which: slice, n: int) -> Gathered:
        found = {
            want: Bank.of(rows[order[which].sort().values])
            for want, (rows, order) in orders.items()
        }
        return replace(real, n=n, statistics=found, labels=real.labels[:n] if real.labels else None)

    return some(slice(count), count), some(slice(count, None), real.n - count)


def mean_rows(
    per_class: Mapping[str, Sequence[Row]], gathered: Mapping[Role, Gathered]
) -> tuple[Row, ...]:
    """The mean of each number over the classes that have it: ``intra_fid``.

    Of FID it is the intra-FID of Miyato & Koyama 2018: each class counts alike, however many images
    it has. Where every class has an interval the mean has one: classes are independent of one
    another, so that the squares of their distances to each end add up (Zou & Donner 2008). It
    covers what the intervals of the classes cover, which is not the bias that few images bring.
    """
    labels = {
        label for role, e in gathered.items() if role != "heldout" for label in e.labels or ()
    }
    names = dict.fromkeys(row.name for rows in per_class.values() for row in rows)
    found = []
    for name in names:
        rows = [row for each in per_class.values() for row in each if row.name == name]
        rows = [row for row in rows if math.isfinite(row.value)]
        if rows:
            found.append(_mean(rows, len(labels) - len(rows)))
    return tuple(found)


def _mean(rows: Sequence[Row], left_out: int) -> Row:
    value = math.fsum(row.value for row in rows) / len(rows)
    below = [row.value - row.low for row in rows if row.low is not None]
    above = [row.high - row.value for row in rows if row.high is not None]
    whole = len(below) == len(above) == len(rows)
    first = rows[0]
    extra = {"classes": float(len(rows))}
    if left_out:
        extra["classes left out"] = float(left_out)
    score = Score(
        value,
        low=value - math.hypot(*below) / len(rows) if whole else None,
        high=value + math.hypot(*above) / len(rows) if whole else None,
        confidence=first.confidence,
        method=f"of each class: {first.interval_method}; added up over independent classes"
        if whole
        else "none: not every class has an interval",
        extra=extra,
    )
    return replace(
        first,
        name=f"{MEAN}{first.name}",
        output=f"{MEAN}{first.output}",
        score=score,
        n_generated=_total(row.n_generated for row in rows),
        n_real=_total(row.n_real for row in rows),
        heldout=_average(row.heldout for row in rows),
        of_real=_average(row.of_real for row in rows),
        n_of_real=None,
    )


def _total(counts: Iterable[int | None]) -> int | None:
    known = list(counts)
    return None if None in known else sum(each for each in known if each is not None)


def _average(values: Iterable[float | None]) -> float | None:
    """The mean; None if one is missing, for it would be of other classes."""
    known = list(values)
    there = [each for each in known if each is not None]
    return math.fsum(there) / len(there) if there and len(there) == len(known) else None
