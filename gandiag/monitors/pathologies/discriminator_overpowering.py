"""A discriminator that is sure for long."""

import math
from dataclasses import dataclass

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.remedies import FEWER, NOISE, R1, SMOOTH, SN
from gandiag.monitors.pathologies.rule import (
    SCORED,
    Pathology,
    Shared,
    Verdict,
    improving,
    sure_of,
    unscored,
)


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    overpowering_auc: float = 0.99
    """From which on the discriminator is sure."""
    overpowering_steps: int = 500
    """The AUC must be as high for so many steps ..."""
    overpowering_share: float = 0.15
    """... or this share of the budget, whichever is less."""


def _judge(h: History, context: Context, t: Limits) -> Verdict | None:
    """The discriminator is sure for long, and samples neither improve nor are right.

    Without samples this is only worth knowing: good networks live there (Brock et al. 2019 report
    98 % training accuracy).
    """
    steps = min(t.overpowering_steps, t.overpowering_share * (context.budget or math.inf))
    count = max(2, math.ceil(steps / context.every))
    auc = sure_of(h, count)
    lowest = min(h.last("auc_fresh", count) or h.last("auc_real_fake", count) or [0.0])
    if auc is None:
        return None
    sure = lowest >= t.overpowering_auc
    distance = h.median("energy", count)
    # At half of `far` the energy has reached its noise, and cannot fall any more.
    right = distance is not None and distance <= t.far / 2
    return Verdict(
        firing=sure and not (context.samples and (improving(h, t) or right)),
        signal="auc_fresh" if h.now("auc_fresh") is not None else "auc_real_fake",
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
        "auc_fresh (or auc_real_fake) of {overpowering_auc} and more for {overpowering_steps} "
        "steps or {overpowering_share} of the budget, whichever is less. Without samples it is "
        "only worth knowing, for good networks live there."
    ),
)
