"""Signals against what theory says of them, and against slow obvious twins."""

import math

import numpy as np
import pytest
import torch
from small_gan import ring
from torch import nn

from gandiag.monitors.bins import Bins
from gandiag.monitors.features import Features, pooled
from gandiag.monitors.signals import (
    critics,
    gradients,
    histograms,
    labels,
    losses,
    ranks,
    spread,
    turning,
    units,
)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_auc_counts_pairs_with_ties_as_halves():
    a = torch.tensor([1.0, 2.0, 2.0, 5.0])
    b = torch.tensor([0.0, 2.0, 3.0])
    pairs = [(x > y) + 0.5 * (x == y) for x in a.tolist() for y in b.tolist()]
    assert float(ranks.auc(a, b)) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert float(ranks.auc(a, b) + ranks.auc(b, a)) == pytest.approx(1)


def test_auc_is_the_same_for_every_increasing_function_and_half_without_a_difference():
    a, b = torch.randn(300, generator=rng()), torch.randn(400, generator=rng(1))
    assert ranks.auc(a, b) == ranks.auc(a.exp(), b.exp())
    # 5 standard errors: fails once in a million seeds.
    assert abs(float(ranks.auc(a, b)) - 0.5) < 5 * ranks.auc_error(300, 400)
    found = torch.stack(
        [
            ranks.auc(torch.randn(30, generator=g), torch.randn(20, generator=g))
            for g in [rng(2)]
            for _ in range(500)
        ]
    )
    # The deviation of 500 draws is known to 3 %; 15 % is 5 of that.
    assert float(found.std()) == pytest.approx(ranks.auc_error(30, 20), rel=0.15)


@pytest.mark.parametrize(
    ("loss", "generator_loss"),
    [
        ("minimax", lambda b: -nn.functional.softplus(b)),
        ("non-saturating", lambda b: nn.functional.softplus(-b)),
        ("least-squares", lambda b: 0.5 * (b - 1) ** 2),
    ],
)
def test_the_loss_slope_is_the_derivative(loss, generator_loss):
    b = torch.linspace(-5, 5, 21, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(generator_loss(b).sum(), b)
    assert torch.allclose(losses.loss_slope(loss, b.detach()), slope.abs().mean())
    assert losses.loss_slope("hinge", b) is None
    assert losses.loss_slope(None, b) is None


def test_a_periodic_series_is_told_from_noise():
    noise = np.random.default_rng(0).normal(size=200)
    wave = np.sin(1.1 * np.arange(200))
    assert losses.periodicity(noise + 2 * wave) < 1e-6
    walk = np.cumsum(noise)
    assert losses.periodicity(noise) > 1e-3
    assert losses.periodicity(walk) > 1e-3
    assert losses.periodicity(noise[:31]) is None
    assert losses.periodicity(np.ones(50)) is None


def test_sign_changes():
    assert losses.sign_changes(np.array([0.0, 1, 0, 1, 0])) == 1
    assert losses.sign_changes(np.arange(5.0)) == 0
    assert losses.sign_changes(np.array([1.0])) is None


def test_a_global_norm_is_that_of_all_entries_also_in_half_precision():
    tensors = [torch.randn(3, 4, generator=rng()), torch.randn(5, generator=rng(1))]
    whole = torch.cat([t.flatten() for t in tensors])
    assert torch.allclose(gradients.global_norm(tensors), whole.norm())
    large = [torch.full((100,), 6e4, dtype=torch.float16)]
    assert float(gradients.global_norm(large)) == pytest.approx(6e5, rel=1e-3)


def test_shares_of_zeros_and_of_clipped_weights():
    tensors = [torch.tensor([0.0, 1, 0, 2]), torch.tensor([[0.0, -2], [2, 2]])]
    assert float(gradients.zero_share(tensors)) == 3 / 8
    assert float(gradients.clip_share(tensors)) == 4 / 8


def test_adam_s_noise_floor_and_stall():
    weight = nn.Parameter(torch.zeros(20_000))
    optimizer = torch.optim.Adam([weight], 1e-3, betas=(0.9, 0.999))
    assert gradients.adam_state(optimizer) is None
    g = rng()
    for _ in range(60):
        weight.grad = torch.randn(20_000, generator=g)
        optimizer.step()
    stalled, snr = gradients.adam_state(optimizer)
    assert float(stalled) == 0
    # sqrt(2/pi) sqrt((1 - b1) / (1 + b1)); v is known from 60 draws, to a tenth.
    assert float(snr) == pytest.approx(math.sqrt(2 / math.pi) * math.sqrt(0.1 / 1.9), rel=0.1)
    weight.grad = torch.zeros(20_000)
    still = torch.optim.Adam([weight], 1e-3)
    still.step()
    assert float(gradients.adam_state(still)[0]) == 1
    assert gradients.adam_state(torch.optim.SGD([weight], 1.0)) is None


def test_rotation_is_high_on_a_circle_only():
    angle = np.arange(40) * 0.5
    circle = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    assert turning.rotation(np.diff(circle, axis=0)[:24]) > 0.9
    line = np.ones((24, 2), np.float32)
    assert turning.rotation(line) < 0
    walk = np.random.default_rng(0).normal(size=(24, 500)).astype(np.float32)
    assert turning.rotation(walk) < 0.1
    assert turning.rotation(line[:11]) is None
    assert turning.rotation(np.zeros((24, 2), np.float32)) is None


def test_total_variation_and_missing_mass():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])
    assert histograms.total_variation(p, q) == 0.5
    masses = np.full(8, 1 / 8)
    assert histograms.missing_mass(np.array([143.0] * 7 + [0]), masses) == 1 / 8
    assert histograms.missing_mass(np.array([1000.0] + [0] * 7), masses) == 7 / 8


def test_samples_of_the_data_miss_a_bin_as_seldom_as_promised():
    generator = np.random.default_rng(0)
    masses = generator.dirichlet(np.full(20, 3.0))
    missed = [
        histograms.missing_mass(generator.multinomial(500, masses).astype(float), masses) > 0
        for _ in range(400)
    ]
    # 5 % of 400 draws is 20 with a deviation of 4.4; the bound is conservative.
    assert sum(missed) < 40


def test_energy_is_zero_for_equal_distributions_and_one_for_two_points():
    def energy(x, y):
        return float(
            spread.energy(spread.pairwise(y, x), spread.pairwise(x, x), spread.pairwise(y, y))
        )

    same = [
        energy(torch.randn(200, 3, generator=g), torch.randn(200, 3, generator=g))
        for g in [rng()]
        for _ in range(50)
    ]
    # Unbiased up to the ratio: the mean of 50 is within 3 standard errors of 0.
    assert abs(np.mean(same)) < 3 * np.std(same) / math.sqrt(50) + 1e-4
    assert energy(torch.zeros(20, 2), torch.ones(30, 2)) == pytest.approx(1)


def test_nearest_neighbours_and_coverage_as_loops_find_them():
    x, y = torch.randn(40, 2, generator=rng()), torch.randn(30, 2, generator=rng(1))
    within = spread.pairwise(x, x)
    nearest = [
        min(float((a - b).norm()) for j, b in enumerate(x) if j != i) for i, a in enumerate(x)
    ]
    assert torch.allclose(spread.nearest(within), torch.tensor(nearest), atol=1e-6)
    radii = torch.tensor([sorted(float((a - b).norm()) for b in x)[5] for a in x])
    covered = [any(float((a - b).norm()) <= r for b in y) for a, r in zip(x, radii, strict=True)]
    assert float(spread.coverage(spread.pairwise(x, y), radii)) == pytest.approx(np.mean(covered))


def test_effective_rank_counts_directions():
    x = torch.randn(5000, 4, generator=rng())
    assert float(spread.effective_rank(x)) == pytest.approx(4, abs=0.02)
    assert float(spread.effective_rank(x * torch.tensor([1.0, 0, 0, 0]))) == pytest.approx(1)


def test_spread_in_bins():
    x, bins = torch.randn(90, 3, generator=rng()), torch.arange(90) % 3
    found, rows = spread.bin_spreads(x, bins, 4)
    for k in range(3):
        assert float(found[k]) == pytest.approx(float(x[bins == k].var(0).sum().sqrt()), rel=1e-5)
    assert rows.tolist() == [30, 30, 30, 0]
    assert found[3] == 0


@pytest.mark.parametrize("modes", [3, 8, 12])
def test_bins_are_the_modes_where_there_are_some(modes):
    x = ring(2000, rng(), modes=modes, sd=0.02)
    bins = Bins(x, 50, seed=0)
    assert bins.count == modes
    assert bins.masses == pytest.approx(np.full(modes, 1 / modes), abs=0.04)
    centre = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.01, 0.01]])
    assert bins(centre)[0] == bins(centre)[2] != bins(centre)[1]


def test_data_without_modes_keeps_its_cells():
    assert Bins(torch.randn(2000, 2, generator=rng()), 50, seed=0).count == 50
    assert Bins(torch.ones(100, 2), 50, seed=0).count == 1


def test_features_of_vectors_are_standardised_and_of_images_at_most_64():
    x = torch.randn(500, 3, generator=rng()) * torch.tensor([1.0, 100.0, 0.0])
    features = Features(x, 0, alike=False)(x)
    assert torch.allclose(features.std(0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-5)
    images = pooled(torch.rand(100, 1, 32, 32, generator=rng()))
    assert images.shape == (100, 256)
    project = Features(images, 0, alike=True)
    assert project(images).shape == (100, 64)
    assert torch.equal(project(images), Features(images, 0, alike=True)(images))


def test_slopes_of_a_linear_critic_are_its_weight():
    linear = nn.Linear(3, 1, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0, 2.0, 2.0]]))
        linear.bias.zero_()
    with torch.no_grad():
        found = critics.slopes(lambda x: linear(x)[:, 0], torch.randn(5, 3, generator=rng()))
    assert torch.allclose(found, torch.full((5,), 3.0))
    assert linear.weight.grad is None


def test_the_largest_singular_value():
    matrix = torch.randn(20, 30, generator=rng())
    exact = float(torch.linalg.matrix_norm(matrix, 2))
    # Ten iterations: a lower bound, within 2 % on a matrix with a small gap.
    assert 0.98 * exact < float(critics.largest_singular_value(matrix, rng())) <= exact * 1.0001


def test_spectrally_normalised_layers_are_seen_as_applied():
    with torch.random.fork_rng(devices=[]):
        layer = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 6), n_power_iterations=50)
    layer.eval()
    (weight,) = critics.applied_weights(nn.Sequential(layer))
    assert float(torch.linalg.matrix_norm(weight, 2)) == pytest.approx(1, abs=0.02)


def test_dead_units_of_modules_functions_and_flat_leaky_relus():
    x = torch.tensor([[1.0, -1.0, 2.0], [3.0, -2.0, -1.0]])
    with units.Rectified() as seen:
        nn.ReLU()(x)
        torch.relu(-x)
        nn.LeakyReLU(0.0)(x)
        nn.LeakyReLU(0.1)(x)
        x.relu()
    assert [each.tolist() for each in seen.fired] == [
        [True, False, True],
        [False, True, True],
        [True, False, True],
        [True, False, True],
    ]
    assert float(units.dead_share(seen.fired)) == pytest.approx(1 / 3)
    assert units.dead_share([]) is None
    with units.Rectified() as seen:
        nn.ReLU()(torch.tensor([[[[-1.0, -1], [-1, 2]], [[-1, -1], [-1, -1]]]]))
    assert seen.fired[0].tolist() == [True, False]


def test_label_agreement_is_zero_at_chance_and_one_at_the_reals():
    assert labels.agreement(0.1, 0.9, 10) == 0
    assert labels.agreement(0.9, 0.9, 10) == 1
    assert labels.agreement(0.5, 0.15, 10) is None
    means = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    assert labels.nearest_mean(torch.tensor([[0.9, 5.0], [0.1, 0.0]]), means).tolist() == [1, 0]


@pytest.mark.parametrize("largest", [1e20, 1e38, float("inf")])
def test_effective_rank_of_an_explosion_is_no_error(largest):
    features = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    features[0, 0] = largest
    found = float(spread.effective_rank(features))
    # One sample that is so far out is all the variance there is.
    assert np.isnan(found) if np.isinf(largest) else found == pytest.approx(1)
