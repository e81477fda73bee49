"""Distributions of counts, as far as they are more than rounding."""

import math

import torch
from torch import Tensor


def binomial(n: int, share: float) -> tuple[Tensor, Tensor]:
    """Counts (c,) float64 that `n` draws may have of a mode with this share, and their chances."""
    counts = _around(n * share, n * share * (1 - share), 0, n)
    log = _log_choose(n, counts)
    log += torch.xlogy(counts, torch.tensor(share, dtype=torch.float64))
    log += torch.xlogy(n - counts, torch.tensor(1 - share, dtype=torch.float64))
    return counts, log.softmax(dim=0)


def hypergeometric(n: int, m: int, total: int) -> tuple[Tensor, Tensor]:
    """How many of `total` rows out of n + m may be of the n (c,) float64, and their chances."""
    mean = total * n / (n + m)
    counts = _around(mean, mean * m / (n + m), max(0, total - m), min(total, n))
    return counts, (_log_choose(n, counts) + _log_choose(m, total - counts)).softmax(dim=0)


def _around(mean: float, variance: float, low: int, high: int) -> Tensor:
    reach = 12 * math.sqrt(variance) + 12  # beyond it is less than rounding
    low, high = max(low, math.floor(mean - reach)), min(high, math.ceil(mean + reach))
    return torch.arange(low, high + 1, dtype=torch.float64)


def _log_choose(n: int, counts: Tensor) -> Tensor:
    """Less log n!, which is the same for all."""
    return -torch.lgamma(counts + 1) - torch.lgamma(n - counts + 1)
