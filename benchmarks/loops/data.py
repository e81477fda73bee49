"""Fashion-MNIST as the loops read it: some to train on, some held out, and others for the judge."""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from reference_models.data import open_data

TRAIN, HELDOUT, JUDGE = 16_000, 2_000, 2_000
CLASSES = 10


class Fashion(NamedTuple):
    """Images (n, 1, side, side) float32 in [-1, 1] and classes (n,) int64."""

    x: Tensor
    y: Tensor


@functools.cache
def fashion(part: str, side: int = 28, count: int | None = None) -> Fashion:
    """``train``, ``heldout``, or ``judge``, which is of the test set and no loop ever sees.

    Args:
        part: one of the three; all are disjoint.
        side: 28, or more: then black is put around.
        count: the first so many, if not all.
    """
    split, there = {
        "train": ("train", TRAIN),
        "heldout": ("heldout", HELDOUT),
        "judge": ("reference", JUDGE),
    }[part]
    x, y = open_data("fashion-mnist").split(split, count or there)
    edge = (side - 28) // 2
    return Fashion(torch.nn.functional.pad(x, (edge,) * 4, value=-1.0), y)


def batches(data: Fashion, size: int, count: int) -> Iterator[Fashion]:
    """So many shuffled batches, epoch after epoch."""
    loader = DataLoader(TensorDataset(*data), size, shuffle=True, drop_last=True)
    while count:
        for x, y in loader:
            yield Fashion(x, y)
            count -= 1
            if not count:
                return
