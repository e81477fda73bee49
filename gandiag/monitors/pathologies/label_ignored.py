"""Samples that are not of their class."""

from dataclasses import dataclass

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.rule import (
    Pathology,
    Shared,
    Verdict,
    rising,
    under_way,
    unsampled,
)


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    agreement: float = 0.3
    """Of samples with their class, 0 chance and 1 as reals, below which labels are ignored."""
    learning: float = 0.03
    """Rise of it, over the newer half of the steps so far, with which labels are still learned."""
    labels_lasting: float = 0.4
    """Share of the steps so far for which labels that never were right must have stood still: they
    are learned after samples look like the data."""
    labels_persist: int = 3
    """Checks in a row that it must hold."""


def _judge(h: History, context: Context, t: Limits) -> Verdict | None:
    """Samples are no nearer to the class that was asked for than chance."""
    value = h.median("label_agreement", t.labels_persist)
    if value is None:
        return None
    learning = rising(h, "label_agreement", t, t.learning)
    never = h.highest.get("label_agreement", (0.0, 0))[0] <= t.agreement
    if never:
        learning = under_way(h, context, t, t.settle_share, learning)
    return Verdict(
        firing=max(value, *h.last("label_agreement", 1)) < t.agreement and not learning,
        signal="label_agreement",
        value=value,
        threshold=t.agreement,
        clear=value > t.agreement / t.clear_ratio,
        evidence=("label_auc", "class_missing", "class_spread"),
        lasting=t.labels_lasting if never and not context.budget else 0.0,
    )


def _inactive(context: Context) -> str | None:
    """Samples with labels."""
    return unsampled(context) if context.conditional else "samples have no labels"


LABEL_IGNORED = Pathology(
    "label-ignored",
    _judge,
    reads=("label_agreement", "label_auc", "class_missing", "class_spread"),
    needs=(("label_agreement",),),
    persist=lambda t: t.labels_persist,
    inactive=_inactive,
    causes=("the discriminator does not see the label, or does not use it",),
    remedies=(
        ("a projection discriminator", "Miyato and Koyama 2018"),
        ("an auxiliary classifier", "Odena et al. 2017"),
    ),
    title="samples that are not of their class",
    what="Samples are hardly nearer to the class that was asked for than chance.",
    when="label_agreement below {agreement}, 0 is chance and 1 as real images; not while it rises.",
)
