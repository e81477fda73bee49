"""The generator that stands still, and what a wrong distance does to the verdict."""

import torch

from reference_models.papers import gulrajani2017_toy as toy
from reference_models.papers import judge


def test_the_noisy_generator_is_the_ring_with_noise():
    # Quantiles at the middle of the eighths, and no noise: the means, in order.
    middles = torch.special.ndtri((torch.arange(8, dtype=torch.float64) + 0.5) / 8).float()
    z = torch.cat([torch.zeros(8, 2), middles[:, None]], dim=1)
    assert torch.equal(toy.Noisy()(z, torch.zeros(8)), toy.RING.means)
    z = torch.randn(40_000, 3, generator=torch.Generator().manual_seed(0))
    second = toy.Noisy()(z, torch.zeros(0)).detach().square().sum(dim=1)
    # E |mean + noise|^2 = 2 + 2 (1 + sd^2), by definition of the ring; sd of the mean .015.
    expected = float(toy.RING.means[0].square().sum()) + 2 * (1 + toy.RING.sd**2)
    assert abs(float(second.mean()) - expected) < 0.06


def test_a_distance_that_is_too_short_turns_the_verdict(monkeypatch):
    monkeypatch.setattr(toy, "exact_wasserstein", lambda real, generated, order: 1e-3)
    verdicts = {
        each.published.name: each.verdict
        for each in judge(toy.EXPERIMENT, toy.EXPERIMENT.run("small", 0))
    }
    assert verdicts["bounds"] == "does not reproduce"
