"""Every number that a detector compares with, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """When detectors speak. Signals are those of `gandiag.monitors.signals.SIGNALS`.

    Counts of checks are of rows in which the rule could be judged.
    """

    # When to listen
    warm_up_steps: int = 200
    """No detector but divergence speaks before so many steps ..."""
    warm_up_share: float = 0.02
    """... or this share of the budget, whichever is more, ..."""
    warm_up_most: float = 0.05
    """... but never for more than this share of the budget."""
    young_share: float = 0.25
    """Share of the budget in which modes that were never there are not yet missed."""
    young_steps: int = 2000
    """The same without a known budget."""
    settle_share: float = 0.1
    """Share of the budget in which samples of a mode or a class may still be alike or wrong."""
    settle_steps: int = 1000
    """The same without a known budget."""
    far: float = 0.04
    """Energy distance to the data up to which a movement or a lack of modes is no fault ..."""
    far_early: float = 0.15
    """... and while a run is still on its way to the data, ..."""
    early_share: float = 0.5
    """... in this share of the budget, or without one of twice `young_steps`."""
    cooldown_steps: int = 1000
    """A pathology that cleared and comes back within so many steps is not told again."""
    clear_ratio: float = 0.8
    """Part of a threshold's distance that a signal must go back before the alert clears ..."""
    clear_factor: int = 3
    """... for so many times the checks that it took to raise it."""
    trend_checks: int = 10
    """Checks over which samples must have come nearer to the data to count as improving."""
    improvement: float = 0.05
    """Relative fall of the distance, newer half against older half, that counts."""

    # Oscillation
    churn: float = 0.25
    churn_checks: int = 3
    """Checks over which the panel's histogram must keep moving."""
    churn_sure: float = 0.75
    """Movement that needs no further check."""
    churn_distance: float = 0.3
    """And be as far from the data (tv_to_real)."""
    stuck_checks: int = 6
    """Checks over which the distance to the data must not fall."""
    forgetting: float = 0.75
    forgetting_churn: float = 0.1
    """Forgetting counts if the panel also moves by so much."""
    rotation: float = 0.9
    """Of the joint update: it turns round and comes back, and samples stay far from the data."""
    oscillation_persist: int = 2

    # Mode collapse
    missing: float = 0.10
    missing_error: float = 0.40
    diversity: float = 0.5
    diversity_error: float = 0.2
    collapse_persist: int = 3

    # Collapse within modes
    spread: float = 0.5
    spread_error: float = 0.25
    nearest: float = 0.3
    """Of nn_ratio; of the same severity as `spread`."""
    class_spread: float = 0.35
    intra_persist: int = 3

    # Saturated gradients
    slope: float = 0.01
    reach: float = 0.5
    saturated_auc: float = 0.98
    still: float = 0.016
    """Motion of the panel in 100 steps below which the generator stands still."""
    saturated_norm: float = 0.01
    """Without a panel: the generator's gradient norm, beside that after warm-up."""
    saturation_persist: int = 2

    # Discriminator
    overpowering_auc: float = 0.99
    overpowering_steps: int = 500
    """The AUC must be as high for so many steps ..."""
    overpowering_share: float = 0.15
    """... or this share of the budget, whichever is less."""
    overfitting_auc: float = 0.57
    overfitting_sure: float = 0.6
    """Up to here it is only worth knowing while samples still improve."""
    overfitting_error: float = 0.8
    overfitting_z: float = 3.0
    overfitting_persist: int = 2

    # Divergence
    spike_z: float = 6.0
    spike_factor: float = 10.0
    """Gradient norms: robust z of their logarithm, and times the median of the checks before."""
    spike_persist: int = 2
    growth_factor: float = 2.0
    """Growth of the largest score from check to check ..."""
    growth_checks: int = 3
    """... so many times in a row, far above where it was."""
    panel_range: float = 10.0
    beyond: float = 100.0
    """A value so many times its limit needs no second check."""

    # Lipschitz
    slope_median_high: float = 2.0
    slope_q95_high: float = 4.0
    slope_median_low: float = 0.3
    sigma: float = 1.1
    clip_share: float = 0.9
    lipschitz_persist: int = 3

    # Units
    dead: float = 0.5
    dead_rise: float = 0.2
    """Since warm-up."""
    dead_error: float = 0.95
    units_persist: int = 3

    # Labels
    agreement: float = 0.3
    labels_persist: int = 3

    # Plateau
    plateau_share: float = 0.15
    """Share of the budget without a better distance to the data ..."""
    plateau_steps: int = 5000
    """... or so many steps without a known budget."""
