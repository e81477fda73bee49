"""Parts of the data that are never made."""

from dataclasses import dataclass

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.remedies import FEWER, PACK, R1, SN
from gandiag.monitors.pathologies.rule import Pathology, Shared, Verdict, near, unsampled, young


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    missing: float = 0.10
    """Share of the reals in neglected bins above which mass is missing."""
    missing_error: float = 0.40
    """The same, of an error."""
    lost_modes: float = 0.2
    """Share of the reals in modes that are hardly made, above which no small distance excuses."""
    diversity: float = 0.5
    """Mean distance in the panel over the reals' below which samples are alike."""
    diversity_error: float = 0.2
    """The same, of an error."""
    feature_looks: float = 0.33
    """Share of the distance in the user's features that may be of how samples look, so that mass
    which is missing there is missing: blurred samples fall into few bins, too."""
    collapse_persist: int = 3
    """Checks in a row that it must hold."""


def _judge(h: History, context: Context, t: Limits) -> Verdict | None:
    """In pixels or, where there are some, in the user's features."""
    pixels, features = _in_pixels(h, context, t), _in_features(h, context, t)
    if pixels is None or features is None or pixels.firing:
        return pixels
    # Between two looks at the features the last one holds.
    if features.firing or not features.clear:
        return features
    return pixels


def _in_features(h: History, context: Context, t: Limits) -> Verdict | None:
    """Real mass is missing, and little else tells samples from reals."""
    missing, energy, unlike = (
        h.median(name, t.collapse_persist)
        for name in ("feature_missing", "feature_energy", "feature_unlike")
    )
    if missing is None or energy is None or unlike is None:
        return None
    lowest = h.lowest.get("feature_missing", (1.0, 0))[0]
    fall = h.fall("feature_missing", t.trend_checks)
    lost = lowest < t.missing or not young(h, context, t)
    finding = fall is not None and fall > t.improvement
    lacking = unlike <= t.feature_looks * energy
    return Verdict(
        firing=missing > t.missing and lacking and lost and not finding,
        signal="feature_missing",
        value=missing,
        threshold=t.missing,
        level="ERROR" if missing > t.missing_error else "WARN",
        clear=missing < t.clear_ratio * t.missing or not lacking,
        evidence=("feature_energy", "feature_unlike", "missing_mass", "diversity"),
    )


def _in_pixels(h: History, context: Context, t: Limits) -> Verdict | None:
    """Real mass is missing, or samples are alike; not while modes are still being found."""
    missing = h.median("missing_mass", t.collapse_persist)
    diversity = h.median("diversity", t.collapse_persist)
    if missing is None or diversity is None:
        return None
    evidence = ("lost_modes", "energy", "diversity", "coverage_knn", "churn", "class_missing")
    lowest = h.lowest.get("missing_mass", (1.0, 0))[0]
    # Samples that are all alike are at no age on their way.
    lost = lowest < t.missing or not young(h, context, t) or diversity < t.diversity_error
    fall = h.fall("missing_mass", t.trend_checks)
    finding = fall is not None and fall > t.improvement
    error = missing > t.missing_error or diversity < t.diversity_error
    # The energy distance is small where what is lost lies between what is there.
    gone = (h.median("lost_modes", t.collapse_persist) or 0.0) > t.lost_modes
    excused = near(h, context, t, t.collapse_persist) and not error and not gone
    finding = finding or excused
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


MODE_COLLAPSE = Pathology(
    "mode-collapse",
    _judge,
    reads=(
        *("missing_mass", "lost_modes", "diversity", "coverage_knn", "churn", "class_missing"),
        *("energy", "feature_missing", "feature_energy", "feature_unlike"),
    ),
    needs=(("missing_mass", "diversity"),),
    persist=lambda t: t.collapse_persist,
    inactive=unsampled,
    causes=(
        "the discriminator is trained far more often or faster than the generator",
        "a discriminator without gradient penalty judges samples one by one",
    ),
    remedies=(R1, PACK, ("unroll the discriminator", "Metz et al. 2017"), SN, FEWER),
    title="parts of the data that are never made",
    what="Whole parts of the data have no samples, or all samples are alike.",
    when=(
        "missing_mass above {missing} (an error above {missing_error}), or diversity below "
        "{diversity} (an error below {diversity_error}); with features=, also mass that is missing "
        "there, where at most {feature_looks} of the distance is of how samples look; not while "
        "modes are still being found, nor beside a small energy unless whole modes (lost_modes "
        "above {lost_modes}) are gone."
    ),
)
