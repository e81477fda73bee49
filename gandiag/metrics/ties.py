"""All distances of two sets at once where pairs abound that bounds do not tell apart."""

import math

import numpy as np
import torch
from torch import Tensor

DIGITS = 53
"""Whole numbers of so many bits are float64 exactly."""


def distances_by_product(x: Tensor, y: Tensor) -> Tensor | None:
    """(n, width), (m, width) => (n, m) float64, bit by bit what summing (x - y)^2 gives, or None.

    Where all values are multiples of one power of two, and not too large ones, each step of
    |x|^2 + |y|^2 - 2 x.y is exact in float64, whatever the order of the sums: rows of zeros and
    ones, of grey levels, of small counts. Such are the rows that have many ties.
    """
    x, y = x.double(), y.double()
    largest = max(float(x.abs().max()), float(y.abs().max()))
    if largest == 0:
        return x.new_zeros((len(x), len(y)))
    # (|x_i| + |y_i|)^2, summed over the width, stays below 2^DIGITS.
    bits = (DIGITS - 2 - math.ceil(math.log2(x.shape[1]))) // 2
    exponent = bits - math.frexp(largest)[1]
    if abs(exponent) > 400:  # squares would under- or overflow
        return None
    scale = 2.0**exponent
    x, y = x * scale, y * scale
    if not (torch.equal(x, x.round()) and torch.equal(y, y.round())):
        return None
    squares = (x @ y.T).mul_(-2)
    squares += x.square().sum(dim=1)[:, None]
    squares += y.square().sum(dim=1)
    if squares.device.type == "cpu":
        # torch's own root may be an ulp off, where MKL computes it; that of `distances` never is.
        np.sqrt(squares.numpy(), out=squares.numpy())
    else:
        squares.sqrt_()
    return squares.div_(scale)


def keys(x: Tensor) -> Tensor:
    """(n, width) => (n,) int64, a number of what each row holds: the same for equal rows.

    To sort by it takes the order out of rows whose order says nothing.
    """
    generator = torch.Generator().manual_seed(0)
    factors = torch.randint(-(2**62), 2**62, (x.shape[1],), generator=generator) * 2 + 1
    # Whole numbers wrap around, and so add up to the same in any order. -0.0 becomes 0.0.
    bits = (x.double() + 0.0).view(torch.int64)
    return (bits * factors.to(x.device)).sum(dim=1)


def distinct(x: Tensor) -> tuple[Tensor, Tensor]:
    """(n, width) => (d,) rows that stand for all others equal to them, and (n,) which of these.

    Two equal rows may be told apart where chance has it, one in 10^19 pairs; two that differ are
    never taken for one.
    """
    _, inverse, counts = torch.unique(keys(x), return_inverse=True, return_counts=True)
    firsts = inverse.argsort(stable=True)[counts.cumsum(0) - counts]
    if not torch.equal(x[firsts][inverse], x):
        every = torch.arange(len(x), device=x.device)
        return every, every
    return firsts, inverse
