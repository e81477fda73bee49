import math

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import (
    GaussianMMD,
    Subsets,
    gaussian_mmd,
    gaussian_mmd_of_subsets,
    gaussian_mmd_with_deviation,
)
from gandiag.metrics import tiles as tiling
from gandiag.statistics import Bank


def normal(n, width, seed):
    return np.random.default_rng(seed).normal(size=(n, width))


def twin(x, y, sigma, *, biased):
    """Pair by pair, by the definition."""

    def mean(a, b, same):
        values = [
            math.exp(-float(((u - v) ** 2).sum()) / (2 * sigma**2))
            for i, u in enumerate(a)
            for j, v in enumerate(b)
            if not (same and i == j)
        ]
        return sum(values) / len(values)

    drop = not biased
    return mean(x, x, drop) + mean(y, y, drop) - 2 * mean(x, y, False)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize("biased", [True, False])
def test_agrees_with_the_definition(biased):
    x, y = normal(9, 3, 0), normal(13, 3, 1) + 0.5
    found = gaussian_mmd(x, y, sigma=1.5, normalise=False, scale=1, biased=biased)
    # Of sums of numbers up to 1.
    assert found == pytest.approx(twin(x, y, 1.5, biased=biased), abs=1e-14)
    found = gaussian_mmd(x, y, biased=biased)
    # The twin's kernel is within 0.02 of 1, where it has twelve digits of what it differs by.
    assert found == pytest.approx(1000 * twin(unit(x), unit(y), 10, biased=biased), abs=1e-10)


def test_tiles_do_not_matter(monkeypatch):
    x, y = normal(30, 3, 0), normal(23, 3, 1) + 0.5
    whole = gaussian_mmd_with_deviation(x, y, sigma=2)
    monkeypatch.setattr(tiling, "TILE", 7)
    assert gaussian_mmd_with_deviation(x, y, sigma=2) == pytest.approx(whole, rel=1e-11)


@pytest.mark.parametrize("sigma", [1.0, 4.0])
def test_closed_form_of_two_gaussians(sigma):
    """E k of N(a, s I) and N(b, t I) is c^(d/2) exp(-|a - b|^2 c / 2 sigma^2)."""
    width, shift, draws = 3, 0.7, 60

    def expected(spread, distance):
        c = sigma**2 / (sigma**2 + spread)
        return c ** (width / 2) * math.exp(-distance * c / (2 * sigma**2))

    truth = expected(2, 0) + expected(2 * 0.25, 0) - 2 * expected(1.25, width * shift**2)
    found = []
    for seed in range(draws):
        x, y = normal(60, width, 2 * seed), 0.5 * normal(80, width, 2 * seed + 1) + shift
        options = {"sigma": sigma, "normalise": False, "scale": 1.0}
        found.append([gaussian_mmd(x, y, **options), gaussian_mmd(x, y, **options, biased=True)])
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / math.sqrt(draws)
    assert mean[0] == pytest.approx(truth, abs=4 * error[0])
    # The diagonals: (1 - k) / n of each set.
    bias = (1 - expected(2, 0)) / 60 + (1 - expected(0.5, 0)) / 80
    assert mean[1] - mean[0] == pytest.approx(bias, rel=0.02)


def test_copies_have_no_biased_discrepancy_and_a_negative_unbiased_one():
    x = normal(20, 4, 0)
    assert gaussian_mmd(x, x, biased=True) == pytest.approx(0, abs=1e-11)
    assert gaussian_mmd(x, x) < 0


def test_no_digits_are_lost_far_from_the_origin():
    x, y = normal(20, 3, 0), normal(20, 3, 1) + 0.3
    near = gaussian_mmd(x, y, sigma=1, normalise=False)
    # What float64 leaves of the coordinates at 1e8 is 1e-8 of them.
    assert gaussian_mmd(x + 1e8, y + 1e8, sigma=1, normalise=False) == pytest.approx(near, rel=1e-6)


def test_lengths_do_not_matter_where_rows_are_normalised():
    x, y = normal(20, 3, 0), normal(20, 3, 1) + 0.3
    lengths = 2.0 ** np.arange(20)[:, None]
    assert gaussian_mmd(x * lengths, y) == pytest.approx(gaussian_mmd(x, y), rel=1e-12)
    zeros = np.zeros((20, 3))
    # cos 0: every squared distance is 2, and zeros are alike.
    kernel = np.exp(unit(x) @ unit(x).T - 1)
    expected = (kernel.sum() - 20) / (20 * 19) + 1 - 2 * math.exp(-1)
    assert gaussian_mmd(x, zeros, sigma=1, scale=1) == pytest.approx(expected, rel=1e-12)


@pytest.mark.peers
def test_subsets_agree_with_torch_fidelity():
    from torch_fidelity.metric_kid import kid_features_to_metric

    generated, real = normal(90, 5, 0).astype(np.float32), normal(70, 5, 1).astype(np.float32)
    theirs = kid_features_to_metric(
        torch.from_numpy(generated).double(),
        torch.from_numpy(real).double(),
        kid_subsets=6,
        kid_subset_size=40,
        kid_kernel="rbf",
        kid_kernel_rbf_sigma=3.0,
        rng_seed=2020,
        verbose=False,
    )
    metric = GaussianMMD(sigma=3, normalise=False, scale=1, subsets=Subsets(count=6, size=40))
    ours = metric(real=Bank.of(torch.tensor(real)), generated=Bank.of(torch.tensor(generated)))
    assert ours["mmd"].value == pytest.approx(
        theirs["kernel_inception_distance_mean"], rel=1e-10, abs=1e-13
    )
    assert ours["mmd"].extra["std"] == pytest.approx(
        theirs["kernel_inception_distance_std"], rel=1e-9
    )


@pytest.mark.parametrize("biased", [True, False])
def test_a_subset_that_is_the_whole_set_is_the_score(biased):
    x, y = normal(20, 3, 0), normal(20, 3, 1)
    (value,) = gaussian_mmd_of_subsets(
        real=x, generated=y, subsets=Subsets(count=1, size=20), biased=biased
    )
    assert float(value) == pytest.approx(gaussian_mmd(x, y, biased=biased), rel=1e-9)
    metric = GaussianMMD(subsets=Subsets(count=3, size=20), biased=biased)
    score = metric(real=Bank.of(torch.tensor(x)), generated=Bank.of(torch.tensor(y)))["mmd"]
    assert "std" not in score.extra


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_the_interval_is_that_of_repeated_draws(shift):
    found = [
        gaussian_mmd_with_deviation(normal(60, 6, 2 * s), 0.9 * normal(80, 6, 2 * s + 1) + shift)
        for s in range(150)
    ]
    values, claimed = np.array(found).T
    # 150 draws know a standard deviation to 6 %; near equality the clamps at 0 make it wider.
    assert 0.8 < claimed.mean() / values.std(ddof=1) < 1.35
    covered = (np.abs(values - values.mean()) <= 1.96 * claimed).mean()
    assert covered > 0.95 - 3 * math.sqrt(0.95 * 0.05 / 150)


@pytest.mark.parametrize("biased", [False, True])
def test_the_interval_holds_zero_as_often_as_it_should(biased):
    """Of two classes the distance is the square of one number: skew, and zero is its mean."""
    rng = np.random.default_rng(0)
    held = []
    for _ in range(400):
        x, y = (10.0 * rng.integers(0, 2, (60, 1)) + [[1.0, 5.0]] for _ in range(2))
        score = GaussianMMD(biased=biased)(
            real=Bank.of(torch.tensor(x)), generated=Bank.of(torch.tensor(y))
        )["mmd"]
        bias = gaussian_mmd(x, y, biased=True) - gaussian_mmd(x, y) if biased else 0.0
        held.append(score.low <= bias <= score.high)
    assert 0.92 < np.mean(held) < 0.98


def test_few_images_have_no_interval():
    for n, printed in ((3, False), (4, True)):
        x, y = (torch.tensor(normal(n, 3, seed)) for seed in range(2))
        score = GaussianMMD()(real=Bank.of(x), generated=Bank.of(y))["mmd"]
        assert (score.low is not None) == printed


def test_refuses():
    x = normal(5, 2, 0)
    for sigma in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(GandiagError, match="sigma > 0"):
            gaussian_mmd(x, x, sigma=sigma)
        with pytest.raises(GandiagError, match="sigma > 0"):
            GaussianMMD(sigma=sigma)
    with pytest.raises(GandiagError, match="scale > 0"):
        GaussianMMD(scale=0)
    with pytest.raises(GandiagError, match="so large"):
        gaussian_mmd(x * 1e200, x, normalise=False)
