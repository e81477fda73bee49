"""Generators whose paths can be worked out by hand."""

import torch
from torch import nn


class Linear(nn.Module):
    """z => (n, 3, 2, 2): a linear map, small enough to stay in [-1, 1]."""

    def __init__(self, z_dim=5, seed=0, scale=0.02, dtype=torch.float64):
        super().__init__()
        self.z_dim = z_dim
        rng = torch.Generator().manual_seed(seed)
        matrix = scale * torch.randn(12, z_dim, generator=rng, dtype=torch.float64)
        self.matrix = nn.Parameter(matrix.to(dtype))

    def forward(self, z):
        return (z @ self.matrix.T).view(-1, 3, 2, 2)


class Conditional(Linear):
    """The same with the label as a shift; it says how many labels there are."""

    num_classes = 3

    def forward(self, z, labels):
        return super().forward(z) + 0.2 * (labels - 2)[:, None, None, None]


class Mapped(Linear):
    """w = 2 z + 1, then the linear map."""

    def mapping(self, z):
        return 2 * z + 1

    def synthesis(self, w):
        return Linear.forward(self, w)

    def forward(self, z):
        return self.synthesis(self.mapping(z))


def squared(one, other):
    """The squared distance of levels, in the units of the generator's own floats."""
    return ((one - other).double() / 127.5).square().flatten(1).sum(dim=1)
