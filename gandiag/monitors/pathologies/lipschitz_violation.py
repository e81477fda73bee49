"""A critic that is steeper than declared."""

from collections.abc import Mapping
from dataclasses import dataclass

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.rule import (
    Groups,
    Pathology,
    Shared,
    Verdict,
    falling,
    outside,
    rising,
    under_way,
    unsampled,
)

CONSTRAINED: Mapping[str, Groups] = {
    "gp": (("lipschitz_median",), ("dead_penalty",)),
    "sn": (("sigma_max",),),
    "clip": (("clip_share",),),
    "r1": (("dead_penalty",),),
}
"""How each way of holding it shows."""


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    slope_median_high: float = 2.0
    """Median |grad D| above which a gradient penalty does not hold ..."""
    slope_q95_high: float = 4.0
    """... or its 95th percentile ..."""
    slope_median_low: float = 0.3
    """... or the median below this."""
    sigma: float = 1.2
    """Largest singular value above which spectral normalisation does not hold: its power iteration
    follows weights that move, and lags by up to a sixth."""
    clip_share: float = 0.9
    """Share of weights at the edge above which clipping is all there is."""
    lipschitz_persist: int = 3
    """Checks in a row that it must hold."""


def _judge(h: History, context: Context, t: Limits) -> Verdict | None:
    """The declared constraint does not hold, or its penalty cannot act."""
    evidence = ("lipschitz_median", "lipschitz_q95", "sigma_max", "dead_penalty")
    dead, slope = h.now("dead_penalty"), h.now("lipschitz_median")
    # A tensor that was detached for the log looks dead, too; but then the slopes are right.
    right = slope is not None and t.slope_median_low < slope < t.slope_median_high
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
        known = h.lowest if above else h.highest
        was = known.get(name, (value, 0))[0]
        held = was < threshold if above else was > threshold
        moving = falling(h, name, t) if above else rising(h, name, t)
        if not held:
            moving = under_way(h, context, t, t.settle_share, moving)
        verdict = Verdict(
            excess > 1 and not moving and not outside(h, t),
            name,
            value,
            threshold,
            clear=excess < t.clear_ratio,
            evidence=evidence,
        )
        if verdict.firing:
            return verdict
        found = verdict
    return found


def _inactive(context: Context) -> str | None:
    """A constraint that nobody declared cannot be violated."""
    return "no constraint was declared (lipschitz=)" if context.lipschitz is None else None


def _unseen(context: Context) -> str | None:
    """What to give."""
    if context.lipschitz == "r1":
        return "needs the penalty (monitor.step(penalty=))"
    return unsampled(context)


LIPSCHITZ_VIOLATION = Pathology(
    "lipschitz-violation",
    _judge,
    reads=(
        "lipschitz_median",
        "lipschitz_q95",
        "sigma_max",
        "clip_share",
        "dead_penalty",
        "panel_range",
        "energy",
    ),
    needs=(("lipschitz_median",),),
    persist=lambda t: t.lipschitz_persist,
    constrained=CONSTRAINED,
    inactive=_inactive,
    unseen=_unseen,
    causes=(
        "the penalty has no gradient (create_graph=True is missing, or it is detached)",
        "the penalty's weight is too small",
        "a layer is left without spectral normalisation, or its vectors are never updated",
    ),
    remedies=(
        (
            "build the penalty with create_graph=True and check that D's gradients change",
            "Gulrajani et al. 2017",
        ),
        ("a penalty weight of 10 (WGAN-GP)", "Gulrajani et al. 2017"),
        ("normalise every layer, and run D in training mode when it trains", "Miyato et al. 2018"),
    ),
    title="a critic that is steeper than declared",
    what=(
        "The constraint that was declared on the discriminator (lipschitz=) does not hold, or "
        "its penalty cannot act."
    ),
    when=(
        "gradient penalty: lipschitz_median above {slope_median_high} or below "
        "{slope_median_low}, lipschitz_q95 above {slope_q95_high}; spectral normalisation: "
        "sigma_max above {sigma}; clipping: clip_share above {clip_share}; a penalty without "
        "gradient, at once an error."
    ),
)
