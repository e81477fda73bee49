"""From what was gathered to the rows of a report."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from gandiag.errors import GandiagError, Warn
from gandiag.metrics import Role, Score
from gandiag.reporting.report import Row
from gandiag.scoring.gathered import Gathered
from gandiag.scoring.needs import check_classes
from gandiag.scoring.options import Progress, silent
from gandiag.scoring.plan import Plan, Task
from gandiag.statistics import Statistic


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
        if "heldout" in metric.accepts and "heldout" not in gathered:
            continue  # a class alone has none
        inputs = inputs_of(task, gathered)
        with progress(f"computing {task.key}", STEPS) as advance:
            scores = metric.telling(_steps(advance))(**inputs)
        floor: Mapping[str, Score] = {}
        if "heldout" in gathered and "heldout" not in metric.accepts:
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


def _steps(advance: Callable[[int], None]) -> Callable[[float], None]:
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
    plan: Plan, gathered: Mapping[Role, Gathered], remarks: list[Warn]
) -> Iterator[tuple[str, tuple[Row, ...]]]:
    """The same for each class that all sources share.

    Classes that one lacks, or has too few images of, are left out; `remarks` says so.

    Raises:
        GandiagError: a source has no labels, or no label is shared.

    """
    lacking_heldout = [task.key for task in plan.tasks if "heldout" in task.metric.accepts]
    if lacking_heldout:
        sentence = f"{', '.join(lacking_heldout)} took all classes together: held-out images are"
        remarks.append(Warn("classes", f"{sentence} not told apart by class"))
    used: dict[Role, Gathered] = {role: e for role, e in gathered.items() if role != "heldout"}
    shared = check_classes(used)
    for each in used.values():
        lacking = sorted(
            {label for e in used.values() for label in e.labels or ()} - {*(each.labels or ())}
        )
        if lacking:
            few = ", ".join(lacking[:10]) + (" and more" if len(lacking) > 10 else "")
            sentence = f"{each.name} has no image of {few}, which were not scored alone"
            remarks.append(Warn("classes", sentence))
    for label in sorted(shared or ()):
        part: dict[Role, Gathered] = {role: e.of_class(label) for role, e in used.items()}
        try:
            for role, each in part.items():
                plan.check_counts(role, each.n, f"class {label} of {each.name}")
        except GandiagError as error:
            remarks.append(Warn("classes", f"class {label} was not scored alone: {error}"))
            continue
        # Places of pairs are those within the class, which would be taken for those in the source.
        found = rows_of(plan, part)
        yield label, tuple(replace(row, score=replace(row.score, pairs=())) for row in found)
