"""Gradients through layers whose gain is known."""

import math

import pytest
import torch
from torch import nn

from reference_models.papers.gulrajani2017_fig1b import growth, norms


class Gains(nn.Module):
    """Layers that multiply by `gain`, of positive points, so that the ReLU passes all."""

    def __init__(self, gain: float, depth: int):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain, dtype=torch.float64))
        self.depth, self.activation = depth, nn.ReLU()

    def forward(self, x, y):
        for _ in range(self.depth):
            x = self.activation(self.gain * x)
        return x.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("gain", [0.01, 1.0, 3.0])
def test_growth_is_the_gain_of_a_layer(gain):
    network = Gains(gain, 6)
    real, fake = torch.rand(2, 10, 2, dtype=torch.float64, generator=torch.Generator()) + 0.1
    found = norms(network, network.activation, real, fake)
    assert len(found) == 6
    # The last layer's: 20 rows of two, each 1 / 10.
    assert found[-1] == pytest.approx(math.log10(math.sqrt(40) / 10))
    assert growth(found) == pytest.approx(math.log10(gain), abs=1e-9)
