"""How far a number can be trusted."""

import math

CONFIDENCE = 0.95
Z = 1.959963984540054
"""The normal quantile that leaves 2.5 % on each side."""


def wilson(share: float, n: float) -> tuple[float, float]:
    """The interval of a share observed among `n` independent draws, or what is worth as many.

    It stays within [0, 1] and is not empty at 0 or 1, as the plain normal one is (Wilson 1927).
    """
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    # Rounding may leave the share itself a last digit outside.
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))
