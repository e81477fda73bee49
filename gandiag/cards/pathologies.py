"""Cards of pathologies of training, made from what the monitors know."""

from collections.abc import Iterator
from dataclasses import replace

from gandiag.cards.card import Card
from gandiag.monitors.context import Context
from gandiag.monitors.pathologies import PATHOLOGIES
from gandiag.monitors.pathologies.rule import Pathology
from gandiag.monitors.signals import SIGNALS
from gandiag.monitors.thresholds import Thresholds


def card_of(pathology: str) -> Card:
    """The card of one that a detector tells."""
    found, thresholds = PATHOLOGIES[pathology], Thresholds()
    return Card(
        name=pathology,
        kind="pathology",
        title=found.title,
        sections={
            "What it is": found.what,
            "When it is told": found.when.format_map(vars(thresholds)),
            "How long it must hold": _held(found, thresholds),
            "Signals": {name: str(SIGNALS[name]) for name in found.reads},
            "Likely causes": found.causes,
            "What to try": tuple(f"{what} [{source}]" for what, source in found.remedies),
            "Why it may not be watched": tuple(_unwatched(found)),
        },
    )


def _held(found: Pathology, thresholds: Thresholds) -> str:
    checks = found.persist(thresholds)
    start = (
        f"after warm-up ({thresholds.warm_up_steps} steps or {100 * thresholds.warm_up_share:g} % "
        f"of the budget, whichever is more, but {100 * thresholds.warm_up_most:g} % at most)"
        if found.warm
        else "from the first step on"
    )
    return f"{checks} check{'s' * (checks > 1)} in a row, {start}."


def _unwatched(found: Pathology) -> Iterator[str]:
    """Of contexts that each lack something, or have another loss."""
    whole = Context("minimax", "gp", conditional=True)
    lacking = (
        replace(whole, samples=False),
        replace(whole, samples=False, scores=False),
        replace(whole, samples=False, loss="wasserstein"),
        replace(whole, judged=False),
        replace(whole, heldout=False),
        replace(whole, lipschitz=None),
        replace(whole, conditional=False),
    )
    yield from dict.fromkeys(why for each in lacking if (why := found.inactive(each)) is not None)
