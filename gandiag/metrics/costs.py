"""Sets as weighted points, and what it costs to move between them."""

from typing import NamedTuple

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.tiles import tiles

CELLS = 10_000**2
"""Pairs of points at most: 0.8 GB of costs, and two or three times that to solve for them."""
NEAR = 1e-7
"""Squared distances below this share of the squares they come from are taken again by differences:
the others are exact to nine digits at least."""
AGAIN = 1 << 22
"""Numbers at once while they are: 32 MB."""


class Points(NamedTuple):
    """The distinct rows of a set."""

    rows: Tensor
    """(k, width) float64, in lexical order: the order they came in is forgotten."""
    weights: Tensor
    """(k,) float64, which share of the set each of them is."""
    n: int
    """How many rows the set has."""
    places: Tensor
    """(n,) int64, which of the distinct ones each row is."""

    @classmethod
    def of(cls, rows: Tensor) -> "Points":
        """(n, width), of any dtype."""
        distinct, places, counts = torch.unique(
            rows.double(), dim=0, return_inverse=True, return_counts=True
        )
        return cls(distinct, counts.double() / len(rows), len(rows), places)


def check_cells(what: str, a: Points, b: Points) -> None:
    """Refuse more pairs than memory has room for.

    Raises:
        GandiagError: more than `CELLS`.
    """
    if len(a.rows) * len(b.rows) > CELLS:
        raise GandiagError(
            f"{what} holds a cost for each pair of rows, and {len(a.rows):,} x {len(b.rows):,} are "
            f"more than {CELLS:,}; give fewer rows of each, or take sliced_wasserstein"
        )


def costs(a: Tensor, b: Tensor, order: int) -> Tensor:
    """(n, width), (m, width) float64 => (n, m): distances to the power `order`, 1 or 2."""
    centre = (a.mean(dim=0) + b.mean(dim=0)) / 2
    x, y = a - centre, b - centre
    found = torch.empty((len(x), len(y)), dtype=torch.float64, device=x.device)
    theirs = y.square().sum(dim=1)
    for i in tiles(len(x)):
        ours = x[i].square().sum(dim=1, keepdim=True)
        squares = torch.addmm(ours + theirs, x[i], y.T, alpha=-2)
        rows, columns = (squares < NEAR * (ours + theirs)).nonzero(as_tuple=True)
        step = max(1, AGAIN // x.shape[1])
        for start in range(0, len(rows), step):
            row, column = rows[start : start + step], columns[start : start + step]
            squares[row, column] = (x[i][row] - y[column]).square().sum(dim=1)
        found[i] = squares
    # Squares of a matrix product may be a last digit below 0 only where they were taken again.
    return found if order == 2 else found.sqrt_()
