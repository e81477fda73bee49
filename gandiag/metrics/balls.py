"""Which rows of one set lie in which balls of the other, from tiles, with groups left out."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gandiag.metrics.reached import Reached

EXTRAS = 1 << 16
"""Pairs that are looked at for every group at once: 10 MB in float64."""


@dataclass(eq=False)
class Balls:
    """Which members lie in which balls, with every group of either left out, from tiles.

    A ball's group that is left out takes its rows from the balls, and makes those of others larger.
    Those that are gained are taken from approximate distances, which is enough for a deviation.
    """

    deleted: Tensor
    """(balls, groups) float64, see `gandiag.metrics.jackknife.deleted_radii`."""
    groups: Tensor
    """(balls,) int64."""
    others: Tensor
    """(members,) int64, the groups of the members."""
    holding: Tensor = field(init=False)
    """(members, groups of the balls) float64: balls around each member, by their group."""
    more_holding: Tensor = field(init=False)
    """(members, groups) float64: balls that a member gains as a group of rows is left out."""

    def __post_init__(self) -> None:
        mine = self.deleted.shape[1]
        shape = len(self.others), mine
        self.holding = torch.zeros(shape, dtype=torch.float64, device=self.deleted.device)
        self.more_holding = torch.zeros_like(self.holding)
        self._squares = self.deleted.square().masked_fill_(self.deleted < 0, -math.inf)
        self._mine = torch.nn.functional.one_hot(self.groups, mine).float()

    def add(self, i: slice, j: slice, found: Reached) -> None:
        """A tile: balls `i` and members `j`, as far as any ball grows."""
        inside = found.matrix(i.stop - i.start, j.stop - j.start)
        self.holding[j] += inside.T @ self._mine[i]
        rows, columns, squares = (
            each[~found.inside] for each in (found.balls, found.members, found.squares)
        )
        for part in range(0, len(rows), EXTRAS):
            row, column = rows[part : part + EXTRAS], columns[part : part + EXTRAS]
            more = (squares[part : part + EXTRAS, None] <= self._squares[i][row]).double()
            self.more_holding.index_add_(0, column + j.start, more)

    def inside(self) -> "Means":
        """1 for a member in any ball, 0 for one in none."""
        total = self.holding.sum(dim=1, keepdim=True)
        without = (total - self.holding + self.more_holding) > 0
        return Means((total[:, 0] > 0).double(), without.double(), self.others)

    def density(self, k: int) -> "Means":
        """Balls around each member, over k, for as many balls as there are."""
        total = self.holding.sum(dim=1, keepdim=True)
        return Means(total[:, 0] / k, (total - self.holding + self.more_holding) / k, self.others)


@dataclass(frozen=True)
class Means:
    """A mean over members of one set of what the other set's rows make of each.

    Given the other set, the members are independent. So the variance of the mean over draws of
    both is the members' own over their number, and that of what is expected given the other set.
    A jackknife over the other set's groups shows the second with chance of the members in it: that
    each group changes a few of them only. The square of a sum, less the sum of squares, is the
    products of different members, and is free of it.
    """

    values: Tensor
    """(members,) float64."""
    without: Tensor
    """(members, groups) float64: the values without each group of the other set."""
    groups: Tensor
    """(members,) int64, of the members."""

    def variance(self) -> float:
        """Of the mean, over draws of both sets."""
        n, count = self.without.shape
        changes = self.without - self.without.mean(dim=1, keepdim=True)
        products = changes.sum(dim=0).square().sum() - changes.square().sum()
        others = (count - 1) / count * float(products) / (n * (n - 1))
        return float(self.values.var()) / n + max(0.0, others)

    def replicates(self) -> tuple[Tensor, Tensor, Tensor]:
        """Means without each group of the other set; without each of the members; without both."""
        own = torch.nn.functional.one_hot(self.groups).double()
        left = len(own) - own.sum(dim=0)
        theirs = (self.values.sum() - self.values @ own) / left
        both = (self.without.sum(dim=0)[:, None] - self.without.T @ own) / left
        return self.without.mean(dim=0), theirs, both
