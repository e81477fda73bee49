"""Every number that a detector compares with: the parts of all pathologies, side by side."""

from dataclasses import dataclass

from gandiag.monitors.pathologies import (
    dead_units,
    discriminator_overfitting,
    discriminator_overpowering,
    divergence,
    intra_mode_collapse,
    label_ignored,
    lipschitz_violation,
    mode_collapse,
    oscillation,
    plateau,
    saturated_gradients,
)


# The last base's fields come first.
@dataclass(frozen=True)
class Thresholds(
    plateau.Limits,
    label_ignored.Limits,
    dead_units.Limits,
    lipschitz_violation.Limits,
    divergence.Limits,
    discriminator_overfitting.Limits,
    discriminator_overpowering.Limits,
    saturated_gradients.Limits,
    intra_mode_collapse.Limits,
    mode_collapse.Limits,
    oscillation.Limits,
):
    """When detectors speak: ``Thresholds(churn=0.3, warm_up_steps=500)`` for others than published.

    Each number is a field of the ``Limits`` of its pathology's file, or of
    `gandiag.monitors.pathologies.rule.Shared`, where its meaning is.
    """
