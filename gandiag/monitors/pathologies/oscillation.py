"""Samples that move round and round."""

from dataclasses import dataclass

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.remedies import EMA, R1
from gandiag.monitors.pathologies.rule import (
    Pathology,
    Shared,
    Verdict,
    beyond,
    improving,
    near,
    outside,
    unsampled,
)


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    churn: float = 0.25
    """Total variation of the panel's histogram in 100 steps, above which it moves."""
    churn_checks: int = 3
    """Checks over which the panel's histogram must keep moving."""
    churn_distance: float = 0.3
    """And be as far from the data (tv_to_real)."""
    forgetting: float = 0.75
    """Share of an old panel that is scored above the median real, above which D forgets."""
    forgetting_churn: float = 0.1
    """Forgetting counts if the panel also moves by so much."""
    rotation: float = 0.9
    """Of the joint update: it turns round and comes back, and samples stay far from the data."""
    oscillation_persist: int = 2
    """Checks in a row that it must hold."""


def _judge(h: History, context: Context, t: Limits) -> Verdict | None:
    """The distribution keeps moving without approaching the data, or the discriminator forgets.

    Or both networks go round in circles, which is harmless only near the data.
    """
    churn = h.median("churn", t.churn_checks)
    far = h.median("tv_to_real", t.churn_checks)
    if churn is None or far is None or outside(h, t):
        return None
    evidence = ("tv_to_real", "forgetting", "rotation", "loss_period", "energy")
    forgetting = h.median("forgetting", t.churn_checks)
    stuck = not improving(h, t) and not near(h, t, t.churn_checks)
    forgets = forgetting is not None and forgetting > t.forgetting and churn > t.forgetting_churn
    moves = beyond(h, "churn", t.churn_checks, t.churn) is not None
    turning = h.median("rotation", t.churn_checks)
    if turning is not None and turning > t.rotation and stuck and churn <= t.churn:
        return Verdict(True, "rotation", turning, t.rotation, evidence=evidence)
    if forgets and far > t.churn_distance and stuck and churn <= t.churn:
        return Verdict(True, "forgetting", forgetting or 0.0, t.forgetting, evidence=evidence)
    return Verdict(
        firing=moves and far > t.churn_distance and stuck,
        signal="churn",
        value=churn,
        threshold=t.churn,
        clear=churn < t.clear_ratio * t.churn,
        evidence=evidence,
    )


OSCILLATION = Pathology(
    "oscillation",
    _judge,
    reads=("churn", "tv_to_real", "forgetting", "rotation", "loss_period", "energy", "panel_range"),
    needs=(("churn", "tv_to_real"),),
    persist=lambda t: t.oscillation_persist,
    inactive=unsampled,
    causes=(
        "nothing damps the rotation of the two players: no gradient penalty, high momentum",
        "the generator moves faster than the discriminator learns",
        "a critic without a Lipschitz constraint",
    ),
    remedies=(
        R1,
        ("lower Adam's beta1, to 0.5 or 0", "Radford et al. 2016; Miyato et al. 2018"),
        ("different learning rates, the discriminator's larger (TTUR)", "Heusel et al. 2017"),
        ("more critic steps", "Arjovsky et al. 2017"),
        EMA,
    ),
    title="samples that move round and round",
    what=(
        "The generator's samples keep changing as a whole and come no nearer to the data: it "
        "goes from mode to mode, and the discriminator forgets what it once told apart."
    ),
    when=(
        "churn above {churn} with tv_to_real above {churn_distance}; or forgetting above "
        "{forgetting} while samples still move; or rotation above {rotation}; each while "
        "samples are far from the data and come no nearer."
    ),
)
