"""What neighbourhoods would be without a twentieth of the rows: the jackknife of their shares."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

GROUPS = 20
"""Twentieths of each set are left out in turn: few enough for one pass, and 19 degrees of
freedom."""

EXTRAS = 1 << 16
"""Pairs that are looked at for every group at once: 10 MB in float64."""


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


@dataclass(eq=False)
class Balls:
    """Which members lie in which balls, with every group of either left out, from tiles.

    A ball's group that is left out takes its rows from the balls, and makes those of others larger.
    Memberships are taken from approximate distances, which is enough for a deviation.
    """

    deleted: Tensor
    """(balls, groups) float64, see `deleted_radii`."""
    groups: Tensor
    """(balls,) int64."""
    others: Tensor
    """(members,) int64, the groups of the members."""
    held: Tensor = field(init=False)
    """(balls, groups of the members): members in each ball, by their group."""
    holding: Tensor = field(init=False)
    """(members, groups of the balls): balls around each member, by their group."""
    more_held: Tensor = field(init=False)
    """(balls, groups): members that a ball gains as a group of rows is left out."""
    more_holding: Tensor = field(init=False)
    """(members, groups): balls that a member gains as a group of rows is left out."""

    def __post_init__(self) -> None:
        balls, members = len(self.deleted), len(self.others)
        mine, theirs = self.deleted.shape[1], int(self.others.max()) + 1

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=self.deleted.device)

        self.held, self.holding = zeros(balls, theirs), zeros(members, mine)
        self.more_held, self.more_holding = zeros(balls, mine), zeros(members, mine)
        self._squares = self.deleted.square().masked_fill_(self.deleted < 0, -math.inf)
        self._largest = self._squares.amax(dim=1)
        self._mine = torch.nn.functional.one_hot(self.groups, mine).float()
        self._theirs = torch.nn.functional.one_hot(self.others, theirs).float()

    def add(self, i: slice, j: slice, squares: Tensor, inside: Tensor) -> None:
        """A tile: squared distances of balls `i` and members `j`, and who is inside."""
        counted = inside.float()
        self.held[i] += counted @ self._theirs[j]
        self.holding[j] += counted.T @ self._mine[i]
        gained = (squares <= self._largest[i, None]).logical_and_(~inside)
        rows, columns = gained.nonzero(as_tuple=True)
        for part in range(0, len(rows), EXTRAS):
            row, column = rows[part : part + EXTRAS], columns[part : part + EXTRAS]
            more = (squares[row, column, None] <= self._squares[i][row]).double()
            self.more_held.index_add_(0, row + i.start, more)
            self.more_holding.index_add_(0, column + j.start, more)

    def covered(self) -> tuple[Tensor, Tensor]:
        """Share of the balls with a member, without each group of balls; and of members."""
        total = self.held.sum(dim=1, keepdim=True)
        ours = _share((total + self.more_held) > 0, self.groups)
        theirs = ((total - self.held) > 0).double().mean(dim=0)
        return ours, theirs

    def inside(self) -> tuple[Tensor, Tensor]:
        """Share of the members in a ball, without each group of balls; and of members."""
        total = self.holding.sum(dim=1, keepdim=True)
        ours = ((total - self.holding + self.more_holding) > 0).double().mean(dim=0)
        return ours, _share((total > 0).expand(-1, self.held.shape[1]), self.others)

    def density(self, k: int) -> tuple[Tensor, Tensor]:
        """Balls around a member, over k, without each group of balls; and of members."""
        total = self.holding.sum()
        ours = total - self.holding.sum(dim=0) + self.more_holding.sum(dim=0)
        theirs = (total - self.held.sum(dim=0)) / _left(self.others)
        return ours / (k * len(self.others)), theirs / k


def _left(groups: Tensor) -> Tensor:
    """(groups,) rows that are left without each group."""
    return len(groups) - torch.bincount(groups).double()


def _share(hits: Tensor, groups: Tensor) -> Tensor:
    """(n, groups) bool => the share of hits in each column, without the rows of its group."""
    own = torch.arange(hits.shape[1], device=hits.device) == groups[:, None]
    return (hits & ~own).double().sum(dim=0) / _left(groups)


def deviation(*replicates: Tensor) -> float:
    """From the values without each group, of one set or more: their variances are added up."""
    variance = 0.0
    for values in replicates:
        count = len(values)
        variance += (count - 1) / count * float((values - values.mean()).square().sum())
    return math.sqrt(variance)
