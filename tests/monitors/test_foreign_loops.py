"""What loops that other people wrote do, and a monitor must bear."""

import numpy as np
import pytest
import torch
from small_gan import Loop
from torch import nn

from gandiag.errors import GandiagError
from gandiag.monitors.asking import _batch_statistics
from gandiag.monitors.probing import undisturbed
from gandiag.monitors.scores import Convention, logistic_convention, per_sample
from gandiag.monitors.training import Scored, of_scores


class HandWritten(nn.Module):
    """Spectral normalisation as it was written before torch had it: state in frozen parameters."""

    def __init__(self):
        super().__init__()
        self.u = nn.Parameter(torch.ones(3), requires_grad=False)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.u.data = self.u.data * 2
        self.calls = self.calls + 1  # another tensor in its place
        return x


def test_frozen_parameters_and_replaced_buffers_are_put_back():
    network = HandWritten()
    u, calls = network.u, network.calls
    with undisturbed([network], seed=0):
        network(torch.zeros(1))
        assert float(network.u.sum()) == 6
    assert network.u is u
    assert network.calls is calls
    assert u.tolist() == [1, 1, 1]
    assert float(calls) == 0


@torch.no_grad()
def test_batch_normalisation_scores_as_in_training():
    network = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5)).eval()
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0)) + 5
    with _batch_statistics(network):
        assert abs(float(network(x).mean())) < 1e-5  # normalised by its own mean, nothing dropped
    assert float(network(x).mean()) > 1
    assert not any(module.training for module in network.modules())


def test_a_sampler_that_does_not_use_its_generator_is_refused():
    loop, state = Loop(), np.random.default_rng(0)

    def sampler(n, rng):
        return loop.G(torch.from_numpy(state.standard_normal((n, 4))).float())

    with pytest.raises(GandiagError, match="not from numpy or random"):
        loop.monitor(sampler=sampler)


def test_an_autoencoder_is_no_discriminator():
    loop, images = Loop(), torch.linspace(0, 1, 1024).reshape(64, 1, 4, 4)

    def sampler(n, rng):
        return torch.rand(n, 1, 4, 4, generator=rng)

    def judge(x):
        return x / 2

    with pytest.raises(GandiagError, match="as many numbers as a sample has"):
        loop.monitor(sampler=sampler, real=images, heldout=None, discriminator=judge)


@pytest.mark.parametrize("found", [(None, None), ([torch.ones(3)], [torch.ones(3)])])
def test_outputs_that_are_no_scores_are_told(found):
    with pytest.raises(GandiagError, match="give discriminator="):
        per_sample(found)


def test_a_mean_score_has_no_rank():
    one = Scored(1, torch.ones(1), torch.zeros(1))
    assert of_scores([one], "wasserstein", Convention()) == {}


def test_scores_at_chance_do_not_settle_which_way_they_point():
    scores = torch.linspace(-1e-3, 1e-3, 16)
    assert logistic_convention(scores, scores, 2 * float(np.log(2))) is None
