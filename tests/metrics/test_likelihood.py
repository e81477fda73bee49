"""FLD: likelihoods by the definition, variances by another optimiser, and what copies do."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp

from gandiag.metrics import FLD, feature_likelihood
from gandiag.metrics import likelihood as fld
from gandiag.metrics.drawing import drawn_order
from gandiag.statistics import Bank

MEANS = 3 * np.random.default_rng(9).normal(size=(4, 8))


def draw(seed, n):
    rng = np.random.default_rng(seed)
    return MEANS[rng.integers(0, 4, n)] + rng.normal(size=(n, 8))


TRAIN, TEST = draw(0, 200), draw(1, 200)


def scored(generated, **sets):
    return feature_likelihood(**({"real": TRAIN, "heldout": TEST} | sets), generated=generated)


def squares(x, y):
    return ((x[:, None] - y[None]) ** 2).sum(2)


def densities(rows, centres, logs):
    width = rows.shape[1]
    return -(squares(rows, centres) / np.exp(logs) + width * (logs + np.log(2 * np.pi))) / 2


def test_surprise_is_the_negative_log_likelihood():
    centres, rows = draw(2, 30), draw(3, 50)
    logs = np.random.default_rng(4).normal(size=30)
    found = fld.surprise(*map(torch.tensor, (centres, logs, rows)))
    expected = -(logsumexp(densities(rows, centres, logs), axis=1) - np.log(30)) / 8
    # |x|^2 + |y|^2 - 2 x.y, in float64.
    assert found.numpy() == pytest.approx(expected, rel=1e-12)


def test_variances_are_of_maximum_likelihood():
    centres, rows = draw(2, 8), draw(3, 60)
    spread = 0.81 * ((rows - rows.mean(0)) ** 2).sum(1)

    def loss(logs):
        d = densities(rows, centres, logs[:-1]) - np.log(8)
        mean = -(spread / np.exp(logs[-1]) + 8 * (logs[-1] + np.log(2 * np.pi))) / 2
        return -logsumexp(np.column_stack((d, mean)), axis=1).mean()

    start = np.append(np.log((squares(rows, centres).min(0) + 1e-3) / 8), 0)
    best = minimize(loss, start, method="BFGS", options={"gtol": 1e-7})
    found = fld.fitted(torch.tensor(centres), torch.tensor(rows), lambda _: None).numpy()
    # BFGS takes differences for slopes; 50 steps of EM have come to within this of the maximum.
    assert np.exp(found) == pytest.approx(np.exp(best.x[:-1]), rel=1e-3)


def test_copies_of_the_training_rows_have_a_gap_far_below_zero():
    fresh, copies = scored(draw(5, 200)), scored(TRAIN + 0.01 * draw(6, 200))
    # Hundredths of a nat per dimension: a few for fitting to the training rows, or thousands.
    assert -15 < fresh.gap < 0
    assert copies.gap < -1000
    assert copies.value > 1000


def test_it_sees_quality_and_variety():
    fresh = scored(draw(5, 200))
    noise = scored(draw(5, 200) + np.random.default_rng(7).normal(size=(200, 8)))
    one_mode = scored(MEANS[0] + np.random.default_rng(8).normal(size=(200, 8)))
    assert abs(fresh.value) < 10
    assert fresh.value + 5 < noise.value < one_mode.value


def test_the_baseline_is_each_half_of_the_training_rows():
    def standard(x):
        return torch.tensor((x - TEST.mean(0)) / TEST.std(0, ddof=1))

    def mean_surprise(centres, rows):
        logs = fld.fitted(standard(centres), standard(rows), lambda _: None)
        return float(fld.surprise(standard(centres), logs, standard(TEST)).mean())

    order = drawn_order(torch.tensor(TRAIN), 0).numpy()
    one, other = TRAIN[order[:100]], TRAIN[order[100:]]
    baseline = (mean_surprise(one, other) + mean_surprise(other, one)) / 2
    generated = draw(5, 150)
    expected = 100 * (mean_surprise(generated, TRAIN) - baseline)
    # Standardised in another order of operations, and fitted from float32 distances.
    assert scored(generated).value == pytest.approx(expected, abs=1e-4)


def test_scale_and_shift_of_each_feature_are_of_no_account():
    scale, generated = np.array([1, 10, 0.1, 1, 5, 1, 2, 1]), draw(5, 100)
    plain = scored(generated)
    other = scored(7 + scale * generated, real=7 + scale * TRAIN, heldout=7 + scale * TEST)
    # Fitted from float32 distances. The value is less a baseline of halves, which are drawn by the
    # rows' own numbers.
    assert other.gap == pytest.approx(plain.gap, abs=1e-3)


def test_features_that_do_not_vary_are_left_out():
    def wide(x):
        return np.column_stack((x, np.full(len(x), 3.0)))

    generated = draw(5, 100)
    with_constant = scored(wide(generated), real=wide(TRAIN), heldout=wide(TEST))
    assert with_constant.gap == scored(generated).gap


def test_the_interval_covers_the_mean_over_held_out_rows():
    real, generated = TRAIN[:60], draw(5, 40)
    found = [scored(generated, real=real, heldout=draw(100 + i, 60)) for i in range(60)]
    values = np.array([each.value for each in found])
    hits = [abs(each.value - values.mean()) < 1.96 * each.deviation for each in found]
    # Binomial(60, .95) has deviation .028.
    assert np.mean(hits) > 0.95 - 3 * 0.028


def test_more_rows_than_are_fitted_to(monkeypatch):
    monkeypatch.setattr(fld, "SIZE", 50)
    generated = draw(5, 120)
    found = scored(generated)
    rng = np.random.default_rng(0)
    mixed = scored(rng.permutation(generated), real=rng.permutation(TRAIN))
    assert mixed.value == pytest.approx(found.value, rel=1e-9)


def test_progress_and_the_metric():
    told = []
    sets = {"real": TRAIN, "heldout": TEST, "generated": draw(5, 50)}
    given = {role: Bank.of(torch.tensor(x)) for role, x in sets.items()}
    (score,) = FLD().telling(told.append)(**given).values()
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert score == FLD()(**given)["fld"]
    assert score.low < score.value < score.high
