"""Rules on the discriminator: saturation, overpowering, overfitting, Lipschitz, dead units."""

import math

from gandiag.monitors.context import VALID, Context
from gandiag.monitors.detectors.base import Rule, Verdict, improving, settling
from gandiag.monitors.detectors.history import History
from gandiag.monitors.thresholds import Thresholds


def _auc(h: History, count: int) -> float | None:
    """Of the panel where there is one: training batches are scored while weights move."""
    fresh = h.median("auc_fresh", count)
    return h.median("auc_real_fake", count) if fresh is None else fresh


def _saturation(h: History, context: Context, t: Thresholds) -> Verdict | None:
    """The discriminator is sure, its slope buys nothing, and the generator stands still."""
    n = t.saturation_persist
    auc = _auc(h, n)
    slope = h.median("loss_slope", n) if context.validity("loss slope") == VALID else None
    reach = h.median("reach", n)
    if auc is None or (slope is None and reach is None):
        return None
    motion = h.median("motion", n)
    if motion is None:
        early, norm = h.early("g_grad_norm"), h.median("g_grad_norm", n)
        if context.samples or early is None or norm is None:
            return None
        still = norm < t.saturated_norm * early
    else:
        still = motion < t.still
    flat = slope is not None and slope < t.slope
    out_of_reach = reach is not None and reach < t.reach
    name, value, threshold = "loss_slope", slope, t.slope
    if slope is None or (not flat and out_of_reach):
        name, value, threshold = "reach", reach, t.reach
    assert value is not None
    return Verdict(
        firing=(flat or out_of_reach) and auc > t.saturated_auc and still,
        signal=name,
        value=value,
        threshold=threshold,
        clear=value > threshold / t.clear_ratio or not still,
        evidence=("auc_fresh", "auc_real_fake", "motion", "g_grad_norm", "adam_stall"),
    )


SATURATION = Rule(
    "saturated-gradients",
    ("loss_slope", "reach", "auc_fresh", "auc_real_fake", "motion", "g_grad_norm", "adam_stall"),
    _saturation,
    lambda t: t.saturation_persist,
)


def _overpowering(h: History, context: Context, t: Thresholds) -> Verdict | None:
    """The discriminator is sure for long, and samples do not improve.

    Without samples this is only worth knowing: good networks live there (Brock et al. 2019 report
    98 % training accuracy).
    """
    steps = min(t.overpowering_steps, t.overpowering_share * (context.budget or math.inf))
    count = max(2, math.ceil(steps / context.every))
    auc = _auc(h, count)
    lowest = min(h.last("auc_fresh", count) or h.last("auc_real_fake", count) or [0.0])
    if auc is None:
        return None
    sure = lowest >= t.overpowering_auc
    return Verdict(
        firing=sure and not (context.samples and improving(h, t)),
        signal="auc_fresh" if h.now("auc_fresh") is not None else "auc_real_fake",
        value=auc,
        threshold=t.overpowering_auc,
        level="WARN" if context.samples else "INFO",
        clear=auc < 1 - (1 - t.overpowering_auc) / t.clear_ratio,
        evidence=("energy", "score_gap", "reach", "d_steps_per_g", "loss_slope"),
    )


OVERPOWERING = Rule(
    "discriminator-overpowering",
    ("auc_fresh", "auc_real_fake", "energy", "score_gap", "reach", "d_steps_per_g", "loss_slope"),
    _overpowering,
    lambda t: 1,
)


def _overfitting(h: History, context: Context, t: Thresholds) -> Verdict | None:
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


OVERFITTING = Rule(
    "discriminator-overfitting",
    ("auc_train_heldout", "train_heldout_z", "auc_fresh", "energy"),
    _overfitting,
    lambda t: t.overfitting_persist,
)


def _lipschitz(h: History, context: Context, t: Thresholds) -> Verdict | None:
    """The declared constraint does not hold, or its penalty cannot act."""
    evidence = ("lipschitz_median", "lipschitz_q95", "sigma_max", "dead_penalty")
    dead, slope = h.now("dead_penalty"), h.now("lipschitz_median")
    # A tensor that was detached for the log looks dead, too; but then the slopes are right.
    right = slope is not None and t.slope_median_low < slope < t.slope_median_high
    if settling(h, context, t) and not dead:
        return None
    if dead and not (context.lipschitz == "gp" and right):
        return Verdict(True, "dead_penalty", dead, 0.5, "ERROR", evidence=evidence)
    n = t.lipschitz_persist
    choices: tuple[tuple[str, float, bool], ...] = {
        "gp": (
            ("lipschitz_median", t.slope_median_high, True),
            ("lipschitz_q95", t.slope_q95_high, True),
            ("lipschitz_median", t.slope_median_low, False),
        ),
        "sn": (("sigma_max", t.sigma, True),),
        "clip": (("clip_share", t.clip_share, True),),
    }.get(context.lipschitz or "", ())
    found = None
    for name, threshold, above in choices:
        value = h.median(name, n)
        if value is None:
            continue
        excess = value / threshold if above else threshold / max(value, 1e-12)
        verdict = Verdict(
            excess > 1, name, value, threshold, clear=excess < t.clear_ratio, evidence=evidence
        )
        if verdict.firing:
            return verdict
        found = verdict
    return found


LIPSCHITZ = Rule(
    "lipschitz-violation",
    ("lipschitz_median", "lipschitz_q95", "sigma_max", "clip_share", "dead_penalty"),
    _lipschitz,
    lambda t: t.lipschitz_persist,
)


def _units(h: History, context: Context, t: Thresholds) -> Verdict | None:
    """Units died and with them the gradients; or no gradient reaches the generator at all."""
    evidence = ("dead_units_g", "dead_units_d", "g_grad_norm", "energy")
    norm = h.now("g_grad_norm_max")
    if norm == 0:
        return Verdict(True, "g_grad_norm_max", 0.0, 0.0, "ERROR", evidence=evidence)
    value, early = h.median("dead_units", t.units_persist), h.early("dead_units")
    if value is None:
        return None
    risen = early is not None and value - early > t.dead_rise
    stuck = not improving(h, t)
    return Verdict(
        firing=value > t.dead_error or (value > t.dead and risen and stuck),
        signal="dead_units",
        value=value,
        threshold=t.dead_error if value > t.dead_error else t.dead,
        level="ERROR" if value > t.dead_error else "WARN",
        clear=value < t.clear_ratio * t.dead,
        evidence=evidence,
    )


UNITS = Rule(
    "dead-units",
    ("dead_units", "dead_units_g", "dead_units_d", "g_grad_norm", "g_grad_norm_max", "energy"),
    _units,
    lambda t: t.units_persist,
)
