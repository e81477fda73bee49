"""Rules on the generated samples: oscillation, both collapses, labels, plateau."""

from gandiag.monitors.context import Context
from gandiag.monitors.detectors.base import Rule, Verdict, improving, near, settling, young
from gandiag.monitors.detectors.history import History
from gandiag.monitors.thresholds import Thresholds


def _oscillation(h: History, context: Context, t: Thresholds) -> Verdict | None:
    """The distribution keeps moving without approaching the data, or the discriminator forgets.

    Or both networks go round in circles, which is harmless only near the data.
    """
    churn = h.median("churn", t.churn_checks)
    far = h.median("tv_to_real", t.churn_checks)
    if churn is None or far is None:
        return None
    evidence = ("tv_to_real", "forgetting", "rotation", "loss_period", "energy")
    forgetting = h.median("forgetting", t.churn_checks)
    stuck = not improving(h, t, t.stuck_checks) and not near(h, context, t, t.stuck_checks)
    forgets = forgetting is not None and forgetting > t.forgetting and churn > t.forgetting_churn
    turning = h.median("rotation", t.churn_checks)
    if turning is not None and turning > t.rotation and stuck and churn <= t.churn:
        return Verdict(True, "rotation", turning, t.rotation, evidence=evidence)
    if forgets and far > t.churn_distance and stuck and churn <= t.churn:
        return Verdict(True, "forgetting", forgetting or 0.0, t.forgetting, evidence=evidence)
    return Verdict(
        firing=churn > t.churn and far > t.churn_distance and stuck,
        signal="churn",
        value=churn,
        threshold=t.churn,
        clear=churn < t.clear_ratio * t.churn,
        evidence=evidence,
        at_once=churn > t.churn_sure,
    )


OSCILLATION = Rule(
    "oscillation",
    ("churn", "tv_to_real", "forgetting", "rotation", "loss_period", "energy"),
    _oscillation,
    lambda t: t.oscillation_persist,
)


def _collapse(h: History, context: Context, t: Thresholds) -> Verdict | None:
    """Real mass is missing, or samples are alike; not while modes are still being found."""
    missing = h.median("missing_mass", t.collapse_persist)
    diversity = h.median("diversity", t.collapse_persist)
    if missing is None or diversity is None:
        return None
    evidence = ("energy", "diversity", "coverage_knn", "churn", "class_missing")
    lowest = h.lowest.get("missing_mass", (1.0, 0))[0]
    lost = lowest < t.missing or not young(h, context, t)
    fall = h.fall("missing_mass", t.trend_checks)
    finding = fall is not None and fall > t.improvement
    error = missing > t.missing_error or diversity < t.diversity_error
    finding = finding or (near(h, context, t, t.collapse_persist) and not error)
    level = "ERROR" if error else "WARN"
    # The mass that is missing decides, but for a panel that is one blob between the modes.
    if diversity < t.diversity and missing <= t.missing:
        return Verdict(
            lost, "diversity", diversity, t.diversity, level, clear=False, evidence=evidence
        )
    return Verdict(
        firing=missing > t.missing and lost and not finding,
        signal="missing_mass",
        value=missing,
        threshold=t.missing,
        level=level,
        clear=missing < t.clear_ratio * t.missing,
        evidence=evidence,
    )


COLLAPSE = Rule(
    "mode-collapse",
    ("missing_mass", "diversity", "coverage_knn", "churn", "class_missing", "energy"),
    _collapse,
    lambda t: t.collapse_persist,
)


def _intra(h: History, context: Context, t: Thresholds) -> Verdict | None:
    """Samples within a mode (or a class) are alike."""
    choices = (
        ("spread", t.spread, t.spread_error),
        ("nn_ratio", t.nearest, t.nearest / 2),
        ("class_spread", t.class_spread, t.class_spread / 2),
    )
    worst: Verdict | None = None
    for name, threshold, error in choices:
        value = h.median(name, t.intra_persist)
        if value is None:
            continue
        lost = h.highest.get(name, (0.0, 0))[0] > threshold or not settling(h, context, t)
        rise = h.fall(name, t.trend_checks)
        widening = rise is not None and rise < -t.improvement
        verdict = Verdict(
            firing=value < threshold and lost and not widening,
            signal=name,
            value=value,
            threshold=threshold,
            level="ERROR" if value < error else "WARN",
            clear=value > threshold / t.clear_ratio,
            evidence=("spread", "nn_ratio", "effective_rank", "z_sensitivity", "class_spread"),
        )
        if worst is None or (verdict.firing, threshold / max(value, 1e-9)) > (
            worst.firing,
            worst.threshold / max(worst.value, 1e-9),
        ):
            worst = verdict
    return worst


INTRA = Rule(
    "intra-mode-collapse",
    ("spread", "nn_ratio", "effective_rank", "z_sensitivity", "class_spread"),
    _intra,
    lambda t: t.intra_persist,
)


def _labels(h: History, context: Context, t: Thresholds) -> Verdict | None:
    """Samples are no nearer to the class that was asked for than chance."""
    value = h.median("label_agreement", t.labels_persist)
    if value is None:
        return None
    known = h.highest.get("label_agreement", (0.0, 0))[0] > t.agreement
    return Verdict(
        firing=value < t.agreement and (known or not settling(h, context, t)),
        signal="label_agreement",
        value=value,
        threshold=t.agreement,
        clear=value > t.agreement / t.clear_ratio,
        evidence=("label_auc", "class_missing", "class_spread"),
    )


LABELS = Rule(
    "label-ignored",
    ("label_agreement", "label_auc", "class_missing", "class_spread"),
    _labels,
    lambda t: t.labels_persist,
)


def _plateau(h: History, context: Context, t: Thresholds) -> Verdict | None:
    """No better distance to the data for long; the threshold is the best one."""
    value = h.now("energy")
    if value is None or young(h, context, t):
        return None
    best, when = h.lowest.get("energy", (value, h.step))
    patience = t.plateau_steps if context.budget is None else t.plateau_share * context.budget
    waited = h.step - when
    return Verdict(
        firing=waited >= patience,
        signal="energy",
        value=value,
        threshold=best,
        level="INFO",
        clear=waited < patience,
        evidence=("tv_to_real", "coverage_knn"),
    )


PLATEAU = Rule("plateau", ("energy", "tv_to_real", "coverage_knn"), _plateau, lambda t: 1)
