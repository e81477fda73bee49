"""A share in halves of both sets: two smaller samples that have no row in common."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gandiag.metrics.reached import Reached

SPLITS = 64
"""Ways to halve the sets: their mean square is then within a tenth of that of all ways."""
PAIRS = 1 << 14
"""Pairs that are looked at for every split at once: 8 MB in float64."""


def halves_of(n: int, seed: int) -> Tensor:
    """(n, SPLITS) bool: which half a row is in, by chance, halves even but for one row."""
    random = torch.Generator().manual_seed(seed)
    even = torch.arange(n) % 2 == 0
    return torch.stack([even[torch.randperm(n, generator=random)] for _ in range(SPLITS)], dim=1)


def halved_radii(nearest: Tensor, index: Tensor, halves: Tensor, k: int) -> Tensor:
    """(n, SPLITS) float64: each ball's radius, were there only the rows of its own half.

    Where the candidates do not reach far enough, the ball ends at the last of them.

    Args:
        nearest: (n, c) distances to candidates, ascending.
        index: (n, c), which rows they are.
        halves: (n, SPLITS), see `halves_of`.
        k: the neighbour that a ball reaches to.
    """
    radii = nearest.new_empty(halves.shape)
    for split in range(halves.shape[1]):
        half = halves[:, split]
        found = (half[index] == half[:, None]).cumsum(dim=1)
        place = (found < k).sum(dim=1).clamp(max=nearest.shape[1] - 1)
        radii[:, split] = nearest.gather(1, place[:, None])[:, 0]
    return radii


@dataclass(eq=False)
class HalvedBalls:
    """Which balls have a member, in each half of every split, from tiles."""

    radii: Tensor
    """(balls, SPLITS) float64, see `halved_radii`."""
    halves: Tensor
    """(balls, SPLITS) bool."""
    others: Tensor
    """(members, SPLITS) bool, the halves of the members."""
    held: Tensor = field(init=False)
    """(balls, SPLITS) float32: members in each ball, of its own half."""

    def __post_init__(self) -> None:
        self.held = torch.zeros(self.radii.shape, device=self.radii.device)
        self._squares = self.radii.square()
        self._others = self.others.float()

    def add(self, i: slice, j: slice, found: Reached) -> None:
        """A tile: balls `i` and members `j`, as far as any ball grows."""
        counted = found.matrix(i.stop - i.start, j.stop - j.start)
        first = counted @ self._others[j]
        second = counted.sum(dim=1, keepdim=True) - first
        self.held[i] += torch.where(self.halves[i], first, second)
        rows, columns, squares = (
            each[~found.inside] for each in (found.balls, found.members, found.squares)
        )
        for part in range(0, len(rows), PAIRS):
            row, column = rows[part : part + PAIRS], columns[part : part + PAIRS]
            more = squares[part : part + PAIRS, None] <= self._squares[i][row]
            more &= self.halves[i][row] == self.others[j][column]
            self.held.index_add_(0, row + i.start, more.float())

    def differences(self, share: float) -> Tensor:
        """(SPLITS,) float64: half the difference of the halves' shares of balls with a member.

        Two halves are independent, and as large as half the sets, so that the mean square of these
        is the variance of the share of the whole sets. Were it that of independent balls it
        would go with p (1 - p), in which halves may differ from the whole: so they are scaled.
        """
        some = (self.held > 0).double()
        size = self.halves.double().sum(dim=0)
        first = (some * self.halves).sum(dim=0) / size
        second = (some * ~self.halves).sum(dim=0) / (len(some) - size)
        expected = ((first * (1 - first) + second * (1 - second)) / 2).mean()
        own = share * (1 - share)
        scale = own / float(expected) if own and expected else 1.0
        return (first - second) / 2 * math.sqrt(scale)
