"""What is said of a run, from its rows: by gandiag's rules, or by a rule of another tool."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.detection.scoring.examples import Example
from gandiag.monitors import Thresholds
from gandiag.monitors.pathologies import ALL
from gandiag.monitors.pathologies.detector import Detector

Rule = Callable[[Sequence[tuple[int, Mapping[str, float]]]], dict[str, int]]


class Warned(NamedTuple):
    """One WARN or ERROR."""

    step: int
    name: str
    """Of the pathology."""


Tell = Callable[[Example], tuple[Warned, ...]]
"""All warnings of a run, oldest first."""


def ours(thresholds: Thresholds | None = None) -> Tell:
    """gandiag's rules."""
    used = thresholds or Thresholds()

    def tell(example: Example) -> tuple[Warned, ...]:
        found = []
        for rule in ALL:
            if rule.inactive(example.context) is not None:
                continue
            detector = Detector(rule, example.context, used)
            alerts = (detector(step, values) for step, values in example.rows)
            found += [Warned(a.step, rule.name) for a in alerts if a and a.level != "INFO"]
        return tuple(sorted(found))

    return tell


def theirs(rule: Rule) -> Tell:
    """A rule of another tool: all it says is a warning."""
    return lambda example: tuple(
        sorted(Warned(step, name) for name, step in rule(example.rows).items())
    )
