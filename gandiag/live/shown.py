"""Which signals of a run are shown."""

from collections.abc import Sequence

from gandiag.errors import unknown
from gandiag.monitors import SIGNALS

SHOWN = (
    *("energy", "tv_to_real", "missing_mass", "diversity", "spread", "churn", "forgetting"),
    *("auc_real_fake", "auc_train_heldout", "loss_slope", "reach", "lipschitz_median"),
    *("dead_units", "d_loss", "g_loss", "d_grad_norm", "g_grad_norm"),
)
"""Of all: samples first, then the discriminator, then the usual curves."""

ALL = "all"


def chosen(signals: Sequence[str] | None) -> Sequence[str]:
    """`SHOWN` for None, every signal for ``all``, else those.

    Raises:
        GandiagError: there is no such signal.
    """
    if signals is None:
        return SHOWN
    if ALL in signals:
        return tuple(SIGNALS)
    for name in signals:
        if name not in SIGNALS:
            raise unknown("signal", name, SIGNALS)
    return signals
