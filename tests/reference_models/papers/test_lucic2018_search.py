"""The search: best of k against all choices, spreads by hand, settings within their ranges."""

from itertools import combinations

import pytest
import torch

from reference_models.papers.lucic2018_search import (
    LOSS,
    PENALTY,
    WORST,
    best_of,
    distance,
    setting,
    spreads,
)


@pytest.mark.parametrize("k", [1, 2, 4, 5])
def test_the_best_of_k_is_the_mean_over_all_choices(k):
    scores = [0.7, 0.1, 0.4, 0.4, 1.9]
    least = [min(each) for each in combinations(scores, k)]
    assert best_of(scores, k) == pytest.approx(sum(least) / len(least), rel=1e-12)


def test_spreads_by_hand():
    found = spreads({"a": [1.0, 5.0], "b": [4.0, 2.0], "c": [1.0, 2.0]})
    # Of the turns (1, 4, 1) and (5, 2, 2) both 3 / sqrt 3; of the best (1, 2, 1) a third of it; of
    # the settings the differences / sqrt 2.
    assert found["models, one setting"] == pytest.approx(3**0.5)
    assert found["models, best"] == pytest.approx(3**-0.5)
    assert found["settings"] == pytest.approx((4 + 2 + 1) / 3 / 2**0.5)


@pytest.mark.parametrize("model", LOSS)
def test_a_setting_is_drawn_from_the_whole_search(model):
    drawn = [setting(model, torch.Generator().manual_seed(seed)) for seed in range(200)]
    rates = [each["lr_g"] for each in drawn]
    assert 1e-4 <= min(rates) < 2e-4
    assert 5e-3 < max(rates) < 1e-2
    assert {each["n_critic"] for each in drawn} == {1, 2, 3, 4, 5}
    assert {each["norm_d"] for each in drawn} == {"none", "batch"}
    weights = [each[PENALTY[model]] for each in drawn if model in PENALTY]
    assert all(0.1 <= weight < 100 for weight in weights)
    assert len(weights) == 200 * (model in PENALTY)


@pytest.mark.parametrize("away", [torch.nan, torch.inf, 1e9])
def test_a_run_that_went_astray_has_the_worst_score(away):
    assert distance(torch.full((20, 2), away), 0) == WORST


def test_points_all_at_the_centre_are_a_radius_away():
    # Each mode is at radius 1, and sd .01 moves the mean of 20 radii by .01 / sqrt 20.
    assert distance(torch.zeros(20, 2), 0) == pytest.approx(1.0, abs=0.01)
