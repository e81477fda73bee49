"""A run of the corpus with what is true of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from benchmarks.detection.corpus.case import Case
from benchmarks.detection.corpus.cases import CASES, HALVES, ODD
from benchmarks.detection.faults.rates import FORGOTTEN
from benchmarks.detection.keeping import Kept, Row, digests
from benchmarks.detection.truth.labels import STUCK, labels
from gandiag.monitors import Context
from gandiag.monitors.context import from_json


@dataclass(frozen=True, eq=False)
class Example:
    """A run, read once; equal to itself alone.

    Attributes:
        case, seed: what was trained.
        half: ``seen``, ``unseen`` or ``family`` (see `HALVES`).
        judged: what the judge says, which may be ``healthy`` or nothing.
        rows: signals, as the detectors saw them.
        context: what the monitor had been told.
        suffered: whether it is not healthy, and would have been without its fault.
    """

    case: Case
    seed: int
    half: str
    judged: frozenset[str]
    rows: tuple[Row, ...]
    context: Context
    suffered: bool = False

    @cached_property
    def kind(self) -> str:
        """``healthy``, ``broken``, ``harmless`` (a fault, and a healthy run) or ``unlabelled``."""
        if self.judged == {"healthy"}:
            return "harmless" if self.case.fault and not self.odd else "healthy"
        return "broken" if self.labels else "unlabelled"

    @cached_property
    def labels(self) -> frozenset[str]:
        """Pathologies that are true of it: what the judge names, and what was broken if it shows.

        A fault that means a pathology by construction gives its label where the judge does not
        find the run healthy, and the recipe without the fault, of the same seed, was.
        """
        found = self.judged - {"healthy"}
        if self.case.fault and self.case.fault.means and self.suffered:
            found |= set(self.case.fault.means[:1])
        return found

    @cached_property
    def right(self) -> frozenset[str]:
        """Pathologies that a warning may name."""
        found = set(self.labels)
        if self.case.fault and (self.suffered or self.kind == "harmless"):
            found |= set(self.case.fault.means)
        return frozenset(found | STUCK if found & STUCK else found)

    @property
    def odd(self) -> bool:
        """Whether it was made to be taken for faulty."""
        return self.case.what in ODD or self.case.fault is FORGOTTEN


def examples(runs: Iterable[Kept]) -> list[Example]:
    """All that scoring needs of the runs.

    Raises:
        ValueError: a run is of other code, or of a case that is no more.
    """
    kept = list(runs)
    stale = [run.meta["case"] for run in kept if run.meta["digests"] != digests()]
    if stale:
        raise ValueError(
            f"{len(stale)} runs ({stale[0]}, ...) were made by other code; "
            "make them anew: python -m benchmarks.detection"
        )
    judged = {
        (run.meta["case"], run.meta["seed"]): frozenset(labels(run.meta["truth"])) for run in kept
    }

    def of(run: Kept) -> Example:
        case, seed = CASES[run.meta["case"]], run.meta["seed"]
        own = judged[case.name, seed]
        # Seeds of a healthy recipe are at least as many as those of its faults.
        twin = judged.get((f"{case.base} healthy", seed))
        suffered = bool(case.fault) and own != {"healthy"} and twin == {"healthy"}
        context = from_json(run.meta["context"])
        rows = tuple(run.rows())
        return Example(case, seed, HALVES[case.name], own, rows, context, suffered)

    return [of(run) for run in kept]
