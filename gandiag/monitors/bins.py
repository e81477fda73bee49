"""Bins of the data: its modes where it falls apart into modes, else cells."""

import warnings

import numpy as np
import numpy.typing as npt
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from threadpoolctl import threadpool_limits
from torch import Tensor

GAP = 3.0


class Bins:
    """K-means cells of the reals, joined into modes if those stand clearly apart.

    Cells are joined by single linkage of their centres, up to the largest jump of the linkage
    heights, if that jump is at least threefold. Data without such a gap keeps its cells. Without
    joining, a generator that covers every mode but not its tails would seem to miss some.

    Args:
        features: (n, d) of reals.
        cells: how many cells at most.
        seed: of K-means.
    """

    def __init__(self, features: Tensor, cells: int, seed: int):
        # Here, where random states are put back: their import draws from Python's.
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        cells = max(1, min(cells, len(torch.unique(features, dim=0))))
        # One thread: for so few rows more of them only wait, long so on a busy machine.
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)
            fit = KMeans(cells, n_init=3, random_state=seed).fit(features.numpy())
        self.centres = torch.from_numpy(fit.cluster_centers_).float()
        self.mode = torch.from_numpy(_modes(self.centres.numpy()))
        self.count = int(self.mode.max()) + 1
        self.modes_found = self.count < cells
        self.masses = self.counts(self(features)) / len(features)

    def __call__(self, features: Tensor) -> Tensor:
        """The bin of each row: (n, d) -> (n,) int64."""
        return self.mode[torch.cdist(features, self.centres).argmin(1)]

    def counts(self, bins: Tensor) -> npt.NDArray[np.float64]:
        """How many rows each bin has: (n,) -> (count,)."""
        return np.bincount(bins.numpy(), minlength=self.count).astype(np.float64)


def _modes(centres: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The mode of each cell, from 0: (K, d) -> (K,) int64; each cell its own without a gap."""
    alone = np.arange(len(centres), dtype=np.int64)
    if len(centres) < 4:
        return alone
    tree = linkage(centres, "single")
    heights = np.maximum(tree[:, 2], 1e-12)
    ratios = heights[1:] / heights[:-1]
    # Two modes at least, of two cells on average at least.
    first = len(centres) // 2 - 1
    jump = first + int(ratios[first:].argmax())
    if ratios[jump] < GAP:
        return alone
    level = np.sqrt(heights[jump] * heights[jump + 1])
    modes: npt.NDArray[np.int64] = fcluster(tree, level, "distance").astype(np.int64) - 1
    return modes
