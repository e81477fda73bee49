"""What was asked for against what the inputs have: refused or left out before the long work."""

from collections.abc import Mapping

from gandiag.errors import GandiagError, closest
from gandiag.metrics import Role
from gandiag.scoring.asking import names_of
from gandiag.scoring.gather import given
from gandiag.scoring.gathered import Gathered
from gandiag.scoring.opening import Opened
from gandiag.scoring.plan import Plan
from gandiag.sources.base import classes, labelled

WORDS = {
    "bank": "the features of each image",
    "moments": "mean and covariance",
    "hashes": "the images' digests",
}
"""Kind of statistic -> what people call it."""

CLASSED = (
    "put each class in a sub-folder of its name, or add `labels` to the npz, "
    "or leave --per-class out"
)


def fitted(plan: Plan, inputs: Mapping[Role, Opened]) -> Plan:
    """The plan less the metrics that saved statistics cannot serve.

    Raises:
        GandiagError: such a metric was asked for by name, nothing is left, or the statistics are
            of another network.
    """
    for role, opened in inputs.items():
        if opened.images is not None:
            given(opened, plan)
            continue
        held = Gathered(opened.name, None, given(opened, plan))
        for task in plan.tasks:
            kinds = task.metric.accepts.get(task.plays(role))
            if kinds is None or held.serve(task.extractor.name, task.layer, kinds) is not None:
                continue
            there = {w for w in held.statistics if w.layer == task.layer}
            has = (
                " and ".join(sorted(WORDS[want.kind] for want in there)) or "nothing of that layer"
            )
            plan = plan.without(
                task,
                f"needs {' or '.join(WORDS[kind.kind] for kind in kinds)} of "
                f"{task.extractor.name}/{task.layer}, and {opened.name} holds {has}",
                f"give the images, or make it again with `gandiag stats --metrics {task.key}`",
            )
    return plan


def without_real(plan: Plan, way: str) -> Plan:
    """The plan less what compares with real images, where there are none; `way` is the way out.

    Raises:
        GandiagError: such a metric was asked for by name, or nothing is left.
    """
    for task in plan.tasks:
        if "real" in task.metric.accepts:
            plan = plan.without(task, "compares with real images", way)
    return plan


def check_classes(inputs: Mapping[Role, Opened] | Mapping[Role, Gathered]) -> frozenset[str] | None:
    """The classes that all share; None where that is not known yet.

    Raises:
        GandiagError: one has no labels, or they share none.
    """
    known: list[frozenset[str] | None] = []
    for role, each in inputs.items():
        if role == "heldout":
            continue
        if _labelled(each) is False:
            raise GandiagError(f"{each.name} has no labels; {CLASSED}")
        known.append(_classes(each))
    shared = [each for each in known if each is not None]
    if len(shared) < len(known):
        return None
    found = frozenset.intersection(*shared)
    if not found:
        names = " and ".join(each.name for role, each in inputs.items() if role != "heldout")
        raise GandiagError(f"{names} share no class; name their classes alike")
    return found


def _labelled(each: Opened | Gathered) -> bool | None:
    if isinstance(each, Gathered):
        return each.labels is not None
    if each.images is not None:
        return labelled(each.images)
    return each.saved is not None and bool(each.saved.meta.get("labels"))


def _classes(each: Opened | Gathered) -> frozenset[str] | None:
    if isinstance(each, Gathered):
        return frozenset(each.labels or ())
    if each.images is not None:
        return classes(each.images)
    return frozenset(each.saved.meta.get("labels") or ()) if each.saved is not None else None


def named_outputs(plan: Plan, name: str) -> None:
    """Refuse a name that no score of the plan will have.

    Raises:
        GandiagError: with the near match.
    """
    outputs = plan.outputs()
    known = [*outputs, *outputs.values(), *(each.partition("[")[0] for each in outputs)]
    rows = [each for each, asked in outputs.items() if name in (asked, each.partition("[")[0])]
    if name not in outputs and len(rows) > 1:
        raise GandiagError(f"{name} is the name of several scores; name {' or '.join(rows)}")
    if name in known:
        return
    near = closest(name, outputs.values()) or closest(name, known)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(outputs)}"
    key = names_of(plan.protocol).get(name)
    mine = [each for task in plan.tasks if task.key == key for each in task.names()]
    if mine:
        hint = f"{name} gives {', '.join(mine)}: name one of them"
    elif key is not None:
        hint = f"add it to --metrics, or name one of {', '.join(outputs)}"
    raise GandiagError(f"{name} will not be computed; {hint}")
