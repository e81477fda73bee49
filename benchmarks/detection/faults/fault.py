"""What is broken, when, and what may rightly be said of it."""

from collections.abc import Callable
from dataclasses import dataclass

from reference_models.trainer import Trainer


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong in a run.

    Attributes:
        name: in words, for the table.
        breaks: called once with the trainer.
        at: when, as a share of the run; 0 is before the monitor is made.
        means: pathologies that are so by construction if the run suffers, the first of them the
            one that it stands for; empty where what follows is left to the judge.
    """

    name: str
    breaks: Callable[[Trainer], None]
    at: float = 0.3
    means: tuple[str, ...] = ()
