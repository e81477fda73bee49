"""A run of the corpus, up to its seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.detection.faults.fault import Fault
from reference_models.recipe import Recipe, replace
from reference_models.recipes import SMALL


@dataclass(frozen=True)
class Case:
    """A recipe of the small suite, with changes, and with one fault or none.

    Attributes:
        family: ``points``, ``digits``, ``conditional`` or ``fashion``.
        base: name of the recipe.
        what: changed or broken, in a word; ``healthy`` for the recipe as it is.
        changes: of the recipe, by the names of its settings.
        fault: that begins in the run.
        seeds: how many.
    """

    family: str
    base: str
    what: str = "healthy"
    changes: Mapping[str, object] = field(default_factory=dict)
    fault: Fault | None = None
    seeds: int = 3

    @property
    def name(self) -> str:
        """Unique."""
        return f"{self.base} {self.what}"

    def recipe(self) -> Recipe:
        """What is trained."""
        return replace(SMALL[self.base], {"steps": self.steps} | dict(self.changes))

    @property
    def steps(self) -> int:
        """Of the generator: those of the recipe, but 2,000 at least and 2,500 at most."""
        return min(2500, max(2000, SMALL[self.base].optimisation.steps))

    @property
    def begins(self) -> int:
        """The step before which the fault begins; 0 of none."""
        return round(self.fault.at * self.steps) if self.fault else 0
