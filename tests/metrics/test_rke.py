import math

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import RKE, median_distance, rke, rke_score, vendi_score
from gandiag.metrics.rke import rke_with_deviation
from gandiag.statistics import Bank


def normal(n, width, seed):
    return np.random.default_rng(seed).normal(size=(n, width))


def bank(x):
    return Bank.of(torch.from_numpy(x))


def test_agrees_with_the_definition():
    x = normal(17, 3, 0)
    k = np.array([[math.exp(-((a - b) ** 2).sum() / (2 * 0.8**2)) for a in x] for b in x])
    assert rke_score(x, sigma=0.8) == pytest.approx(1 / ((k / 17) ** 2).sum(), rel=1e-12)


def test_two_clusters_by_hand():
    # a and b points in two places, a distance of 2 sigma apart: k = exp(-2), squared exp(-4).
    a, b = 6, 2
    x = np.array([[0.0]] * a + [[3.0]] * b)
    expected = (a + b) ** 2 / (a**2 + b**2 + 2 * a * b * math.exp(-4))
    assert rke_score(x, sigma=1.5) == pytest.approx(expected, rel=1e-13)


def test_kinds_far_apart_are_counted_by_their_squared_shares():
    x = 1000.0 * np.eye(3)[[0] * 6 + [1] * 3 + [2]]
    assert rke_score(x, sigma=1) == pytest.approx(1 / (0.36 + 0.09 + 0.01), rel=1e-13)
    # As the Vendi score of order 2 has it, whose linear kernel is 0 between these, too.
    assert rke_score(x, sigma=1) == pytest.approx(vendi_score(x, q=2), rel=1e-12)


def test_what_infinitely_many_would_give():
    """E k^2 of two draws of N(0, I): c^(d/2), c = sigma^2 / (sigma^2 + 4)."""
    n, width, sigma = 60, 4, 2.0
    u = (sigma**2 / (sigma**2 + 4)) ** (width / 2)
    values = [1 / rke_score(normal(n, width, seed), sigma=sigma) for seed in range(100)]
    expected = 1 / n + (1 - 1 / n) * u
    assert np.mean(values) == pytest.approx(expected, abs=4 * np.std(values) / 10)


@pytest.mark.parametrize(("n", "width", "sigma"), [(60, 6, 4.0), (200, 2, 0.5)])
def test_the_interval_is_that_of_repeated_draws(n, width, sigma):
    found = [rke_with_deviation(normal(n, width, seed), sigma=sigma) for seed in range(200)]
    values, claimed = np.log([each[0] for each in found]), np.array([each[1] for each in found])
    # 200 draws know a standard deviation to 5 % (one sigma): three of these, and first order only.
    assert claimed.mean() == pytest.approx(values.std(ddof=1), rel=0.2)
    covered = (np.abs(values - values.mean()) <= 1.96 * claimed).mean()
    assert covered > 0.95 - 3 * math.sqrt(0.95 * 0.05 / 200)


def test_the_scale_is_that_of_the_reals():
    real = normal(50, 3, 0)
    distances = torch.pdist(torch.from_numpy(real.astype(np.float32)).double())
    score = RKE()(real=bank(real), generated=bank(0.01 * real))["rke"]
    assert score.extra["sigma"] == pytest.approx(float(distances.median()), rel=1e-6)
    # A collapsed set does not choose a scale at which it looks varied.
    assert score.value < 1.001
    assert score.extra["real"] > 1.5
    assert median_distance(real[::-1].copy()) == median_distance(real)


def test_the_scale_of_many_rows_is_that_of_some_whatever_their_order(monkeypatch):
    monkeypatch.setattr(rke, "DRAWN", 30)
    rows = normal(200, 3, 0)
    found = median_distance(rows)
    assert median_distance(rows[::-1].copy()) == found
    assert median_distance(rows, seed=1) != found
    # Of 435 pairs of 30 rows, by a tenth as a rule.
    assert found == pytest.approx(median_distance(rows[:150]), rel=0.3)


def test_a_scale_where_most_are_alike():
    x = np.zeros((10, 2))
    assert median_distance(x) == 1
    x[0] = 5
    assert median_distance(x) == pytest.approx(math.sqrt(50) * 9 / 45)


def test_no_interval_where_every_image_is_a_mode():
    x = bank(normal(30, 8, 0))
    score = RKE(sigma=0.1)(real=x, generated=x)["rke"]
    assert score.value == pytest.approx(30)
    assert score.low is None
    assert score.method.startswith("no interval")
    assert RKE(sigma=9.0)(real=x, generated=x)["rke"].low is not None


def test_refuses():
    with pytest.raises(GandiagError, match="sigma > 0"):
        RKE(sigma=0)
    with pytest.raises(GandiagError, match="sigma > 0"):
        rke_score(np.ones((3, 2)), sigma=-1)
    with pytest.raises(GandiagError, match="at least 2"):
        rke_score(np.ones((1, 2)), sigma=1)
    with pytest.raises(GandiagError, match="so large"):
        rke_score(np.array([[1e200], [-1e200]]), sigma=1)
