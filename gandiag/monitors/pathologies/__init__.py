"""All that can go wrong, a file each: rule, needs, thresholds, causes, remedies, validity.

None of them needs torch.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from gandiag.errors import GandiagError
from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.dead_units import DEAD_UNITS
from gandiag.monitors.pathologies.discriminator_overfitting import DISCRIMINATOR_OVERFITTING
from gandiag.monitors.pathologies.discriminator_overpowering import DISCRIMINATOR_OVERPOWERING
from gandiag.monitors.pathologies.divergence import DIVERGENCE
from gandiag.monitors.pathologies.intra_mode_collapse import INTRA_MODE_COLLAPSE
from gandiag.monitors.pathologies.label_ignored import LABEL_IGNORED
from gandiag.monitors.pathologies.lipschitz_violation import LIPSCHITZ_VIOLATION
from gandiag.monitors.pathologies.mode_collapse import MODE_COLLAPSE
from gandiag.monitors.pathologies.oscillation import OSCILLATION
from gandiag.monitors.pathologies.plateau import PLATEAU
from gandiag.monitors.pathologies.rule import Pathology
from gandiag.monitors.pathologies.saturated_gradients import SATURATED_GRADIENTS

ALL: tuple[Pathology, ...] = (
    OSCILLATION,
    MODE_COLLAPSE,
    INTRA_MODE_COLLAPSE,
    SATURATED_GRADIENTS,
    DISCRIMINATOR_OVERPOWERING,
    DISCRIMINATOR_OVERFITTING,
    DIVERGENCE,
    LIPSCHITZ_VIOLATION,
    DEAD_UNITS,
    LABEL_IGNORED,
    PLATEAU,
)
PATHOLOGIES: Mapping[str, Pathology] = MappingProxyType({each.name: each for each in ALL})
"""By name, in the order of reports."""


def beside(own: Iterable[Pathology]) -> dict[str, Pathology]:
    """All of gandiag and a user's own, by name.

    Raises:
        GandiagError: two have one name.
    """
    found = dict(PATHOLOGIES)
    for each in own:
        if each.name in found:
            raise GandiagError(
                f"there is a pathology {each.name!r} already; give yours another name"
            )
        found[each.name] = each
    return found


def inactive(context: Context, known: Iterable[Pathology] = ALL) -> dict[str, str]:
    """Pathologies that a run cannot show, each with the reason."""
    found = {each.name: each.inactive(context) for each in known}
    return {name: why for name, why in found.items() if why is not None}
