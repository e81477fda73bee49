"""The few rows that may be among the nearest of each row, by lower bounds of their distance."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gandiag.metrics.coarse import Bounds

STRIDE = 128
"""Columns of a tile are looked at in so many groups first."""


class Candidates(NamedTuple):
    """The rows of the least bounds, and how far these are from the distances."""

    lower: Tensor
    """(n, c) float64, ascending: lower bounds of squared distances; of all others none is less than
    the last."""
    upper: Tensor
    """(n, c) float64."""
    places: Tensor
    """(n, c) int64, which rows of the other set they are."""


def candidates(bounds: Bounds, count: int, itself: Tensor | None = None) -> Candidates:
    """For each row of the first set, `count` of the second, as many as there are at most.

    Args:
        bounds: of the two; where they are one object, each pair is looked at once, and no row is
            its own candidate.
        count: of rows to find.
        itself: (n,) int64, a row of the second to leave out for each of the first.
    """
    n, device = len(bounds.x.rows), bounds.x.rows.device
    symmetric = bounds.x is bounds.y
    lower = torch.full((n, count), math.inf, dtype=bounds.x.dtype, device=device)
    places = torch.full((n, count), -1, dtype=torch.int64, device=device)
    for i, j, tile in bounds.tiles(symmetric):
        if symmetric and i == j:
            tile.fill_diagonal_(math.inf)
        if itself is not None:
            tile.masked_fill_(
                torch.arange(j.start, j.stop, device=device) == itself[i, None], math.inf
            )
        _keep(lower[i], places[i], tile, j.start)
        if symmetric and i != j:
            _keep(lower[j], places[j], tile.T.contiguous(), i.start)
    found = lower.double()
    rows = torch.arange(n, device=device)[:, None].expand_as(places)
    return Candidates(found, found + bounds.slack(rows, places), places)


def _keep(lower: Tensor, places: Tensor, tile: Tensor, start: int) -> None:
    """Let the least of a tile, whose columns count from `start`, into the least so far, in place.

    To rank all of a tile takes a third as long as to multiply it. Most of it is no less than the
    last of those so far, nor than the last of as many least of groups of columns.
    """
    count, columns = lower.shape[1], tile.shape[1]
    limit = torch.nextafter(lower[:, -1], lower.new_tensor(-math.inf))
    groups = columns // STRIDE
    if groups > 1 and count <= STRIDE:
        least = tile[:, : groups * STRIDE].reshape(len(tile), groups, STRIDE).amin(dim=1)
        limit = torch.minimum(limit, least.kthvalue(count).values)
    elif count < columns:
        limit = torch.minimum(limit, tile.kthvalue(count).values)
    rows, places_in_tile = (tile <= limit[:, None]).nonzero(as_tuple=True)
    if not len(rows):
        return
    counts = torch.bincount(rows, minlength=len(tile))
    # Each row's next to one another, from the left.
    position = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
    width = int(counts.max())
    values = tile.new_full((len(tile), count + width), math.inf)
    values[:, :count] = lower
    values[rows, count + position] = tile[rows, places_in_tile]
    index = places.new_full(values.shape, -1)
    index[:, :count] = places
    index[rows, count + position] = places_in_tile + start
    least, kept = values.topk(count, largest=False)
    lower.copy_(least)
    places.copy_(index.gather(1, kept))
