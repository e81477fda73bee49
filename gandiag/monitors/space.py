"""The data in one space of features, and a panel of samples beside it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gandiag.monitors.bins import Bins
from gandiag.monitors.features import Features
from gandiag.monitors.signals import histograms, spread

SOME = 512
"""Reals whose distances are taken."""
NEIGHBOUR = 5
FULL = 8
"""Samples that a bin needs for its spread to be looked at."""

Found = dict[str, Tensor | float | None]


@dataclass(frozen=True)
class Space:
    """Reals as features, and all of them that does not change.

    Attributes:
        project: rows to features.
        features: (n, d) of at most 512 reals.
        radii: (n,) distance of each to its fifth neighbour.
        within: (n, n) their distances.
        nearest: median distance to the nearest other, among as many as a panel has.
        bins: of the data.
        spreads: (bins,) spread of the reals in each bin.
        total_spread: root of the trace of the covariance.
        rank: effective rank of the covariance.
    """

    project: Features
    features: Tensor
    radii: Tensor
    within: Tensor
    nearest: Tensor
    bins: Bins
    spreads: Tensor
    total_spread: float
    rank: Tensor

    @classmethod
    def of(cls, flat: Tensor, panel: int, seed: int, *, alike: bool) -> "Space":
        """Of reals.

        Args:
            flat: (n, d), in any order.
            panel: how many samples a panel has.
            seed: of the bins, the components, and the reals whose distances are taken.
            alike: whether the entries share a unit.
        """
        project = Features(flat, seed, alike=alike)
        features = project(flat)
        bins = Bins(features, cells(panel), seed)
        spreads, _ = spread.bin_spreads(features, bins(features), bins.count)
        rng = torch.Generator().manual_seed(seed)
        some = features[torch.randperm(len(features), generator=rng)[:SOME]]
        within = spread.pairwise(some, some)
        return cls(
            project=project,
            features=some,
            radii=within.kthvalue(min(NEIGHBOUR + 1, len(some)), dim=1).values,
            within=within,
            nearest=spread.nearest(within[:panel, :panel]).median(),
            bins=bins,
            spreads=spreads,
            total_spread=float(features.var(0).sum().sqrt()),
            rank=spread.effective_rank(features),
        )

    def beside(self, features: Tensor) -> Found:
        """A panel's features (n, d) beside the data's; the names are those of the pixels."""
        bins = self.bins(features)
        counts = self.bins.counts(bins)
        some = features[: len(self.features)]
        within = spread.pairwise(some, some)
        across = spread.pairwise(self.features, some)
        spreads, rows = spread.bin_spreads(features, bins, self.bins.count)
        full = (rows >= FULL) & (self.spreads > 0)
        return {
            "tv_to_real": histograms.total_variation(counts / counts.sum(), self.bins.masses),
            "missing_mass": histograms.missing_mass(counts, self.bins.masses),
            "diversity": spread.mean_within(within) / spread.mean_within(self.within),
            "spread": (spreads[full] / self.spreads[full]).median() if bool(full.any()) else None,
            "effective_rank": spread.effective_rank(features) / self.rank,
            "coverage_knn": spread.coverage(across, self.radii),
            # Data of a few points has no distance between neighbours to compare with.
            "nn_ratio": spread.nearest(within).median() / self.nearest
            if bool(self.nearest > 0)
            else None,
            "energy": spread.energy(across, within, self.within),
        }

    def unlike(self, features: Tensor) -> Tensor:
        """What is left of `energy` where reals count as often as the panel has their bin."""
        some = features[: len(self.features)]
        weights = _weights(self.bins(self.features), self.bins(some), self.bins.count)
        across = spread.pairwise(self.features, some)
        within = spread.pairwise(some, some)
        return spread.energy_within(across, self.within, within, weights)


def _weights(of: Tensor, panel: Tensor, count: int) -> Tensor:
    """Of reals, so that their bins have the panel's shares: bins of both -> (reals,), sum 1."""
    reals, fakes = (torch.bincount(each, minlength=count).float() for each in (of, panel))
    weights = (fakes / reals.clamp(min=1))[of]
    total = weights.sum()
    return weights / total if bool(total > 0) else torch.full_like(weights, 1 / len(weights))


def cells(panel: int) -> int:
    """How many bins at most: a bin holds 20 samples of a panel on average, but 25 bins hold 10."""
    return max(25, panel // 20)
