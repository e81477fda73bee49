"""No progress for long: no fault, training may be done."""

from dataclasses import dataclass

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.remedies import EMA
from gandiag.monitors.pathologies.rule import Pathology, Shared, Verdict, unsampled


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    plateau_share: float = 0.15
    """Share of the budget without a better distance to the data, at least `trend_checks`, ..."""
    plateau_age: float = 0.5
    """... or without a known one, this share of the steps so far."""


def _judge(h: History, context: Context, t: Limits) -> Verdict | None:
    """No better distance to the data for long; the threshold is the best one."""
    value = h.now("energy")
    if value is None or h.step < t.young_share * (context.budget or 0):
        return None
    best, when = h.lowest.get("energy", (value, h.step))
    share = t.plateau_age * h.step if context.budget is None else t.plateau_share * context.budget
    # The best of a few noisy values is soon not beaten any more.
    patience = max(share, t.trend_checks * context.every)
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


PLATEAU = Pathology(
    "plateau",
    _judge,
    reads=("energy", "tv_to_real", "coverage_knn"),
    needs=(("energy",),),
    persist=lambda t: 1,
    inactive=unsampled,
    causes=("training is done, or what limits it is not time",),
    remedies=(
        ("stop, and keep the best checkpoint", "Prechelt 1998"),
        ("decay the learning rates", "Gulrajani et al. 2017"),
        EMA,
    ),
    title="no progress for long",
    what=(
        "The distance of samples to the data has not fallen for long. It is no fault: training "
        "may be done."
    ),
    when=(
        "no lower energy for {plateau_share} of the budget, or without a known one for "
        "{plateau_age} of the steps so far; for {trend_checks} checks at least."
    ),
)
