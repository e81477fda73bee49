"""Thresholds chosen on some runs, and what the rules do without a part."""

import dataclasses
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.detection.figures import summary
from benchmarks.detection.judges import Detectors, Example, Told, judged, ours
from gandiag.monitors import Thresholds

FACTORS = (0.5, 0.75, 1.33, 2.0)
FEWER = (0.67, 1.5)
SHARES = (0.02, 0.05, 0.1, 0.2)
"""Tried of a threshold that is 0, that is not used."""
MOST = 60
"""Runs that thresholds are chosen on where that is done once for each group."""
PASSES = 3
EARLY = ("mode-collapse", "discriminator-overfitting", "divergence")
"""Where an alert should come no later than the outcome; for the others within .1 of the run."""

FIRST = dataclasses.replace(
    Thresholds(),
    warm_up_most=1.0,
    settle_share=0.0,
    far=0.0,
    far_early=0.0,
    churn_checks=10,
    stuck_checks=10,
    churn_sure=2.0,
    oscillation_persist=3,
    rotation=2.0,
    still=0.01,
    saturation_persist=5,
    overpowering_share=1.0,
    overfitting_auc=0.6,
    overfitting_sure=0.6,
    overfitting_z=5.0,
    overfitting_persist=3,
    slope_median_high=1.5,
    lipschitz_persist=5,
    plateau_share=0.3,
)
"""As they were before the first run of the corpus, from the literature and from what the signals
mean; conditions that came later are switched off."""


def late(found: Mapping[str, Any]) -> float:
    """Mean over the pathologies of the median delay beyond what is allowed, in shares of a run."""
    excess = []
    for name, one in found["detection"].items():
        if one["count"]:
            lead = one["lead_share"][1]
            allowed = 0.0 if name in EARLY else 0.1
            excess.append(1.0 if lead is None else max(0.0, -lead - allowed))
    return sum(excess) / len(excess)


def objective(pairs: Sequence[tuple[Example, Told]]) -> float:
    """Macro detection, less what false alarms, wrong names and delays cost."""
    found = summary(pairs)
    false = found["false_alarms"]["value"] or 0.0
    hard = found["false_alarms_hard"]["value"] or 0.0
    named = found["first_right"]["value"] or 0.0
    right = found["warnings_right"]["value"] or 0.0
    wrong = 3 * false + hard + late(found)
    return float(found["macro_detection"] - wrong + 0.25 * named + 0.25 * right)


def tune(
    chosen: Sequence[Example],
    start: Thresholds | None = None,
    factors: Sequence[float] = FACTORS,
    passes: int = 1,
) -> Thresholds:
    """Coordinate search: one threshold after the other is scaled, and kept where that is better.

    A change must gain more than .01, about what one run in a hundred does, so that ties keep what
    is there.

    Args:
        chosen: the runs.
        start: where the search starts; the published ones if None.
        factors: of each threshold that are tried.
        passes: over all thresholds, at most; fewer if one changes nothing.
    """
    detectors = Detectors()
    best = start or Thresholds()
    score = objective(judged(chosen, ours(best, detectors)))
    for _ in range(passes):
        before = best
        for field in dataclasses.fields(Thresholds):
            value = getattr(best, field.name)
            for scaled in [value * factor for factor in factors] if value else SHARES:
                other = max(1, round(scaled)) if isinstance(value, int) else scaled
                trial = dataclasses.replace(best, **{field.name: other})
                if trial == best:
                    continue
                now = objective(judged(chosen, ours(trial, detectors)))
                if now > score + 0.01:
                    best, score = trial, now
                    print(f"  {field.name} = {other}: {now:.4f}", file=sys.stderr, flush=True)
        if best == before:
            break
    return best


def one_family(chosen: Sequence[Example], family: str) -> dict[str, Any]:
    """Thresholds chosen on the even seeds of one family, from `FIRST` on; all other runs scored."""
    print(f"on half of {family}", file=sys.stderr)
    half = [e for e in chosen if e.family == family and e.even]
    rest = [e for e in chosen if e.family != family or not e.even]
    thresholds = tune(half, FIRST, passes=PASSES)
    return {
        "family": family,
        "runs": len(half),
        "changed": changes(thresholds, FIRST),
        "first_guess": summary(judged(rest, ours(FIRST))),
        "chosen_on": summary(judged(half, ours(thresholds))),
        "others": summary(judged(rest, ours(thresholds))),
    }


WITHOUT: Mapping[str, Mapping[str, float]] = {
    "waiting for samples that improve": {"improvement": math.inf},
    "waiting while the run is young": {"young_share": 0.0},
    "warm-up": {"warm_up_steps": 0, "warm_up_share": 0.0},
    "persistence of collapse": {"collapse_persist": 1, "intra_persist": 1},
    "distance to the data, of oscillation": {"churn_distance": -1.0},
    "a generator that stands still, of saturation": {"still": math.inf},
    "a sure discriminator, of saturation": {"saturated_auc": -1.0},
    "standard errors, of overfitting": {"overfitting_z": -math.inf},
    "a rise, of dead units": {"dead_rise": -1.0},
}
"""Parts of the rules, and thresholds that make them always true."""


def ablation(chosen: Sequence[Example], thresholds: Thresholds) -> dict[str, dict[str, Any]]:
    """Macro detection and false alarms without each part."""
    detectors = Detectors()
    found = {}
    for name, values in WITHOUT.items():
        without = dataclasses.replace(thresholds, **values)
        found[name] = summary(judged(chosen, ours(without, detectors)))
    return found


def changes(thresholds: Thresholds, start: Thresholds) -> dict[str, float]:
    """Those that are not as at the start."""
    return {
        field.name: getattr(thresholds, field.name)
        for field in dataclasses.fields(Thresholds)
        if getattr(thresholds, field.name) != getattr(start, field.name)
    }


def tuning_half(chosen: Iterable[Example]) -> list[Example]:
    """Even seeds."""
    return [e for e in chosen if e.even]


def held_out(chosen: Iterable[Example]) -> list[Example]:
    """Odd seeds."""
    return [e for e in chosen if not e.even]


def leave_out(chosen: Sequence[Example], key: Callable[[Example], str]) -> dict[str, Any]:
    """Thresholds chosen on the even seeds of the others; each group's odd seeds scored by those."""
    found: dict[str, Any] = {}
    pairs: list[tuple[Example, Told]] = []
    for group in sorted({key(e) for e in chosen}):
        print(f"without {group}", file=sys.stderr)
        others = [e for e in chosen if key(e) != group and e.even]
        thresholds = tune(others[:: max(1, -(-len(others) // MOST))], factors=FEWER)
        own = judged([e for e in chosen if key(e) == group and not e.even], ours(thresholds))
        pairs += own
        found[group] = {"changed": changes(thresholds, Thresholds()), **summary(own)}
    return {"groups": found, "all": summary(pairs)}
