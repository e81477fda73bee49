"""Whether generated samples are of the class that was asked for. Feature arrays are (n, d)."""

from torch import Tensor

from gandiag.monitors.signals.spread import pairwise


def nearest_mean(features: Tensor, means: Tensor) -> Tensor:
    """The class whose mean (classes, d) is nearest: (n, d) -> (n,)."""
    return pairwise(features, means).argmin(1)


def agreement(hits: float, hits_of_reals: float, classes: int) -> float | None:
    """(hits - chance) / (hits of reals - chance), chance being 1 / classes.

    About 0 if labels are ignored, 1 if samples are as near to their class as reals are. None where
    reals are hardly nearer to their own class than chance.
    """
    chance = 1 / classes
    if hits_of_reals - chance < 0.1:
        return None
    return (hits - chance) / (hits_of_reals - chance)
