"""Products of a matrix with itself, of which half is enough."""

import torch
from torch import Tensor

BLOCK = 256
"""Columns at a time: of 2,048, nine sixteenths of the whole product are computed."""


def add_products(upper: Tensor, rows: Tensor) -> None:
    """``upper += rows^T rows``, in place, on and above the diagonal; below it is anything.

    Args:
        upper: (width, width).
        rows: (n, width), of the same dtype.
    """
    for start in range(0, rows.shape[1], BLOCK):
        block = rows[:, start : start + BLOCK]
        upper[start : start + BLOCK, start:].addmm_(block.T, rows[:, start:])


def mirrored(upper: Tensor) -> Tensor:
    """What is on and above the diagonal put below it, too, in place."""
    for start in range(0, len(upper), BLOCK):
        stop = start + BLOCK
        own = upper[start:stop, start:stop].triu()
        upper[start:stop, start:stop] = own + own.triu(1).T
        upper[stop:, start:stop] = upper[start:stop, stop:].T
    return upper


def products(rows: Tensor) -> Tensor:
    """(n, width) => (width, width), ``rows^T rows``, symmetric to the last bit."""
    width = rows.shape[1]
    upper = torch.zeros((width, width), dtype=rows.dtype, device=rows.device)
    add_products(upper, rows)
    return mirrored(upper)
