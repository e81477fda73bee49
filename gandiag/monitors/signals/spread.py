"""How wide the panel is beside the data, and how far from it. Feature arrays are (n, d)."""

import torch
from torch import Tensor


def pairwise(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances: (n, d), (m, d) -> (n, m)."""
    # By matrix products it is faster and loses small distances, which matter in few dimensions.
    exact = a.shape[1] <= 8
    mode = "donot_use_mm_for_euclid_dist" if exact else "use_mm_for_euclid_dist"
    return torch.cdist(a, b, compute_mode=mode)


def mean_within(distances: Tensor) -> Tensor:
    """Mean distance of two different rows, from all distances within a set (n, n)."""
    n = len(distances)
    return distances.sum() / (n * (n - 1))


def nearest(distances: Tensor) -> Tensor:
    """Each row's distance to its nearest other row, from all distances in a set: (n, n) -> (n,)."""
    return distances.clone().fill_diagonal_(torch.inf).amin(1)


def energy(between: Tensor, within_x: Tensor, within_y: Tensor) -> Tensor:
    """(2 E|X - Y| - E|X - X'| - E|Y - Y'|) / 2 E|X - Y|, Szekely and Rizzo's coefficient.

    0 if the distributions are equal, 1 for two different points. The means within a set leave out
    a row's distance to itself, so that the estimate can be slightly negative.
    """
    cross = 2 * between.mean()
    return (cross - mean_within(within_x) - mean_within(within_y)) / cross.clamp(min=1e-30)


def coverage(between: Tensor, radii: Tensor) -> Tensor:
    """Share of reals with a panel sample in their ball (Naeem et al. 2020).

    Args:
        between: (reals, panel) distances.
        radii: (reals,), each real's distance to its k-th nearest other real.
    """
    return (between.amin(1) <= radii).double().mean()


def energy_within(between: Tensor, within_x: Tensor, within_y: Tensor, weights: Tensor) -> Tensor:
    """`energy` with a weight on each row of x.

    With weights that give the bins of x the shares that y has, it is the distance that is left when
    both have the same modes: what the samples look like, not which of them there are.

    Args:
        between: (n, m) distances.
        within_x: (n, n).
        within_y: (m, m).
        weights: (n,), not negative, of sum 1.
    """
    cross = 2 * (weights @ between.mean(1))
    pairs = weights[:, None] * weights
    pairs = pairs - pairs.diag().diag()
    inside = (pairs * within_x).sum() / pairs.sum().clamp(min=1e-30)
    return (cross - inside - mean_within(within_y)) / cross.clamp(min=1e-30)


def effective_rank(features: Tensor) -> Tensor:
    """exp of the entropy of the covariance's normalised eigenvalues (Roy and Vetterli 2007).

    Not a number if the features are not finite, of which eigenvalues are an error.
    """
    centred = (features - features.mean(0)).double()
    if not bool(centred.isfinite().all()):
        return torch.full((), torch.nan)
    values = torch.linalg.eigvalsh(centred.T @ centred).clamp(min=0)
    shares = values / values.sum().clamp(min=1e-30)
    rank: Tensor = torch.special.entr(shares).sum().exp()
    return rank


def bin_spreads(features: Tensor, bins: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Root of the trace of each bin's covariance (count,), and how many rows it has (count,).

    Bins without rows have spread 0.
    """
    rows = torch.zeros(count, dtype=features.dtype).index_add(
        0, bins, torch.ones(len(bins)).to(features)
    )
    means = torch.zeros(count, features.shape[1], dtype=features.dtype).index_add(0, bins, features)
    means = means / rows.clamp(min=1)[:, None]
    squares = (features - means[bins]).square().sum(1)
    sums = torch.zeros(count, dtype=features.dtype).index_add(0, bins, squares)
    return (sums / (rows - 1).clamp(min=1)).sqrt(), rows
