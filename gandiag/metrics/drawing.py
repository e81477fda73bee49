"""Draws among rows that do not depend on the order in which the rows came."""

import torch
from torch import Tensor

NUMBERS = 1 << 23
"""That are in float64 at a time: 67 MB."""


def drawn_order(rows: Tensor, seed: int) -> Tensor:
    """(n, width) => (n,) int64 on the CPU, a random permutation of these rows.

    The rows are ranged along a random direction and then shuffled, so that `seed` and the set of
    rows decide which row stands where. What moves features in their last digit, as another batch
    size does, leaves it as it is. Equal rows stand among themselves as they came, and no nearer to
    one another than others do. Two sets that may hold copies of each other want a seed each: with
    one, equal sets are drawn alike.
    """
    generator = torch.Generator().manual_seed(seed)
    direction = torch.randn(rows.shape[1], generator=generator, dtype=torch.float64)
    # MPS has no float64.
    device = torch.device("cpu") if rows.device.type == "mps" else rows.device
    direction = direction.to(device)
    parts = torch.split(rows, max(1, NUMBERS // max(1, rows.shape[1])))
    # Products and their sum, for a matrix product gives equal rows sums that differ in a digit.
    places = torch.cat([(part.to(device).double() * direction).sum(dim=1) for part in parts])
    order = torch.argsort(places.cpu(), stable=True)
    return order[torch.randperm(len(rows), generator=generator)]
