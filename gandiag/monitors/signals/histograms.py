"""How the panel's histogram over bins of the data compares with the data's and with its own."""

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

Histogram = npt.NDArray[np.float64]

FEW = 0.1
"""Share of a mode's mass below which it is lost."""
EXPECTED = 20
"""Samples that a mode must have in the data's own proportions, for it to be judged."""


def total_variation(p: Histogram, q: Histogram) -> float:
    """sum |p - q| / 2 of two distributions over the same bins, 0 to 1."""
    return float(np.abs(p - q).sum() / 2)


def missing_mass(counts: Histogram, masses: Histogram, share: float = 0.05) -> float:
    """Share of the data in bins where the panel has significantly few samples.

    A bin of mass p is missing if P(Binomial(n, p) <= count) < share / K, so that a panel drawn
    from the data has a missing bin with probability of at most `share`.

    Args:
        counts: (K,) of n panel samples.
        masses: (K,) of the data; they sum to 1.
    """
    tails = binom.cdf(counts, counts.sum(), masses)
    return float(masses[tails < share / len(masses)].sum())


def lost_modes(histogram: Histogram, masses: Histogram, n: int) -> float:
    """Share of the data in modes of which the panel has less than a tenth of their mass.

    Not a matter of chance, as `missing_mass`: a mode that is only too small is not lost. Modes of
    which n samples of the data would hold fewer than `EXPECTED` are left out.

    Args:
        histogram: (K,) of the panel; it sums to 1.
        masses: (K,) of the data.
        n: samples in the panel.
    """
    judged = masses * n >= EXPECTED
    return float(masses[judged & (histogram < FEW * masses)].sum())
