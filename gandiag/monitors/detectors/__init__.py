"""Detectors: rows of signals in, alerts out. None of them needs torch."""

from collections.abc import Collection, Mapping

from gandiag.monitors.context import Context
from gandiag.monitors.detectors.base import Detector, Persistent, Rule
from gandiag.monitors.detectors.discriminator import (
    LIPSCHITZ,
    OVERFITTING,
    OVERPOWERING,
    SATURATION,
    UNITS,
)
from gandiag.monitors.detectors.divergence import DIVERGENCE
from gandiag.monitors.detectors.samples import COLLAPSE, INTRA, LABELS, OSCILLATION, PLATEAU
from gandiag.monitors.thresholds import Thresholds

__all__ = ["RULES", "Detector", "make"]

RULES: tuple[Rule, ...] = (
    OSCILLATION,
    COLLAPSE,
    INTRA,
    SATURATION,
    OVERPOWERING,
    OVERFITTING,
    DIVERGENCE,
    LIPSCHITZ,
    UNITS,
    LABELS,
    PLATEAU,
)


def make(context: Context, thresholds: Thresholds | None = None) -> tuple[Detector, ...]:
    """Fresh detectors of all pathologies that a run can show.

    Args:
        context: of the run; `Context.inactive` says what is left out and why.
        thresholds: other than the published ones.
    """
    left_out = context.inactive()
    chosen = thresholds or Thresholds()
    return tuple(
        Persistent(rule, context, chosen) for rule in RULES if rule.pathology not in left_out
    )


def unseen(pathology: str, seen: Collection[str], context: Context) -> str | None:
    """Why a pathology could not be judged, if none of its own signals was ever there."""
    needs = NEEDS[pathology]
    if pathology == "lipschitz-violation":
        needs = CONSTRAINED.get(context.lipschitz or "", needs)
    if any(set(group) <= set(seen) for group in needs):
        return None
    if pathology == "lipschitz-violation" and context.lipschitz == "r1":
        return "needs the penalty (monitor.step(penalty=))"
    if not context.samples and pathology in WITHOUT_SAMPLES:
        return WITHOUT_SAMPLES[pathology]
    if pathology == "dead-units":
        return "no ReLU was seen (leaky ones do not die)"
    return "no check had " + ", or ".join(" and ".join(group) for group in needs)


NEEDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "oscillation": (("churn", "tv_to_real"),),
    "mode-collapse": (("missing_mass", "diversity"),),
    "intra-mode-collapse": (("spread",), ("nn_ratio",), ("class_spread",)),
    "saturated-gradients": (
        ("loss_slope", "auc_fresh"),
        ("reach", "auc_fresh"),
        ("loss_slope", "auc_real_fake"),
    ),
    "discriminator-overpowering": (("auc_fresh",), ("auc_real_fake",)),
    "discriminator-overfitting": (("auc_train_heldout",),),
    "divergence": (("nonfinite",),),
    "lipschitz-violation": (("lipschitz_median",),),
    "dead-units": (("dead_units",),),
    "label-ignored": (("label_agreement",),),
    "plateau": (("energy",),),
}
"""Pathology -> groups of signals; one whole group is enough to judge it."""

CONSTRAINED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "gp": (("lipschitz_median",), ("dead_penalty",)),
    "sn": (("sigma_max",),),
    "clip": (("clip_share",),),
    "r1": (("dead_penalty",),),
}
"""The same of the Lipschitz constraint, which each way of holding it shows otherwise."""

WITHOUT_SAMPLES: Mapping[str, str] = {
    "saturated-gradients": "needs scores (monitor.step(d_real=, d_fake=)), or a sampler",
    "discriminator-overpowering": "needs scores (monitor.step(d_real=, d_fake=)), or a sampler",
    "lipschitz-violation": "needs a sampler and real samples",
    "dead-units": "needs a sampler and real samples",
}
"""What to give, by pathology, where there are no samples."""
