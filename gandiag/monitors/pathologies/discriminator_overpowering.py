"""A discriminator that is sure for long."""

from dataclasses import dataclass

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.remedies import FEWER, NOISE, R1, SMOOTH, SN
from gandiag.monitors.pathologies.rule import (
    SCORED,
    Pathology,
    Shared,
    Verdict,
    alike,
    improving,
    outside,
    unscored,
)


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    overpowering_auc: float = 0.99
    """From which on the discriminator is sure."""
    overpowering_looks: int = 3
    """The AUC must be as high at so many looks, at least, ..."""
    overpowering_share: float = 0.15
    """... and in the last so much of the run's steps."""


def _judge(h: History, context: Context, t: Limits) -> Verdict | None:
    """The discriminator is sure for long, and samples neither improve nor are right.

    Without samples this is only worth knowing: good networks live there (Brock et al. 2019 report
    98 % training accuracy).
    """
    name = "auc_fresh" if h.last("auc_fresh", 1) else "auc_real_fake"
    count = t.overpowering_looks
    auc = h.median(name, count)
    if auc is None:
        return None
    long = h.since(name, (1 - t.overpowering_share) * h.step)
    sure = min(*h.last(name, count), *long) >= t.overpowering_auc
    always = h.lowest.get(name, (0.0, 0))[0] >= t.overpowering_auc
    follows = outside(h, t) or (alike(h, t, count) and not always)
    distance = h.median("energy", count)
    # At half of `far` the energy has reached its noise, and cannot fall any more.
    right = distance is not None and distance <= t.far / 2
    return Verdict(
        firing=sure and not follows and not (context.samples and (improving(h, t) or right)),
        signal=name,
        value=auc,
        threshold=t.overpowering_auc,
        level="WARN" if context.samples else "INFO",
        clear=auc < 1 - (1 - t.overpowering_auc) / t.clear_ratio,
        evidence=("energy", "score_gap", "reach", "d_steps_per_g", "loss_slope"),
    )


DISCRIMINATOR_OVERPOWERING = Pathology(
    "discriminator-overpowering",
    _judge,
    reads=(
        "auc_fresh",
        "auc_real_fake",
        "energy",
        "score_gap",
        "reach",
        "d_steps_per_g",
        "loss_slope",
        "diversity",
        "panel_range",
    ),
    needs=(("auc_fresh",), ("auc_real_fake",)),
    persist=lambda t: 1,
    inactive=unscored,
    unseen=lambda context: None if context.samples else SCORED,
    causes=(
        "the discriminator's rate, capacity or number of steps is too large for the generator's",
    ),
    remedies=(FEWER, R1, SN, SMOOTH, NOISE),
    title="a discriminator that is sure for long",
    what=(
        "The discriminator tells real from generated nearly always, for long, and samples do "
        "not improve."
    ),
    when=(
        "auc_fresh (or auc_real_fake) of {overpowering_auc} and more at {overpowering_looks} "
        "looks at least and in the last {overpowering_share} of the steps so far, while samples "
        "come no nearer to the data. Without samples it is only worth knowing, for good networks "
        "live there; not told where samples were alike before it was sure."
    ),
)
