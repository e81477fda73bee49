"""Which of two sets of scores is higher, whatever the scale of the scores."""

import math

import torch
from torch import Tensor


def auc(upper: Tensor, lower: Tensor) -> Tensor:
    """P(u > l) + P(u = l) / 2, the Mann-Whitney statistic over n m.

    Args:
        upper: (n,).
        lower: (m,).

    Returns:
        A scalar in [0, 1]; 0.5 if the two sets cannot be told apart. It is the same for every
        increasing function of the scores.
    """
    ordered = lower.sort().values
    below = torch.searchsorted(ordered, upper.contiguous())
    up_to = torch.searchsorted(ordered, upper.contiguous(), right=True)
    return (below + up_to).double().mean() / (2 * len(lower))


def auc_error(n: int, m: int) -> float:
    """Standard error of `auc` if the two sets are of one continuous distribution."""
    return math.sqrt((n + m + 1) / (12 * n * m))
