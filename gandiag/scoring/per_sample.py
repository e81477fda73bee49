"""Numbers of single generated images: who has them, and what they are."""

from collections import Counter
from collections.abc import Iterator, Mapping

from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics import METRICS, Metric, Role
from gandiag.reporting.per_sample import PerSample
from gandiag.scoring.gathered import Gathered
from gandiag.scoring.plan import Plan, Task
from gandiag.scoring.rows import inputs_of


def check_per_sample(plan: Plan) -> None:
    """Refuse a plan none of whose metrics has numbers of single images.

    Raises:
        GandiagError: with those that have.
    """
    if not any(_has(type(task.metric)) for task in plan.tasks):
        able = ", ".join(name for name, metric in METRICS.items() if _has(metric))
        keys = ", ".join(dict.fromkeys(task.key for task in plan.tasks))
        raise GandiagError(f"{keys} has no number of single images; add one of {able} to --metrics")


def _has(metric: type[Metric]) -> bool:
    return metric.each is not Metric.each


def per_sample_of(plan: Plan, gathered: Mapping[Role, Gathered]) -> PerSample:
    """All that the plan's metrics have, by the names that they give; see `Metric.each`.

    Names that two share get the layer and the parameters that tell them apart.
    """
    found = [*_numbers(plan, gathered)]
    times = Counter(name for name, _, _ in found)
    values = {
        name if times[name] == 1 else f"{name}[{task.extractor.name}/{task.layer}]{task.mark}": each
        for name, task, each in found
    }
    generated = gathered["generated"]
    return PerSample(generated.names or ("",) * (generated.n or len(found[0][2])), values)


def _numbers(plan: Plan, gathered: Mapping[Role, Gathered]) -> Iterator[tuple[str, Task, Tensor]]:
    for task in plan.tasks:
        if _has(type(task.metric)):
            for name, values in task.metric.each(**inputs_of(task, gathered)).items():
                yield name, task, values.cpu()
