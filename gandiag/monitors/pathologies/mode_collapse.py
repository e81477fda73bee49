"""Parts of the data that are never made."""

from dataclasses import dataclass

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.remedies import FEWER, PACK, R1, SN
from gandiag.monitors.pathologies.rule import (
    Pathology,
    Shared,
    Verdict,
    alike,
    beyond,
    falling,
    near,
    outside,
    rising,
    under_way,
    unsampled,
)


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    missing: float = 0.10
    """Share of the reals in neglected bins above which mass is missing."""
    lost_modes: float = 0.2
    """Share of the reals in modes that are hardly made, above which no small distance excuses."""
    diversity: float = 0.5
    """Mean distance in the panel over the reals' below which samples are alike."""
    feature_looks: float = 0.33
    """Share of the distance in the user's features that may be of how samples look, so that mass
    which is missing there is missing: blurred samples fall into few bins, too."""
    collapse_looks: int = 3
    """Looks at the panel of which most, the newest among them, must show it ..."""
    collapse_persist: int = 3
    """... and checks in a row in which they must; ..."""
    collapse_persist_error: int = 2
    """... of an error fewer, and of a loss as great of what was there the first."""


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
        h.median(name, t.collapse_looks)
        for name in ("feature_missing", "feature_energy", "feature_unlike")
    )
    if missing is None or energy is None or unlike is None:
        return None
    lacking = unlike <= t.feature_looks * energy
    lost, finding = _lost(h, context, t, "feature_missing", "feature_energy")
    return Verdict(
        firing=missing > t.missing and lacking and not finding,
        signal="feature_missing",
        value=missing,
        threshold=t.missing,
        level="ERROR" if missing > t.missing_error else "WARN",
        clear=missing < t.clear_ratio * t.missing or not lacking,
        evidence=("feature_energy", "feature_unlike", "missing_mass", "diversity"),
        lasting=0.0 if lost or context.budget else t.lasting,
    )


def _lost(h: History, context: Context, t: Limits, name: str, distance: str) -> tuple[bool, bool]:
    """Whether mass was there before, and whether it is still being found.

    What was never there is waited for as long as there is less of it to find, samples come nearer
    to the data or grow less alike; what was there, as long as it comes back.
    """
    lost = h.lowest.get(name, (1.0, 0))[0] < t.missing
    back = falling(h, name, t)
    if lost:
        return True, bool(back)
    wider = rising(h, "diversity", t, t.improvement)
    if alike(h, t, t.collapse_looks):
        moving = [wider]
    else:
        # Mass that is found where samples come no nearer is of samples that move about.
        nearer = h.course(distance)
        found = None if back is None or nearer is None else back and nearer[1] < nearer[0]
        moving = [found, falling(h, distance, t), wider]
    return False, under_way(h, context, t, t.young_share, *moving)


def _in_pixels(h: History, context: Context, t: Limits) -> Verdict | None:
    """Real mass is missing, or samples are alike; not while modes are still being found.

    Where the data have modes, those that are gone are what is missing: bins within a mode that is
    there are of how its samples are spread.
    """
    n = t.collapse_looks
    missing, diversity = h.median("missing_mass", n), h.median("diversity", n)
    if missing is None or diversity is None:
        return None
    evidence = (
        *("missing_mass", "lost_modes", "energy", "diversity", "coverage_knn", "churn"),
        "class_missing",
    )
    gone = h.median("lost_modes", n)
    name, value = ("missing_mass", missing) if gone is None else ("lost_modes", gone)
    same = alike(h, t, n)
    error = value > t.missing_error or same
    lost, finding = _lost(h, context, t, name, "energy")
    # The energy distance is small where what is lost lies between what is there.
    whole = beyond(h, "lost_modes", n, t.lost_modes) is not None
    excused = near(h, t, 1) and not error and not whole
    thrown = outside(h, t)
    level = "ERROR" if error else "WARN"
    # The mass that is missing decides, but for a panel that is one blob between the modes.
    if diversity < t.diversity and value <= t.missing:
        return Verdict(
            lost and not thrown, "diversity", diversity, t.diversity, level,
            clear=False, evidence=evidence,
        )  # fmt: skip
    here = beyond(h, name, n, t.missing) is not None
    return Verdict(
        firing=here and not (finding or excused or thrown),
        signal=name,
        value=value,
        threshold=t.missing,
        level=level,
        clear=value < t.clear_ratio * t.missing,
        evidence=evidence,
        at_once=lost and error,
        persist=t.collapse_persist_error if error else None,
        lasting=0.0 if lost or context.budget else t.lasting,
    )


MODE_COLLAPSE = Pathology(
    "mode-collapse",
    _judge,
    reads=(
        *("missing_mass", "lost_modes", "diversity", "coverage_knn", "churn", "class_missing"),
        *("energy", "panel_range", "feature_missing", "feature_energy", "feature_unlike"),
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
        "there, where at most {feature_looks} of the distance is of how samples look. Where the "
        "data have modes, lost_modes stands for missing_mass. Not while modes are still being "
        "found or, where they never were there, samples come nearer or grow less alike, by the "
        "run's own measure; nor beside a small energy unless whole modes (lost_modes above "
        "{lost_modes}) are gone."
    ),
)
