"""A discriminator that knows its training images."""

from dataclasses import dataclass

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.remedies import R1
from gandiag.monitors.pathologies.rule import SAMPLED, Pathology, Shared, Verdict, improving


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    overfitting_auc: float = 0.57
    """P(score of a training real > of a held-out one) above which it knows them."""
    overfitting_sure: float = 0.6
    """Up to here it is only worth knowing while samples still improve."""
    overfitting_error: float = 0.8
    """The same, of an error."""
    overfitting_z: float = 3.0
    """Standard errors that it must be above chance."""
    overfitting_persist: int = 2
    """Checks in a row that it must hold."""


def _judge(h: History, context: Context, t: Limits) -> Verdict | None:
    """It tells training reals from held-out ones; worth knowing only while samples improve."""
    value, z = h.now("auc_train_heldout"), h.now("train_heldout_z")
    if value is None or z is None:
        return None
    level = "ERROR" if value > t.overfitting_error else "WARN"
    return Verdict(
        firing=value > t.overfitting_auc and z > t.overfitting_z,
        signal="auc_train_heldout",
        value=value,
        threshold=t.overfitting_auc,
        level="INFO" if improving(h, t) and value < t.overfitting_sure else level,
        clear=value < 0.5 + t.clear_ratio * (t.overfitting_auc - 0.5),
        evidence=("train_heldout_z", "auc_fresh", "energy"),
    )


def _inactive(context: Context) -> str | None:
    """Reals that it trains on, and others."""
    if not context.heldout:
        return "needs held-out reals (heldout=)"
    return None if context.samples and context.judged else SAMPLED


DISCRIMINATOR_OVERFITTING = Pathology(
    "discriminator-overfitting",
    _judge,
    reads=("auc_train_heldout", "train_heldout_z", "auc_fresh", "energy"),
    needs=(("auc_train_heldout",),),
    persist=lambda t: t.overfitting_persist,
    inactive=_inactive,
    causes=("too few training samples for the discriminator's capacity",),
    remedies=(
        ("augment what the discriminator sees", "Karras et al. 2020 (ADA); Zhao et al. 2020"),
        R1,
        ("more data, or a smaller discriminator", "Karras et al. 2020"),
    ),
    title="a discriminator that knows its training images",
    what=(
        "The discriminator takes training images for more real than held-out ones: it has "
        "learned them by heart, and teaches the generator that."
    ),
    when=(
        "auc_train_heldout above {overfitting_auc} by more than {overfitting_z} standard errors "
        "(an error above {overfitting_error})."
    ),
)
