"""What every name in a report or an alert means: cards of metrics, warnings and pathologies.

The texts are tables, a file a family; what the code knows itself (parameters, protocols, limits,
remedies) is read from it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gandiag.cards import pathologies, warning
from gandiag.cards.card import Card, Kind
from gandiag.cards.distances import DISTANCES
from gandiag.cards.memorisation import MEMORISATION
from gandiag.cards.metric import Note
from gandiag.cards.metric import card_of as metric_card
from gandiag.cards.neighbours import NEIGHBOURS
from gandiag.cards.transport import TRANSPORT
from gandiag.cards.variety import VARIETY
from gandiag.cards.warning import Remark
from gandiag.cards.warnings_of_images import OF_IMAGES
from gandiag.cards.warnings_of_runs import OF_RUNS
from gandiag.cards.warnings_of_sets import OF_SETS
from gandiag.errors import GandiagError, closest, unknown
from gandiag.monitors import PATHOLOGIES

METRIC_NOTES: Mapping[str, Note] = MappingProxyType(
    {**DISTANCES, **TRANSPORT, **NEIGHBOURS, **VARIETY, **MEMORISATION}
)
"""Key of `gandiag.metrics.METRICS` => what is written of it."""

REMARKS: Mapping[str, Remark] = MappingProxyType({**OF_SETS, **OF_IMAGES, **OF_RUNS})
"""Code => what is written of it."""

MEAN = "intra_"
"""What begins the name of a mean over classes; its card is that of the number itself."""

__all__ = ["METRIC_NOTES", "REMARKS", "Card", "explain", "meanings", "names"]


def names() -> dict[Kind, tuple[str, ...]]:
    """All names that have a card, by kind; of metrics first the keys of `METRIC_NOTES`."""
    return {
        "metric": tuple(_keys()),
        "warning": tuple(REMARKS),
        "pathology": tuple(PATHOLOGIES),
    }


def explain(name: str) -> Card:
    """The card of a metric or one of its numbers, of a warning's code, or of a pathology.

    Args:
        name: as it is printed or asked for: ``fid``, ``fd[lite0]``, ``prdc(k=3)``, ``intra_fid``,
            ``small-sample``, ``mode-collapse``. Where two kinds have one name, as ``precision``,
            the metric's card has the other's `beside` it.

    Raises:
        GandiagError: there is no such name; it tells the nearest.
    """
    plain = name.strip().lower().partition("[")[0].partition("(")[0]
    number, code = plain.replace("-", "_").removeprefix(MEAN), plain.replace("_", "-")
    found = []
    keys = _keys()
    if number in keys:
        found.append(metric_card(keys[number], METRIC_NOTES[keys[number]]))
    if code in REMARKS:
        found.append(warning.card_of(code, REMARKS[code]))
    if code in PATHOLOGIES:
        found.append(pathologies.card_of(code))
    if not found:
        known = [each for kind in names().values() for each in kind]
        if closest(plain, known) is None:
            raise GandiagError(f"there is no card of {name!r}; `gandiag explain` lists all names")
        raise unknown("card of", plain, known)
    first, *others = found
    return Card(first.name, first.kind, first.title, first.sections, tuple(others))


def meanings() -> dict[str, str]:
    """Number, as it is asked for => a sentence on what it is: ``A share, 0 to 1: ...``."""
    return {name: text for note in METRIC_NOTES.values() for name, text in note.outputs.items()}


def _keys() -> dict[str, str]:
    """Name => the metric's key; a key before a number of another metric."""
    found = {key: key for key in METRIC_NOTES}
    for key, note in METRIC_NOTES.items():
        for each in (*note.outputs, *note.also):
            found.setdefault(each, key)
    return found
