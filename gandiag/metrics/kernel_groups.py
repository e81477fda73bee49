"""The kernel distance without each twentieth of either set, from one pass over all pairs."""

from collections.abc import Callable

import torch
from torch import Tensor

from gandiag.metrics.checks import Rows, as_pair
from gandiag.metrics.jackknife import groups_of
from gandiag.metrics.small_tiles import small_tiles

BY_CHANCE = "its subsets are drawn by chance, which leaving images out does not show"
"""Why a kernel distance of subsets is not judged."""

Kernel = Callable[[Tensor, Tensor], Tensor]
"""(n, width), (m, width) => (n, m) float64."""


def kernel_distance_without_groups(
    real: Rows, generated: Rows, kernel: Kernel
) -> dict[str, Tensor]:
    """The unbiased squared MMD (Bińkowski et al. 2018, eq. 4) without each group of `groups_of`.

    Sums of the kernel over pairs of groups are all that it takes.

    Args:
        real: (n, width), n >= 4.
        generated: (m, width), m >= 4.
        kernel: of two sets of rows.

    Returns:
        ``real`` and ``generated`` => (groups,) float64, on the CPU.
    """
    x, y = as_pair(real, generated, least=4)
    mine, theirs = groups_of(len(x)).to(x.device), groups_of(len(y)).to(x.device)
    xx, yy = _sums(x, mine, x, mine, kernel), _sums(y, theirs, y, theirs, kernel)
    xy = _sums(x, mine, y, theirs, kernel)
    n, m = torch.bincount(mine.cpu()).double(), torch.bincount(theirs.cpu()).double()
    inside_x, inside_y = _mean_without(xx, n), _mean_without(yy, m)
    all_x = xx.sum() / (len(x) * (len(x) - 1))
    all_y = yy.sum() / (len(y) * (len(y) - 1))
    across_x = (xy.sum() - xy.sum(dim=1)) / ((len(x) - n) * len(y))
    across_y = (xy.sum() - xy.sum(dim=0)) / ((len(y) - m) * len(x))
    return {
        "real": inside_x + all_y - 2 * across_x,
        "generated": all_x + inside_y - 2 * across_y,
    }


def _sums(x: Tensor, mine: Tensor, y: Tensor, theirs: Tensor, kernel: Kernel) -> Tensor:
    """(groups, groups) float64 on the CPU; where both are one set, without the diagonal."""
    one = torch.nn.functional.one_hot(mine).double()
    other = torch.nn.functional.one_hot(theirs).double()
    found = one.new_zeros((one.shape[1], other.shape[1]))
    for i in small_tiles(len(x)):
        rows = x[i].double()
        for j in small_tiles(len(y)):
            if x is y and j.start < i.start:
                continue  # the kernel is symmetric
            k = kernel(rows, y[j])
            if x is y and i == j:
                k.fill_diagonal_(0)
            sums = one[i].T @ k @ other[j]
            found += sums + sums.T if x is y and i != j else sums
    return found.cpu()


def _mean_without(sums: Tensor, sizes: Tensor) -> Tensor:
    """The mean over pairs of other rows, without each group."""
    left = sizes.sum() - sizes
    rest = sums.sum() - sums.sum(dim=0) - sums.sum(dim=1) + sums.diagonal()
    return rest / (left * (left - 1))
