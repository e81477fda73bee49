"""Samples that are not of their class."""

from dataclasses import dataclass
from statistics import median

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.rule import Pathology, Shared, Verdict, settling, unsampled


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    agreement: float = 0.3
    """Of samples with their class, 0 chance and 1 as reals, below which labels are ignored."""
    labels_persist: int = 3
    """Checks in a row that it must hold."""


def _judge(h: History, context: Context, t: Limits) -> Verdict | None:
    """Samples are no nearer to the class that was asked for than chance."""
    value = h.median("label_agreement", t.labels_persist)
    if value is None:
        return None
    known = h.highest.get("label_agreement", (0.0, 0))[0] > t.agreement
    values = h.last("label_agreement", t.trend_checks)
    half = len(values) // 2
    # A young run has few values: a rise shows in four, and with fewer it is not known.
    learning = half < 2 or median(values[-half:]) - median(values[:half]) > t.improvement
    return Verdict(
        firing=value < t.agreement and not learning and (known or not settling(h, context, t)),
        signal="label_agreement",
        value=value,
        threshold=t.agreement,
        clear=value > t.agreement / t.clear_ratio,
        evidence=("label_auc", "class_missing", "class_spread"),
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
