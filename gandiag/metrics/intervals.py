"""How far a number can be trusted."""

import math
import re
from typing import Literal

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
