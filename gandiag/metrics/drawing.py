"""Draws among rows that do not depend on the order in which the rows came."""

import torch
from torch import Tensor

PART = 4096
"""Rows that are in float64 at a time."""


def drawn_order(rows: Tensor, seed: int) -> Tensor:
    """(n, width) => (n,) int64 on the CPU, a random permutation of these rows.

    The rows are ranged along a random direction and then shuffled, so that `seed` and the set of
    rows decide which row stands where. What moves features in their last digit, as another batch
    size does, leaves it as it is. Equal rows stand among themselves as they came.
    """
    generator = torch.Generator().manual_seed(seed)
    direction = torch.randn(rows.shape[1], generator=generator, dtype=torch.float64)
    parts = torch.split(rows, PART)
    places = torch.cat([part.cpu().double() @ direction for part in parts])
    order = torch.argsort(places, stable=True)
    return order[torch.randperm(len(rows), generator=generator)]
