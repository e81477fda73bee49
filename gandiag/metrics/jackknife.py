"""Twentieths of a set, left out in turn, and the deviation that this shows."""

import math

import torch
from torch import Tensor

GROUPS = 20
"""Twentieths of each set are left out in turn: few enough for one pass, and 19 degrees of
freedom."""

JACKKNIFE = "a jackknife over twentieths of the real and of the generated images"


def groups_of(n: int) -> Tensor:
    """(n,) int64: a group for each row, as even as can be, and none for the order of the rows.

    By chance, from a generator of its own: in rows that come class by class, consecutive groups
    would leave out whole classes, and every twentieth row would leave out none.
    """
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    return order % min(GROUPS, n)


def deleted_radii(nearest: Tensor, index: Tensor, groups: Tensor, k: int) -> Tensor:
    """(n, groups) float64: each ball's radius were a group's rows not there.

    A row that is itself left out has no ball, and -1. Where the candidates do not reach far enough,
    as when nearly all of them are of one group, the ball ends at the last of them.

    Args:
        nearest: (n, c) distances to candidates, ascending, c > k where there are so many rows.
        index: (n, c), which rows they are.
        groups: (n,), see `groups_of`.
        k: the neighbour that a ball reaches to.
    """
    count = int(groups.max()) + 1
    candidates = groups[index]
    radii = nearest.new_empty((len(nearest), count))
    for group in range(count):
        left = (candidates != group).cumsum(dim=1)
        place = (left < k).sum(dim=1).clamp(max=nearest.shape[1] - 1)
        radii[:, group] = nearest.gather(1, place[:, None])[:, 0]
    radii[torch.arange(len(radii), device=radii.device), groups] = -1
    return radii


def deviation(*replicates: Tensor) -> float:
    """From the values without each group, of one set or more: their variances are added up."""
    variance = 0.0
    for values in replicates:
        count = len(values)
        variance += (count - 1) / count * float((values - values.mean()).square().sum())
    return math.sqrt(variance)
