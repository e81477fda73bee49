"""How far a number can be trusted."""

import math
import re
from typing import Literal

CONFIDENCE = 0.95
Z = 1.959963984540054
"""The normal quantile that leaves 2.5 % on each side."""


def wilson(share: float, n: float) -> tuple[float, float]:
    """The interval of a share that varies as that of `n` independent draws would.

    It stays within [0, 1] and is not empty at 0 or 1, as the plain normal one is (Wilson 1927).
    """
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    # Rounding may leave the share itself a last digit outside.
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


def clopper_pearson(hits: int, n: int) -> tuple[float, float]:
    """The interval of a share, `hits` of `n` independent draws, that holds it at least so often.

    All shares under which neither so few hits nor so many are in the outer 2.5 % (Clopper & Pearson
    1934). Wilson's shorter one holds a share near 0 or 1 too rarely: of .9986, with a hundred
    draws, in 87 %.
    """
    from scipy.special import betaincinv  # here, for it takes a tenth of a second

    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(hits, n - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return low, high


def inverted(value: float, first: float, second: float) -> tuple[float, float]:
    """Of a distance that is 0 on average between equal distributions: all t that it may be of.

    They have ``(value - t)^2 <= Z^2 (second + slope t)``. The variance of first order vanishes with
    the distance, and is taken as proportional to it: ``slope = first / value``. So whether zero is
    held is decided by the second-order term alone, as it should be under equal distributions: what
    noise leaves of the first there would make the interval too long. Where the value is
    less than Z deviations of second order, these stand for it in the quotient.

    Args:
        value: an estimate without bias; it may be negative.
        first: its variance of first order, >= 0.
        second: its variance of second order, >= 0; positive where the value is not, unless the
            first is zero, too.
    """
    if first == second == 0:
        return value, value
    slope = first / max(value, Z * math.sqrt(second))
    centre = value + Z**2 * slope / 2
    half = Z * math.sqrt(second + slope * max(value, 0.0) + (Z * slope / 2) ** 2)
    # Rounding may leave the value itself a last digit outside.
    return min(centre - half, value), max(centre + half, value)


def redrawn(method: str) -> frozenset[Literal["real", "heldout", "generated"]]:
    """Which sets an interval takes as drawn anew, as its `Score.method` says it.

    They are what follows the first "over", up to a comma or semicolon: "jackknife over twentieths
    of the real and of the generated images", "Wilson over generated images, the real ones fixed".
    Samples are generated; both sets are the real and the generated; training images are real. Empty
    where it names none.
    """
    _, _, rest = method.partition("over ")
    phrase = re.split("[,;:]", rest)[0]
    words = {word.removesuffix("s") for word in re.findall("[a-z-]+", phrase.lower())}
    found: set[Literal["real", "heldout", "generated"]] = set()
    if words & {"real", "training", "both", "reference"}:
        found.add("real")
    if words & {"held-out", "heldout"}:
        found.add("heldout")
    if words & {"generated", "sample", "both"}:
        found.add("generated")
    return frozenset(found)
