"""What is said of a run of the corpus: by gandiag's detectors, or by a rule of another tool."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from benchmarks.detection.traces import Row, Trace
from benchmarks.detection.worlds import FAMILIES
from gandiag.monitors import PATHOLOGIES, Context, Thresholds
from gandiag.monitors.context import from_json
from gandiag.monitors.pathologies import ALL
from gandiag.monitors.pathologies.detector import Detector
from gandiag.monitors.pathologies.rule import Pathology

FAULTS = tuple(name for name in PATHOLOGIES if name != "plateau")


@dataclass(frozen=True)
class Told:
    """What was said of a run: pathology -> first step, warnings and remarks apart."""

    warned: Mapping[str, int]
    remarked: Mapping[str, int]

    def step(self, pathology: str) -> int | None:
        """When it was first named so that it counts."""
        if pathology == "plateau":
            return min(
                (d["plateau"] for d in (self.warned, self.remarked) if "plateau" in d), default=None
            )
        return self.warned.get(pathology)


@dataclass(frozen=True, eq=False)
class Example:
    """A run of the corpus, read once; equal to itself alone."""

    trace: Trace
    rows: list[Row]
    labels: dict[str, int]
    context: Context

    @property
    def family(self) -> str:
        """Of its world."""
        return FAMILIES[self.trace.case.world]

    @cached_property
    def loss(self) -> str:
        """Loss and constraint, as the corpus is divided by them."""
        case = self.trace.case
        if case.conditional:
            return "conditional"
        return case.loss if case.constraint == "none" else f"{case.loss} {case.constraint}"

    @property
    def steps(self) -> int:
        """Of the run."""
        return self.trace.case.steps

    @property
    def even(self) -> bool:
        """In the tuning half."""
        return self.trace.meta["seed"] % 2 == 0

    @property
    def faults(self) -> set[str]:
        """Its labels but for plateau and healthy."""
        return set(self.labels) & set(FAULTS)

    @property
    def hard(self) -> bool:
        """Whether it was made to be taken for faulty."""
        return self.trace.case.intends == "hard negative"


Judge = Callable[[Example], Told]
SPARSE = 100
"""Steps between checks, the monitor's default."""


def as_written(example: Example, every: int | None = None) -> Example:
    """The same run as the README tells people to watch it: no budget, and `every` if given.

    Rows of the corpus are 20 to 40 steps apart; of these the first after each `every` steps stays.
    What a row tells of its window is then of the shorter one.
    """
    context = replace(example.context, budget=None)
    if every is None:
        return replace(example, context=context)
    rows: list[Row] = []
    for step, values in example.rows:
        if step // every > (rows[-1][0] // every if rows else 0):
            rows.append((step, values))
    return replace(example, rows=rows, context=replace(context, every=every))


def examples(traces: Iterable[Trace]) -> list[Example]:
    """All that scoring needs of the traces."""
    return [Example(t, t.rows(), t.labels(), from_json(t.meta["context"])) for t in traces]


class Detectors:
    """Those of gandiag; what one rule said of one run is kept, by the thresholds that it reads."""

    def __init__(self) -> None:
        self.reads: dict[str, set[str]] = {rule.name: set() for rule in ALL}
        self.kept: dict[tuple[object, ...], tuple[int | None, int | None]] = {}

    def told(self, example: Example, thresholds: Thresholds) -> Told:
        """What all rules say."""
        warned, remarked = {}, {}
        for rule in ALL:
            if rule.inactive(example.context) is not None:
                continue
            warning, remark = self._first(example, rule, thresholds)
            if warning is not None:
                warned[rule.name] = warning
            if remark is not None:
                remarked[rule.name] = remark
        return Told(warned, remarked)

    def _first(
        self, example: Example, rule: Pathology, thresholds: Thresholds
    ) -> tuple[int | None, int | None]:
        reads = self.reads[rule.name]
        while True:
            key = (example, rule.name, *(getattr(thresholds, n) for n in sorted(reads)))
            if key in self.kept:
                return self.kept[key]
            noted, known = Noted(thresholds, reads), len(reads)
            detector = Detector(rule, example.context, noted)  # type: ignore[arg-type]
            first: dict[bool, int] = {}
            for step, values in example.rows:
                alert = detector(step, values)
                if alert is not None:
                    first.setdefault(alert.level != "INFO", alert.step)
            if len(reads) > known:  # another threshold was read: what is kept is too coarse
                self.kept = {k: v for k, v in self.kept.items() if k[1] != rule.name}
                continue
            self.kept[key] = (first.get(True), first.get(False))
            return self.kept[key]


class Noted:
    """Thresholds that note which of them are read."""

    def __init__(self, thresholds: Thresholds, reads: set[str]):
        self._thresholds, self._reads = thresholds, reads

    def __getattr__(self, name: str) -> Any:
        self._reads.add(name)
        self.__dict__[name] = value = getattr(self._thresholds, name)  # found directly from now on
        return value


def ours(thresholds: Thresholds | None = None, detectors: Detectors | None = None) -> Judge:
    """The detectors of gandiag."""
    own = detectors or Detectors()
    return lambda example: own.told(example, thresholds or Thresholds())


def theirs(rule: Callable[[Sequence[Row]], dict[str, int]]) -> Judge:
    """A rule of another tool: all it says is a warning."""
    return lambda example: Told(rule(example.rows), {})


def judged(chosen: Iterable[Example], judge: Judge) -> list[tuple[Example, Told]]:
    """Each example with what was said of it."""
    return [(example, judge(example)) for example in chosen]
