"""A generator that is told nothing."""

from dataclasses import dataclass

from gandiag.monitors.context import VALID, Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.remedies import FEWER, GP, NOISE, NON_SATURATING, SMOOTH
from gandiag.monitors.pathologies.rule import (
    SAMPLED,
    SCORED,
    Pathology,
    Shared,
    Verdict,
    falling,
    near,
    outside,
    sure_of,
    unscored,
)


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    slope: float = 0.01
    """|dL_G / dscore| below which the loss is flat."""
    reach: float = 0.3
    """Slope at the samples times the data's size, in spreads of the scores, that buys nothing."""
    saturated_auc: float = 0.98
    """Above which the discriminator is sure."""
    still: float = 0.016
    """Motion of the panel in 100 steps below which the generator stands still."""
    saturated_norm: float = 0.01
    """Without a panel: the generator's gradient norm, beside that after warm-up."""
    unfired: float = 0.99
    """Share of a layer's units that never fire, that explains a gradient of exactly 0."""
    saturation_persist: int = 2
    """Checks in a row that it must hold."""


def _judge(h: History, context: Context, t: Limits) -> Verdict | None:
    """The discriminator is sure, its slope buys nothing, and the generator stands still."""
    evidence = ("auc_fresh", "auc_real_fake", "motion", "g_grad_norm", "adam_stall")
    # Of dead units, which stop every gradient, another pathology tells.
    if outside(h, t):
        return None
    dead = max(h.last("dead_units", 1), default=0.0)
    if h.now("g_grad_norm_max") == 0 and dead <= t.unfired:
        return Verdict(True, "g_grad_norm_max", 0.0, 0.0, "ERROR", evidence=evidence)
    n = t.saturation_persist
    auc = sure_of(h, n)
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
        stuck = falling(h, "energy", t) is False and not near(h, t, n)
        still = motion < t.still or stuck
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
        evidence=evidence,
    )


def _inactive(context: Context) -> str | None:
    """Without samples the slope of the loss must mean something."""
    if not context.samples and context.validity("loss slope") != VALID:
        known = f"the slope of the loss {context.loss} says nothing"
        return f"{known if context.loss else 'no loss was declared (loss=)'}; {SAMPLED}"
    return unscored(context)


SATURATED_GRADIENTS = Pathology(
    "saturated-gradients",
    _judge,
    reads=(
        "loss_slope",
        "reach",
        "auc_fresh",
        "auc_real_fake",
        "motion",
        "g_grad_norm",
        "g_grad_norm_max",
        "dead_units",
        "adam_stall",
        "energy",
        "panel_range",
    ),
    needs=(("loss_slope", "auc_fresh"), ("reach", "auc_fresh"), ("loss_slope", "auc_real_fake")),
    persist=lambda t: t.saturation_persist,
    inactive=_inactive,
    unseen=lambda context: None if context.samples else SCORED,
    causes=(
        "a gradient of exactly 0: the generator's loss is cut off from it (detach, no_grad)",
        "the minimax loss is flat where the discriminator is sure",
        "the discriminator was trained to the end on disjoint supports",
    ),
    remedies=(
        NON_SATURATING,
        NOISE,
        GP,
        FEWER,
        SMOOTH,
    ),
    title="a generator that is told nothing",
    what=(
        "The discriminator is sure, its slope at the samples buys nothing, and the generator "
        "stands still."
    ),
    when=(
        "loss_slope below {slope} or reach below {reach}, with an AUC above {saturated_auc} and "
        "samples that hardly move (motion below {still}) or, far from the data, come no nearer; or "
        "a generator's gradient of exactly 0."
    ),
)
