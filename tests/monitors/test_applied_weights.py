"""Singular values are of what a layer does, however its normalisation was written."""

import pytest
import torch
from small_gan import Loop, Rows
from torch import nn
from torch.nn import functional as F

from gandiag.monitors.signals.critics import applied_weights, largest_singular_value


def normed(weight):
    return weight / torch.linalg.matrix_norm(weight.flatten(1), 2)


class HandLinear(nn.Linear):
    def forward(self, x):
        return F.linear(x, normed(self.weight), self.bias)


class HandConv(nn.Conv2d):
    def forward(self, x):
        return self._conv_forward(x, normed(self.weight), self.bias)


class HandEmbedding(nn.Embedding):
    def forward(self, i):
        return F.embedding(i, normed(self.weight))


class Bent(nn.Linear):
    def forward(self, x):
        return super().forward(x).relu()


class Two(nn.Linear):
    def forward(self, x, y):
        return super().forward(x) + y


def made(kind, *arguments, **more):
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        layer = kind(*arguments, **more)
    with torch.no_grad():
        layer.weight.mul_(3)
    return layer


def largest(network):
    rng = torch.Generator().manual_seed(1)
    return [float(largest_singular_value(w, rng, 100)) for w in applied_weights(network)]


@pytest.mark.parametrize(
    "layer",
    [
        made(HandLinear, 5, 7),
        made(HandConv, 3, 8, 3, stride=2, padding=1),
        made(HandConv, 4, 8, 4, groups=2, bias=False, dilation=2),
        made(HandEmbedding, 9, 4),
    ],
)
def test_hand_written_normalisation_is_seen(layer):
    assert largest(layer) == [pytest.approx(1.0, abs=1e-4)]


@pytest.mark.parametrize("layer", [made(nn.Linear, 5, 7), made(nn.Conv2d, 3, 8, 3)])
def test_plain_layers_and_torchs_own_normalisation(layer):
    sigma = float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2))
    assert largest(layer) == [pytest.approx(sigma, rel=1e-4)]
    with torch.random.fork_rng(devices=[]):
        wrapped = nn.utils.parametrizations.spectral_norm(layer, n_power_iterations=100).eval()
    assert largest(wrapped) == [pytest.approx(1.0, abs=1e-3)]


@pytest.mark.parametrize("kind", [Bent, Two])
def test_what_is_no_multiple_of_its_weight_is_left_out(kind):
    assert applied_weights(nn.Sequential(made(nn.Linear, 2, 2), made(kind, 3, 4))) is None


def test_the_signal_is_of_what_runs_or_absent():
    loop, sink = Loop(), Rows()
    loop.D = nn.Sequential(made(HandLinear, 2, 8), nn.LeakyReLU(), made(HandLinear, 8, 1))
    loop.opt_d = torch.optim.Adam(loop.D.parameters(), 1e-3)
    with loop.monitor(lipschitz="sn", sinks=[sink]) as monitor:
        loop.iterate(monitor, steps=10)
    assert sink.rows[0][1]["sigma_max"] == pytest.approx(1.0, abs=1e-2)
    other, sink = Loop(), Rows()
    other.D = nn.Sequential(made(Bent, 2, 8), made(nn.Linear, 8, 1))
    other.opt_d = torch.optim.Adam(other.D.parameters(), 1e-3)
    with other.monitor(lipschitz="sn", sinks=[sink]) as monitor:
        other.iterate(monitor, steps=10)
        lines = {line.pathology: line for line in monitor.report().lines}
    assert "sigma_max" not in sink.rows[0][1]
    assert lines["lipschitz-violation"].status == "inactive"
