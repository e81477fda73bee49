"""Values that are not finite, or grow without bound."""

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.remedies import GP, SN
from gandiag.monitors.pathologies.rule import Pathology, Shared, Verdict, outside, warm_up

EVIDENCE = ("nonfinite_step", "g_grad_norm_max", "d_grad_norm_max", "score_max", "panel_range")
BEFORE = 8


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    spike_z: float = 6.0
    """Gradient norms: robust z of their logarithm that stands out ..."""
    spike_factor: float = 10.0
    """... and so many times the median of the checks before."""
    spike_persist: int = 2
    """Checks in a row that must stand out."""
    growth_factor: float = 2.0
    """Growth of the largest score from check to check ..."""
    growth_checks: int = 3
    """... so many times in a row, far above where it was."""
    beyond: float = 100.0
    """A value so many times its limit needs no second check."""
    skipped_share: float = 0.5
    """Steps that were left out, as a GradScaler does, beside those between two checks."""


def _judge(h: History, context: Context, t: Limits) -> Verdict | None:
    """NaN or infinity at once; else a spike of gradients, growth of scores, samples far outside."""
    bad = h.now("nonfinite")
    if bad:
        return Verdict(True, "nonfinite", bad, 0.0, "ERROR", evidence=EVIDENCE, at_once=True)
    if h.step < warm_up(context, t):
        return None
    widest = h.now("panel_range")
    if widest is not None and widest > t.panel_range:
        at_once = widest > t.beyond * t.panel_range
        return Verdict(
            True, "panel_range", widest, t.panel_range, "ERROR",
            evidence=EVIDENCE, at_once=at_once,
        )  # fmt: skip
    distance = h.now("energy")
    if distance is not None and outside(h, t):
        return Verdict(True, "energy", distance, t.thrown, "ERROR", evidence=EVIDENCE, at_once=True)
    for name in ("g_grad_norm_max", "d_grad_norm_max"):
        found = _spike(h, name, t)
        if found:
            return found
    scores = h.last("score_max", BEFORE + t.growth_checks)
    if len(scores) == BEFORE + t.growth_checks:
        before = median(scores[:BEFORE])
        newest = scores[-t.growth_checks - 1 :]
        grows = all(b > t.growth_factor * a for a, b in pairwise(newest))
        limit = t.spike_factor * before
        if grows and scores[-1] > limit:
            return Verdict(True, "score_max", scores[-1], limit, evidence=EVIDENCE, at_once=True)
    skipped, most = h.now("skipped_steps"), t.skipped_share * context.every
    if skipped is not None and skipped > most:
        return Verdict(True, "skipped_steps", skipped, most, evidence=EVIDENCE)
    norm = h.now("g_grad_norm_max")
    if norm is None:
        return None
    return Verdict(False, "g_grad_norm_max", norm, math.inf)


def _spike(h: History, name: str, t: Limits) -> Verdict | None:
    """The last checks stand out of those before them, in the logarithm; or the last one by far."""
    n = t.spike_persist
    values = h.last(name, 3 * BEFORE + n)
    before, newest = values[:-n], values[-n:]
    if len(before) < BEFORE or min(values) <= 0:
        return None
    logs = [math.log10(value) for value in before]
    middle = median(logs)
    # A floor of a hundredth of a decade: a norm that never changed would make any change a spike.
    sd = max(0.01, 1.4826 * median(abs(log - middle) for log in logs))
    limit = 10**middle * max(t.spike_factor, 10 ** (t.spike_z * sd))
    if min(newest) <= limit and newest[-1] <= t.beyond * limit:
        return None
    return Verdict(True, name, newest[-1], limit, evidence=EVIDENCE, at_once=True)


DIVERGENCE = Pathology(
    "divergence",
    _judge,
    reads=(
        "nonfinite",
        "nonfinite_step",
        "g_grad_norm_max",
        "d_grad_norm_max",
        "score_max",
        "panel_range",
        "energy",
        "skipped_steps",
    ),
    needs=(("nonfinite",),),
    persist=lambda t: t.spike_persist,
    warm=False,
    causes=(
        "the learning rate is too high",
        "a critic without a Lipschitz constraint",
        "half precision overflows",
        "a broken batch",
    ),
    remedies=(
        ("go back to the checkpoint before and lower the learning rates", "Brock et al. 2019"),
        GP,
        SN,
        ("clip gradients by their norm", "Pascanu et al. 2013"),
    ),
    title="numbers that grow without bound",
    what="Losses, gradients or scores are NaN or infinite, or on their way there.",
    when=(
        "any NaN or infinity, at once; gradient norms of {spike_factor} times the median before "
        "and more; scores that grow {growth_factor} times from check to check; panel_range "
        "above {panel_range}, or energy above {thrown} after it was below half of that."
    ),
)
