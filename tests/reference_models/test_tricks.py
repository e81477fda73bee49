"""Each trick alone."""

import math

import pytest
import torch
from scipy import stats
from torch import nn

from reference_models.build import scale_of_rate
from reference_models.data import Batch
from reference_models.ema import Average
from reference_models.latents import draw_latents
from reference_models.settings import Networks
from reference_models.tricks.instance_noise import scale_of_noise
from reference_models.tricks.labels import targets
from reference_models.tricks.packing import Packed
from reference_models.tricks.replay import mix, store
from reference_models.tricks.unrolling import AdamState, adam_update, unroll


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_normal_and_uniform_latents():
    normal = draw_latents(Networks(latent=5, latent_kind="normal"), 2000, rng()).flatten().numpy()
    uniform = draw_latents(Networks(latent=5, latent_kind="uniform"), 2000, rng()).flatten().numpy()
    assert stats.kstest(normal, "norm").pvalue > 1e-3  # a fixed seed: no chance of failing
    assert stats.kstest(uniform, stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_latents_on_the_sphere():
    z = draw_latents(Networks(latent=64, latent_kind="sphere"), 1000, rng())
    torch.testing.assert_close(z.norm(dim=1), torch.full((1000,), 8.0))
    assert z.mean(0).norm() < 5 * 8 / math.sqrt(1000)


def test_truncated_latents():
    z = draw_latents(Networks(latent=5, truncation=0.7), 2000, rng()).flatten()
    assert z.abs().max() <= 0.7
    assert stats.kstest(z.numpy(), stats.truncnorm(-0.7, 0.7).cdf).pvalue > 1e-3


def test_targets():
    n = 10_000
    assert torch.equal(targets(n, rng(), real=True), torch.ones(n))
    assert torch.equal(targets(n, rng(), real=False), torch.zeros(n))
    assert torch.allclose(targets(5, rng(), real=True, smoothing=0.1), torch.tensor(0.9))
    assert torch.equal(targets(5, rng(), real=False, smoothing=0.1), torch.zeros(5))
    noisy = targets(n, rng(), real=False, noise=0.3)
    assert noisy.min() >= 0
    assert 0.29 < float(noisy.max()) < 0.3
    assert float(noisy.mean()) == pytest.approx(0.15, abs=5 * 0.3 / math.sqrt(12 * n))
    flipped = targets(n, rng(), real=True, flips=0.05)
    assert float((flipped == 0).double().mean()) == pytest.approx(0.05, abs=5 * 0.22 / n**0.5)
    assert set(flipped.tolist()) == {0.0, 1.0}


def test_instance_noise_decays_to_nothing():
    assert [scale_of_noise(0.2, step, 10) for step in (0, 5, 10, 50)] == [0.2, 0.1, 0, 0]
    assert scale_of_noise(0.2, 1000, 0) == 0.2


def test_learning_rates():
    assert [scale_of_rate("none", step, 4) for step in (0, 4)] == [1, 1]
    assert [scale_of_rate("linear", step, 4) for step in (0, 1, 4, 5)] == [1, 0.75, 0, 0]
    cosine = [scale_of_rate("cosine", step, 4) for step in (0, 2, 4)]
    assert cosine == pytest.approx([1, 0.5, 0], abs=1e-15)


class Sum(nn.Module):
    def forward(self, x, y):
        return x.flatten(1).sum(1, keepdim=True)


def test_packs_are_neighbours_stacked_as_channels():
    seen = []

    class Look(nn.Module):
        def forward(self, x, y):
            seen.append(x)
            return x.flatten(1)[:, :1]

    x = torch.arange(6 * 2 * 3 * 3.0).reshape(6, 2, 3, 3)
    assert Packed(Look(), 3)(x, torch.zeros(6)).shape == (2, 1)
    assert seen[0].shape == (2, 6, 3, 3)
    assert torch.equal(seen[0][1, 2:4], x[4])
    assert torch.equal(Packed(Sum(), 1)(x, torch.zeros(6)), Sum()(x, None))
    points = torch.arange(12.0).reshape(6, 2)
    assert Packed(Sum(), 2)(points, torch.zeros(6)).flatten().tolist() == [6, 22, 38]


def batch(value, count=8):
    return Batch(torch.full((count, 2), float(value)), torch.full((count,), value))


def test_replay():
    kept = store(8, (2,))
    assert torch.equal(mix(kept, batch(1), rng()).x, batch(1).x)  # nothing old yet
    second = mix(kept, batch(2), rng())
    assert second.x[:, 0].tolist() == [1] * 4 + [2] * 4
    assert torch.equal(second.x[:, 0].long(), second.y)
    assert kept["filled"] == 8
    third = mix(kept, batch(3), rng(5))
    assert set(third.x[:4, 0].tolist()) <= {1, 2}
    assert third.x[4:, 0].tolist() == [3] * 4
    assert int((kept["x"][:, 0] == 3).sum()) == 4  # took the places of others
    assert len(kept["x"]) == 8


def test_average_has_a_closed_form():
    """Weights t = 1, 2, 3 ... through b = min(decay, (1 + t) / (10 + t))."""
    network = nn.Linear(1, 1, device="meta").to_empty(device="cpu")
    nn.init.zeros_(network.weight)
    nn.init.zeros_(network.bias)
    average, expected = Average(network, 0.2), 0.0
    for t in range(20):
        nn.init.constant_(network.weight, t + 1)
        average.update(t)
        decay = min(0.2, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * (t + 1)
    assert average.network.weight.item() == pytest.approx(expected, rel=1e-6)
    assert not any(p.requires_grad for p in average.network.parameters())


def test_average_without_decay_is_a_copy():
    with torch.random.fork_rng():
        network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        average = Average(network, 0.0)
        for t in range(3):
            network(torch.randn(8, 3, generator=rng(t))).sum().backward()
            with torch.no_grad():
                network[0].weight.add_(1)
            average.update(t)
    for ours, theirs in zip(
        average.network.state_dict().values(), network.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert int(average.network[1].num_batches_tracked) == 3


def test_average_of_buffers():
    with torch.random.fork_rng():
        network = nn.BatchNorm1d(2)
    average = Average(network, 0.5)
    network.running_mean.fill_(1)
    average.update(100)
    assert average.network.running_mean.tolist() == [0.5, 0.5]


def test_adam_update_is_torchs():
    value = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    theirs = value.clone().requires_grad_()
    adam = torch.optim.Adam([theirs], lr=0.1, betas=(0.5, 0.9))
    ours = {"w": value.clone()}
    zeros = {"w": torch.zeros(3, dtype=torch.float64)}
    state = AdamState(0, zeros, zeros)
    for _ in range(5):
        adam.zero_grad()
        theirs.pow(4).sum().backward()
        adam.step()
        ours, state = adam_update(ours, [4 * ours["w"] ** 3], state, rate=0.1, betas=(0.5, 0.9))
    # The 1e-24 under the root is invisible beside second moments of order 1.
    torch.testing.assert_close(ours["w"], theirs.detach(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_gradients_flow_through_unrolled_updates(steps):
    """Against finite differences of a loss that couples a generator g and a discriminator w."""
    g = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    start = {"w": torch.tensor([1.5, -0.5], dtype=torch.float64)}
    state = AdamState(
        3,
        {"w": torch.tensor([0.1, -0.2], dtype=torch.float64)},
        {"w": torch.tensor([0.5, 0.3], dtype=torch.float64)},
    )

    def ahead(g):
        def loss(weights):
            return (weights["w"] * g - 1).square().sum() + weights["w"].pow(3).sum() / 7

        w = unroll(loss, start, state, steps, rate=0.1, betas=(0.5, 0.9))["w"]
        return (w * g).square().sum()

    torch.autograd.gradcheck(ahead, (g,))
