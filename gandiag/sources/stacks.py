"""Stacks of three grey images as the channels of one: a thousand modes from ten classes."""

import numpy as np
import torch
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

COUNT = 10_000
"""Stacks drawn of a dataset: ten of each mode, on average."""

SEED = 20180524
"""Of that draw: no seed that a person would try first."""


def stacks(images: Bytes, targets: NDArray[np.integer]) -> tuple[Bytes, list[str]]:
    """Draw `COUNT` stacks with replacement, always the same ones (Metz et al. 2017).

    Args:
        images: (n, h, w).
        targets: (n,), 0 to 9.

    Returns:
        (COUNT, h, w, 3), and the three classes as digits: of channels a, b and c ``"abc"``.
    """
    rng = torch.Generator().manual_seed(SEED)
    places = torch.randint(len(images), (COUNT, 3), generator=rng).numpy()
    labels = ["".join(map(str, three)) for three in targets[places].tolist()]
    return np.ascontiguousarray(np.moveaxis(images[places], 1, 3)), labels
