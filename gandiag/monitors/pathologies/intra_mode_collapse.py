"""Samples of a mode, or a class, that are all alike."""

from dataclasses import dataclass

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.remedies import PACK
from gandiag.monitors.pathologies.rule import (
    Pathology,
    Shared,
    Verdict,
    rising,
    under_way,
    unsampled,
)


@dataclass(frozen=True)
class Limits(Shared):
    """Of this pathology alone."""

    spread: float = 0.5
    """Of the panel within a bin over the reals', below which samples are alike."""
    spread_error: float = 0.25
    """The same, of an error."""
    nearest: float = 0.3
    """Of nn_ratio; of the same severity as `spread`."""
    class_spread: float = 0.35
    """The same as `spread` of the class that has least."""
    intra_looks: int = 3
    """Looks at the panel of which most, the newest among them, must show it ..."""
    intra_persist: int = 2
    """... and checks in a row in which they must."""


def _judge(h: History, context: Context, t: Limits) -> Verdict | None:
    """Samples within a mode (or a class) are alike."""
    choices = [("spread", t.spread, t.spread_error)]
    # Where few modes are left samples stand close there because they are many.
    if (h.median("missing_mass", t.intra_looks) or 0.0) > t.missing_error:
        choices = [("spread", t.spread_error, t.spread_error)]
    else:
        choices += [
            ("nn_ratio", t.nearest, t.nearest / 2),
            ("class_spread", t.class_spread, t.class_spread / 2),
        ]
    worst: Verdict | None = None
    for name, threshold, error in choices:
        value = h.median(name, t.intra_looks)
        if value is None:
            continue
        wider = rising(h, name, t, t.improvement * threshold)
        never = h.highest.get(name, (0.0, 0))[0] <= threshold
        if never:
            wider = under_way(h, context, t, t.settle_share, wider)
        verdict = Verdict(
            firing=max(value, *h.last(name, 1)) < threshold and not wider,
            signal=name,
            value=value,
            threshold=threshold,
            level="ERROR" if value < error else "WARN",
            clear=value > threshold / t.clear_ratio,
            evidence=("spread", "nn_ratio", "effective_rank", "z_sensitivity", "class_spread"),
            lasting=t.lasting if never and not context.budget else 0.0,
        )
        if worst is None or (verdict.firing, threshold / max(value, 1e-9)) > (
            worst.firing,
            worst.threshold / max(worst.value, 1e-9),
        ):
            worst = verdict
    return worst


INTRA_MODE_COLLAPSE = Pathology(
    "intra-mode-collapse",
    _judge,
    reads=(
        *("spread", "nn_ratio", "effective_rank", "z_sensitivity", "class_spread"),
        "missing_mass",
    ),
    needs=(("spread",), ("nn_ratio",), ("class_spread",)),
    persist=lambda t: t.intra_persist,
    inactive=unsampled,
    causes=(
        "the latent is too small, discrete, or ignored",
        "a reconstruction term outweighs the adversarial one",
    ),
    remedies=(
        ("a continuous latent of more dimensions", "Wu et al. 2021"),
        ("reward distance between samples of different latents", "Mao et al. 2019 (MSGAN)"),
        PACK,
    ),
    title="samples of a mode that are all alike",
    what="Every mode or class has samples, but within it they are nearly the same image.",
    when=(
        "spread below {spread}, nn_ratio below {nearest} or class_spread below {class_spread}; "
        "beside a missing_mass above {missing_error}, spread below {spread_error} alone. Not while "
        "samples are still widening."
    ),
)
