"""Whether one score is better than another on the same real images, and with what certainty."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

POWER = 0.8
"""Of the number of images that is called enough."""
BOTH = "both"
"""Beside the roles: (groups of the real, groups of the generated) values without one of each."""
HALVES = "halves"
"""Instead of roles: (splits,) half the difference between the values of two halves of all sets;
none where halves are too small."""


class Contrast(NamedTuple):
    """A difference, and how far it can be trusted."""

    value: float
    deviation: float
    """Its standard deviation over draws of all sets; 0 where no replicate moves it."""
    freedom: float
    """Degrees of freedom of the deviation."""

    def chance(self) -> float:
        """That so large a difference comes of equal scores: p of a two-sided t test."""
        if not self.deviation:
            return 1.0
        from scipy.special import stdtr  # here, for it takes a tenth of a second

        return float(2 * stdtr(self.freedom, -abs(self.value) / self.deviation))

    def half(self, level: float) -> float:
        """Half the width of the interval that is wrong with chance `level`."""
        from scipy.special import stdtrit

        return float(stdtrit(self.freedom, 1 - level / 2)) * self.deviation

    def enough(self, n: int, level: float) -> float:
        """So many images of each set would tell this difference in four of five times.

        The deviation falls as 1 / sqrt(n), and the difference is taken to be what it seems to be.
        """
        if not self.value:
            return math.inf
        from scipy.special import ndtri

        reach = float(ndtri(1 - level / 2) + ndtri(POWER))
        return n * (reach * self.deviation / self.value) ** 2


def contrast(
    first: float,
    second: float,
    replicates: tuple[Mapping[str, Tensor], Mapping[str, Tensor]],
) -> Contrast:
    """The first score less the second.

    Both were computed against the same real rows. A jackknife that leaves out a twentieth of each
    set in turn: what both have of the real rows is left out of both at once, so that its part in
    the difference is that of a pair, and the generated sets, which are drawn apart, add up.

    Args:
        first: of one generated set.
        second: of the other.
        replicates: of either, role -> (groups,) values without each group, see
            `gandiag.metrics.replicates`; and where a metric has them, `BOTH`; or `HALVES` alone.
    """
    one, other = replicates
    if HALVES in one:
        halves = one[HALVES] - other[HALVES]
        variance, freedom = float(halves.square().sum()) / max(1, len(halves)), float(len(halves))
    else:
        shared = [role for role in one if role not in ("generated", BOTH)]
        own = [_variance(each["generated"]) for each in replicates]
        paired = [_variance(one[role] - other[role]) for role in shared]
        twice = sum(_interaction(each[BOTH]) for each in replicates if BOTH in each)
        variance = _once(sum(own), sum(paired), twice)
        sizes = [len(each["generated"]) for each in replicates] + [len(one[r]) for r in shared]
        noise = sum(v**2 / (n - 1) for v, n in zip(own + paired, sizes, strict=True))
        freedom = variance**2 / noise if noise else 1.0  # Satterthwaite 1946
    if not math.isfinite(variance) or variance <= 0:
        return Contrast(first - second, 0.0, 1.0)
    return Contrast(first - second, math.sqrt(variance), freedom)


def spread(replicates: Mapping[str, Tensor]) -> float:
    """The standard deviation of one score over draws of all its sets."""
    if HALVES in replicates:
        return math.sqrt(float(replicates[HALVES].square().sum()) / max(1, len(replicates[HALVES])))
    own = _variance(replicates["generated"])
    others = [_variance(x) for role, x in replicates.items() if role not in ("generated", BOTH)]
    twice = _interaction(replicates[BOTH]) if BOTH in replicates else 0.0
    return math.sqrt(_once(own, sum(others), twice))


def _once(own: float, others: float, twice: float) -> float:
    """The sum of two parts less what both have; chance makes it no less than the smaller one."""
    return max(own + others - twice, min(own, others))


def _variance(values: Tensor) -> float:
    count = len(values)
    return (count - 1) / count * float((values - values.mean()).square().sum())


def _interaction(values: Tensor) -> float:
    """(groups, groups) values without a group of either set => the variance that both sides have.

    Efron & Stein 1981: of a function of two sets, the jackknife of either has its own part and
    that of both together, which their sum has twice.
    """
    rows, columns = values.shape
    own = values - values.mean(dim=0) - values.mean(dim=1, keepdim=True) + values.mean()
    scale = (rows - 1) / rows * (columns - 1) / columns
    return scale * float(own.square().sum())


def levels(chances: Sequence[float], alpha: float = 0.05) -> list[float]:
    """The level that each of several tests is held to, so that all together err with `alpha`.

    Holm 1979: the smallest p is held to alpha / m, the next to alpha / (m - 1), and so on to the
    first that fails, whose level holds for all that are left. A test is decided where its p is at
    most its level; its interval at that level leaves out zero exactly then.

    Args:
        chances: p of each test.
        alpha: of any wrong decision at all.
    """
    order = sorted(range(len(chances)), key=lambda i: chances[i])
    found = [alpha] * len(chances)
    level = 0.0
    failed = False
    for rank, i in enumerate(order):
        if not failed:
            level = alpha / (len(chances) - rank)
            failed = chances[i] > level
        found[i] = level
    return found
