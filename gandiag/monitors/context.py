"""What is known of a run before it starts, and what its loss says."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gandiag.errors import GandiagError

LOSSES = ("minimax", "non-saturating", "wasserstein", "hinge", "least-squares")
CONSTRAINTS = ("gp", "sn", "clip", "r1")

VALID = "valid"
INFO = "info"
ABSENT = "absent"

# How far each statistic means something under each loss: valid (may warn), info (normal in healthy
# runs, never warns alone), absent (constant or without meaning). None: the loss is not known.
VALIDITY: Mapping[str, Mapping[str | None, str]] = {
    # Of samples: whatever the loss.
    "samples": dict.fromkeys((*LOSSES, None), VALID),
    # Ranks of scores: the same for every increasing function of them.
    "ranks": dict.fromkeys((*LOSSES, None), VALID),
    # |dL_G / dscore| is 1 for hinge and wasserstein, whatever happens. The non-saturating loss is
    # flat where the generator wins, which is not saturation.
    "loss slope": {
        "minimax": VALID,
        "non-saturating": INFO,
        "least-squares": INFO,
        "wasserstein": ABSENT,
        "hinge": ABSENT,
        None: ABSENT,
    },
    # Signs and accuracies need a boundary; a critic may be shifted at will.
    "score boundary": {
        "minimax": INFO,
        "non-saturating": INFO,
        "least-squares": INFO,
        "hinge": INFO,
        "wasserstein": ABSENT,
        None: ABSENT,
    },
    # All alternating updates make losses swing.
    "loss level and period": dict.fromkeys((*LOSSES, None), INFO),
}


@dataclass(frozen=True)
class Context:
    """What the detectors are told about a run.

    Attributes:
        loss: a name of `LOSSES`, or None if it is another or not known.
        lipschitz: ``gp``, ``sn``, ``clip``, ``r1`` or None: how the discriminator is constrained.
        conditional: whether samples have labels.
        budget: planned generator steps, if known.
        every: generator steps between checks.
        scores: whether scores or losses of the training batches come (level 1).
        samples: whether there is a sampler and reals (level 2).
        judged: whether the discriminator can be asked about the panel.
        heldout: whether there are reals that the discriminator never sees.

    Raises:
        GandiagError: the loss or the constraint is unknown, or a number is not positive.
    """

    loss: str | None = None
    lipschitz: str | None = None
    conditional: bool = False
    budget: int | None = None
    every: int = 100
    scores: bool = True
    samples: bool = True
    judged: bool = True
    heldout: bool = True

    def __post_init__(self) -> None:
        for name, value, known in (
            ("loss", self.loss, LOSSES),
            ("lipschitz", self.lipschitz, CONSTRAINTS),
        ):
            if value is not None and value not in known:
                raise GandiagError(
                    f"{name} is {value!r}; give one of {', '.join(known)}, or None if it is another"
                )
        if self.every < 1 or (self.budget is not None and self.budget < 1):
            raise GandiagError(
                f"every is {self.every} and budget {self.budget}; both count generator steps, "
                "give positive numbers"
            )

    def validity(self, statistic: str) -> str:
        """Of a statistic of `VALIDITY` under this loss."""
        return VALIDITY[statistic][self.loss]

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return dataclasses.asdict(self)


def from_json(values: Mapping[str, Any]) -> Context:
    """The context that `Context.to_json` wrote; unknown fields are ignored."""
    names = {field.name for field in dataclasses.fields(Context)}
    return Context(**{name: value for name, value in values.items() if name in names})
