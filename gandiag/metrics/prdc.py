"""The metric of precision, recall, density and coverage, and how far the four can be trusted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gandiag.metrics.balls import Balls, Means
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import as_pair, banks
from gandiag.metrics.halves import HalvedBalls, halved_radii, halves_of
from gandiag.metrics.intervals import Z, wilson
from gandiag.metrics.jackknife import deleted_radii, groups_of
from gandiag.metrics.memberships import Neighbourhoods, memberships, neighbourhoods
from gandiag.metrics.neighbours import Radii, Tie, check_k, kth_nearest
from gandiag.metrics.paired import BOTH, HALVES
from gandiag.metrics.replicates import Replicates
from gandiag.statistics import Statistic

REACH = 6
"""Times k neighbours are looked for, and the radii in halves taken from: of 30, fewer than 5 are of
a row's own half once in thirty thousand."""
HUBS = 0.5
"""Half widths of density, in its own units, above which neither it nor coverage has an interval: of
200 rows of Student's t in 256 directions they held the mean in 88 % and in 73 %."""


@dataclass(frozen=True)
class PRDC(Metric):
    """Precision, recall, density and coverage.

    prdc 0.2: ``tie="<"``. torch-fidelity 0.4 (precision and recall) and ADM: ``k=3``; ADM takes
    its distances in float16, which moves its recall by about .002.
    """

    name: ClassVar[str] = "prdc"
    summary: ClassVar[str] = "Precision, recall, density, coverage: quality and variety apart"
    outputs: ClassVar[Mapping[str, Better]] = {
        "precision": "higher",
        "recall": "higher",
        "density": "higher",
        "coverage": "higher",
    }

    k: int = 5
    tie: Tie = "<="

    def __post_init__(self) -> None:
        check_k(self.k)

    def minimum(self, role: Role) -> int:
        """One more than k: a row is not its own neighbour."""
        return self.k + 1

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=``, ``generated=`` => the four."""
        found = _Found.of(self, statistics)
        counts = found.counts
        density = int(counts.hits.sum()) / (self.k * len(counts.hits))
        half = Z * found.density.variance() ** 0.5
        scores = {
            "precision": _share(counts.hits > 0, found.precision.variance(), IN_BALLS),
            "recall": _share(counts.recalled, found.recall.variance(), IN_BALLS),
            "density": Score(
                density,
                low=max(0.0, density - half),
                high=density + half,
                method=f"normal, with the deviation of {IN_BALLS}",
            ),
            "coverage": found.coverage(),
        }
        if half > HUBS * density:
            # Which of them a set has decides both, and one set does not tell how that varies.
            why = "no interval: few neighbourhoods hold most of the samples"
            for name in ("density", "coverage"):
                scores[name] = Score(scores[name].value, method=why)
        return scores

    def replicates(
        self, tell: Callable[[float], None] = lambda share: None, **statistics: Statistic
    ) -> Replicates:
        """From one pass over all pairs, which holds them all."""
        found = _Found.of(self, statistics)

        def by_role(means: Means, balls: Role, members: Role) -> dict[str, Tensor]:
            ours, theirs, both = (each.cpu() for each in means.replicates())
            return {balls: ours, members: theirs, BOTH: both}

        return {
            "precision": by_role(found.precision, "real", "generated"),
            "recall": by_role(found.recall, "generated", "real"),
            "density": by_role(found.density, "real", "generated"),
            "coverage": {HALVES: found.differences().cpu()},
        }

    def each(self, **statistics: Statistic) -> dict[str, Tensor]:
        """``in_real_ball``, 0 or 1, whose mean is precision; ``density``, whose mean is density."""
        real, generated = banks(self, statistics)
        hits = neighbourhoods(real=real, generated=generated, k=self.k, tie=self.tie).hits
        return {"in_real_ball": (hits > 0).double(), "density": hits.double() / self.k}


IN_BALLS = "the rows in balls and a jackknife of the balls, over the real and the generated images"
IN_HALVES = "random halves, over the real and the generated images"


@dataclass(frozen=True)
class _Found:
    """All that one pass over the pairs shows."""

    counts: Neighbourhoods
    precision: Means
    recall: Means
    density: Means
    halves: HalvedBalls | None
    """None where half of the rows are too few to have a k-th neighbour."""

    @classmethod
    def of(cls, metric: PRDC, statistics: Mapping[str, Statistic]) -> "_Found":
        k = metric.k
        real, generated = banks(metric, statistics)
        x, y = as_pair(real, generated, least=k + 1)
        own, others = (kth_nearest(each, k, REACH * k) for each in (x, y))
        ours, theirs = _balls(own, others, k), _balls(others, own, k)
        in_halves = _halves(own, len(y), k) if len(x) // 2 > k else None
        reaches = [
            torch.maximum(each.radii, balls.deleted.amax(dim=1))
            for each, balls in ((own, ours), (others, theirs))
        ]
        if in_halves is not None:
            reaches[0] = torch.maximum(reaches[0], in_halves.radii.amax(dim=1))
        counts = Neighbourhoods.none(x, y)
        radii = own.radii, others.radii
        for tile in memberships(x, y, radii, metric.tie, (reaches[0], reaches[1])):
            counts.add(tile)
            ours.add(tile.real, tile.generated, tile.in_real)
            theirs.add(tile.generated, tile.real, tile.in_generated)
            if in_halves is not None:
                in_halves.add(tile.real, tile.generated, tile.in_real)
        return cls(counts, ours.inside(), theirs.inside(), ours.density(k), in_halves)

    def coverage(self) -> Score:
        """With its interval, where there are halves."""
        covered = self.counts.covered
        if self.halves is None:
            why = "no interval: half of so few images have no k-th neighbour"
            return Score(float(covered.double().mean()), method=why)
        return _share(covered, float(self.differences().square().mean()), IN_HALVES)

    def differences(self) -> Tensor:
        """(splits,) or nothing: half the differences between halves, see there."""
        if self.halves is None:
            return torch.zeros(0, dtype=torch.float64)
        return self.halves.differences(float(self.counts.covered.double().mean()))


def _halves(nearest: Radii, members: int, k: int) -> HalvedBalls:
    device = nearest.radii.device
    halves, others = (
        halves_of(n, seed).to(device) for seed, n in enumerate((len(nearest.radii), members))
    )
    return HalvedBalls(halved_radii(nearest.candidates, nearest.places, halves, k), halves, others)


def _balls(nearest: Radii, members: Radii, k: int) -> Balls:
    device = nearest.radii.device
    groups, others = (groups_of(len(each.radii)).to(device) for each in (nearest, members))
    deleted = deleted_radii(nearest.candidates, nearest.places, groups, k)
    return Balls(deleted, groups, others)


def _share(inside: Tensor, variance: float, how: str) -> Score:
    """The score interval of as many independent draws as would vary as much."""
    n, share = len(inside), int(inside.sum()) / len(inside)
    spread = share * (1 - share)
    # A share of 0 or 1 does not vary, but is not known to be that: then as many as there are.
    low, high = wilson(share, spread / variance if spread and variance else n)
    return Score(share, low, high, method=f"Wilson, with the deviation of {how}")
