"""Units that never fire."""

from dataclasses import dataclass

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.rule import (
    Pathology,
    Shared,
    Verdict,
    alike,
    improving,
    unsampled,
)


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    dead: float = 0.95
    """Share of a layer's units that never fire, of a warning, ..."""
    dead_rise: float = 0.5
    """... if it is so much above the least since warm-up."""
    dead_error: float = 0.99
    """The same, of an error: a whole layer, through which no gradient passes."""
    units_persist: int = 2
    """Checks in a row that it must hold."""


def _judge(h: History, context: Context, t: Limits) -> Verdict | None:
    """Units died and with them the gradients."""
    evidence = ("dead_units_g", "dead_units_d", "g_grad_norm", "energy")
    if h.now("g_grad_norm_max") == 0 and max(h.last("dead_units", 1), default=0.0) > t.dead_error:
        return Verdict(True, "g_grad_norm_max", 0.0, 0.0, "ERROR", evidence=evidence)
    value = h.median("dead_units", t.units_persist)
    if value is None:
        return None
    risen = value - h.lowest.get("dead_units", (value, 0))[0] > t.dead_rise
    # What never fired beside samples that are all one is told as their collapse.
    whole = value > t.dead_error and (risen or not alike(h, t, t.units_persist))
    stuck = not improving(h, t) and (h.median("missing_mass", 1) or 0.0) <= t.missing_error
    return Verdict(
        firing=whole or (value > t.dead and risen and stuck),
        signal="dead_units",
        value=value,
        threshold=t.dead_error if value > t.dead_error else t.dead,
        level="ERROR" if value > t.dead_error else "WARN",
        clear=value < t.clear_ratio * t.dead,
        evidence=evidence,
    )


def _unseen(context: Context) -> str | None:
    """What to give, or why there is nothing to see."""
    return unsampled(context) or "no ReLU was seen (leaky ones do not die)"


DEAD_UNITS = Pathology(
    "dead-units",
    _judge,
    reads=(
        "dead_units",
        "dead_units_g",
        "dead_units_d",
        "g_grad_norm",
        "g_grad_norm_max",
        "energy",
        "diversity",
        "missing_mass",
    ),
    needs=(("dead_units",),),
    persist=lambda t: t.units_persist,
    unseen=_unseen,
    causes=("one too large step pushed the biases down", "the learning rate is too high"),
    remedies=(
        ("leaky ReLU in the discriminator", "Radford et al. 2016"),
        ("lower the learning rate, or start anew from before the step", "Maas et al. 2013"),
    ),
    title="units that never fire",
    what="ReLU units are 0 for every sample, and no gradient passes through them.",
    when=(
        "dead_units above {dead} and risen by {dead_rise} above its least while samples do not "
        "improve and few modes are missing; an error above {dead_error}, a whole layer, but where "
        "it never fired and samples were always one: that is mode-collapse."
    ),
)
