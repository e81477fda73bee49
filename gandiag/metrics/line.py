"""Optimal transport on a line, where sorting solves it."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor


class Ranked(NamedTuple):
    """Numbers in columns, each column ascending."""

    values: Tensor
    """(n, columns) float64."""
    rows: Tensor
    """(n, columns) int64, which row each came from."""

    @classmethod
    def of(cls, numbers: Tensor) -> "Ranked":
        """(n, columns), each column by itself."""
        values, rows = torch.sort(numbers, dim=0)
        return cls(values, rows)

    def by_row(self, numbers: Tensor) -> Tensor:
        """(n, columns) in this order => in the order of the rows."""
        return torch.empty_like(numbers).scatter_(0, self.rows, numbers)


@dataclass(frozen=True)
class Coupling:
    """Who is moved to whom, of n sorted numbers and m sorted ones: it depends on n and m alone.

    The two quantile functions are steps, with jumps at i/n and at j/m; between two jumps in a row
    both are constant, and the one value is moved to the other. Exact for any n and m: nothing is
    interpolated.
    """

    n: int
    m: int
    device: torch.device
    left: Tensor = field(init=False, repr=False)
    """(pieces,) int64, ranks among the n; pieces = n + m - gcd(n, m)."""
    right: Tensor = field(init=False, repr=False)
    """(pieces,) int64, ranks among the m."""
    weights: Tensor = field(init=False, repr=False)
    """(pieces,) float64, how much is moved; sums to 1."""

    def __post_init__(self) -> None:
        n, m = self.n, self.m
        # In units of 1/nm every jump is a whole number, and equal ones are seen to be equal.
        ours = torch.arange(n + 1, device=self.device) * m
        theirs = torch.arange(m + 1, device=self.device) * n
        jumps = torch.unique(torch.cat([ours, theirs]))
        starts = jumps[:-1]
        object.__setattr__(self, "left", starts // m)
        object.__setattr__(self, "right", starts // n)
        object.__setattr__(self, "weights", jumps.diff().double() / (n * m))

    def moves(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, columns), (m, columns), ascending => (pieces, columns): how far each piece goes."""
        return x[self.left] - y[self.right]

    def powers(self, x: Tensor, y: Tensor, order: int) -> Tensor:
        """(n, columns), (m, columns), ascending => (columns,): W_p^p of each, p = `order`."""
        moved = self.moves(x, y)
        return self.weights @ (moved.abs() if order == 1 else moved.square())


def potential(x: Tensor, y: Tensor, order: int) -> Tensor:
    """How W_p^p changes with weight on each of the x: a Kantorovich potential, of mean zero.

    Between two x in a row it grows by c(x', y) - c(x, y) for the y where the mass of the x up to
    there ends; where that is a jump of both quantile functions, two y would do, and their mean is
    taken (the slope of the cost of one more row there is between the two).

    Args:
        x: (n, columns), ascending.
        y: (m, columns), ascending.
        order: 1 or 2.

    Returns:
        (n, columns), in the order of `x`.
    """
    n, m = len(x), len(y)
    mass = torch.arange(1, n, device=x.device) * m
    before, after = y[(mass - 1) // n], y[mass // n]
    here, there = x[:-1], x[1:]
    if order == 1:
        growth = (there - before).abs() - (here - before).abs()
        growth += (there - after).abs() - (here - after).abs()
        growth /= 2
    else:
        # Of squares, with the differences taken first: far from 0 they would cancel.
        growth = (there - here) * ((here - before) + (there - after))
    heights = torch.cat([torch.zeros_like(x[:1]), growth.cumsum(dim=0)])
    return heights - heights.mean(dim=0)
