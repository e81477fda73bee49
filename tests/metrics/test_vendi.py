import math

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import VendiScore, vendi_score
from gandiag.metrics.vendi import influences, surprises
from gandiag.statistics import Bank


def rows(n, width, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width))


def twin(x):
    """By the definition: the eigenvalues of all pairs' cosines."""
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(x @ x.T / len(x))
    values = values[values > 1e-15]
    return np.exp(-(values * np.log(values)).sum())


@pytest.mark.parametrize(("n", "width"), [(40, 7), (7, 40), (20, 20), (1, 3)])
def test_agrees_with_the_definition(n, width):
    # Eigenvalues near 0 weigh nothing: 1e-16 log 1e-16 for each.
    assert vendi_score(rows(n, width)) == pytest.approx(twin(rows(n, width)), rel=1e-12)


@pytest.mark.parametrize(("copies", "kinds", "width"), [(5, 3, 4), (5, 8, 100), (1, 6, 6)])
def test_counts_the_kinds(copies, kinds, width):
    # Orthogonal, of any length.
    x = np.eye(kinds, width).repeat(copies, axis=0) * np.arange(1, copies * kinds + 1)[:, None]
    assert vendi_score(x) == pytest.approx(kinds, rel=1e-13)


def test_uneven_kinds_count_by_their_entropy():
    x = np.eye(3)[[0] * 6 + [1] * 3 + [2]]
    p = np.array([0.6, 0.3, 0.1])
    assert vendi_score(x) == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-13)


@pytest.mark.parametrize(("n", "width"), [(40, 7), (7, 40)])
def test_surprises_average_to_the_log_score(n, width):
    found = surprises(rows(n, width))
    assert found.shape == (n,)
    assert float(found.mean()) == pytest.approx(np.log(twin(rows(n, width))), rel=1e-12)


def test_both_sides_give_one_influence():
    # Columns of zeros change nothing but which of the two matrices is smaller.
    x = rows(12, 5)
    wide = np.concatenate([x, np.zeros((12, 30))], axis=1)
    torch.testing.assert_close(surprises(wide), surprises(x), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("n", "width"), [(400, 6), (250, 80)])
def test_the_interval_is_that_of_repeated_draws(n, width):
    scale = np.logspace(0, -1, width)
    scores = [
        VendiScore()(generated=Bank.of(torch.tensor(rows(n, width, seed) * scale)))["vendi"]
        for seed in range(200)
    ]
    values = np.array([each.value for each in scores])
    half = np.array([each.high - each.low for each in scores]) / 2
    # 200 draws know a standard deviation to 5 % (one sigma): three of these, and first order only.
    assert half.mean() / 1.96 == pytest.approx(values.std(ddof=1), rel=0.25)
    assert all(1 <= each.low <= each.value <= each.high for each in scores)


@pytest.mark.parametrize("q", [1.0, 0.5, 3.0])
def test_where_the_score_is_flat_the_interval_is_not_that_of_the_influences(q):
    """At equal eigenvalues these come from noise alone, and vary too much by the root of two."""
    n, width = 300, 6
    halves, plain, values = [], [], []
    for seed in range(150):
        x = torch.from_numpy(np.random.default_rng(seed).normal(size=(n, width)))
        score = VendiScore(q=q)(generated=Bank.of(x))["vendi"]
        halves.append(math.log(score.high / score.value) / 1.96)
        plain.append(float(influences(x, q)[1].std()) / math.sqrt(n))
        values.append(math.log(score.value))
    truth = np.std(values, ddof=1)  # known to 6 % (one sigma)
    assert np.mean(halves) == pytest.approx(truth, rel=0.2)
    assert np.mean(plain) > 1.25 * truth


def test_fewer_images_than_three_a_feature_have_no_interval():
    few, enough = (
        VendiScore()(generated=Bank.of(torch.tensor(rows(n, 6))))["vendi"] for n in (17, 18)
    )
    assert few.low is few.high is None
    assert few.method == "no interval: it would not hold for fewer than 18 images"
    assert enough.low is not None


def test_rows_of_zeros_are_a_kind_of_their_own():
    x = np.eye(2, 5)[[0, 1] * 4]
    assert vendi_score(np.concatenate([x, np.zeros((4, 5))])) == pytest.approx(3, rel=1e-13)
    assert vendi_score(np.zeros((4, 5))) == pytest.approx(1, rel=1e-13)


def test_the_interval_stays_above_the_least_score():
    # One odd image among twenty: its influence is larger than the score's distance from 1.
    x = torch.eye(2)[[0] * 19 + [1]]
    score = VendiScore()(generated=Bank.of(x))["vendi"]
    assert score.low == 1 < score.value


def test_refuses():
    with pytest.raises(GandiagError, match="at least 1"):
        vendi_score(np.zeros((0, 3)))


ORDERS = [0.1, 0.5, 2.0, 5.0, 100.0]


@pytest.mark.parametrize("q", [*ORDERS, 1.0, math.inf])
@pytest.mark.parametrize(("copies", "kinds", "width"), [(5, 3, 4), (5, 8, 100)])
def test_every_order_counts_even_kinds(q, copies, kinds, width):
    x = np.eye(kinds, width).repeat(copies, axis=0)
    assert vendi_score(x, q) == pytest.approx(kinds, rel=1e-12)


@pytest.mark.parametrize("q", ORDERS)
@pytest.mark.parametrize(("n", "width"), [(40, 7), (7, 40)])
def test_every_order_agrees_with_its_definition(q, n, width):
    x = rows(n, width)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(x @ x.T / n)
    values = values[values > 1e-14]
    expected = (values**q).sum() ** (1 / (1 - q))
    assert vendi_score(x, q=q) == pytest.approx(expected, rel=1e-11)
    assert vendi_score(x, q=math.inf) == pytest.approx(1 / values.max(), rel=1e-12)


def test_order_two_is_the_rke_of_cosines():
    x = rows(30, 5)
    cosines = x @ x.T / np.linalg.norm(x, axis=1) / np.linalg.norm(x, axis=1)[:, None]
    assert vendi_score(x, q=2) == pytest.approx(1 / ((cosines / 30) ** 2).sum(), rel=1e-12)


def test_larger_orders_count_less_and_join_smoothly():
    x = rows(60, 9) * np.logspace(0, -1, 9)
    found = [vendi_score(x, q) for q in (0.1, 0.5, 1 - 1e-6, 1.0, 1 + 1e-6, 2, 50, 5000, math.inf)]
    assert found == sorted(found, reverse=True)
    assert found[2] == pytest.approx(found[4], rel=1e-5)
    assert found[-2] == pytest.approx(found[-1], rel=1e-3)


@pytest.mark.parametrize("q", [0.5, 1.0, 3.0, math.inf])
@pytest.mark.parametrize(("n", "width"), [(30, 6), (6, 30)])
def test_influences_are_derivatives(q, n, width):
    """Of the log score by the weight of a row; here of one that is there once more."""
    x = rows(n, width) * np.logspace(0, -0.5, width)
    value, found = influences(x, q)
    assert value == vendi_score(x, q)
    # At infinity the mean is 0 exactly, elsewhere too.
    assert float(found.mean()) == pytest.approx(0, abs=1e-12)
    copies = 4000
    more = np.concatenate([np.tile(x, (copies, 1)), x[:1].repeat(copies // 40, axis=0)])
    if n < width:
        return  # too large for all pairs; both sides give one influence, see below
    share = (copies // 40) / len(more)
    step = math.log(vendi_score(more, q) / value) / share
    # The second order: a few percent at a step of 1/1200.
    assert step == pytest.approx(float(found[0]), rel=0.02, abs=0.01)


@pytest.mark.parametrize("q", [0.5, 3.0, math.inf])
def test_both_sides_give_one_influence_at_every_order(q):
    x = rows(12, 5)
    wide = np.concatenate([x, np.zeros((12, 30))], axis=1)
    torch.testing.assert_close(influences(wide, q)[1], influences(x, q)[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("q", [0.2, 2.0, "inf"])
def test_the_interval_of_every_order_holds_the_mean(q):
    scale = np.logspace(0.5, -1, 16)
    scores = [
        VendiScore(q=q)(generated=Bank.of(torch.tensor(rows(250, 16, seed) * scale)))["vendi"]
        for seed in range(150)
    ]
    mean = np.mean([each.value for each in scores])
    covered = np.mean([each.low <= mean <= each.high for each in scores])
    # Three deviations of a binomial share below what longer runs gave.
    assert covered > 0.92 - 3 * math.sqrt(0.92 * 0.08 / 150)


def test_an_order_is_above_zero():
    for q in (0.0, -1.0, math.nan):
        with pytest.raises(GandiagError, match="order q > 0"):
            vendi_score(rows(4, 2), q)
        with pytest.raises(GandiagError, match="order q > 0"):
            VendiScore(q=q)
    assert VendiScore(q=math.inf) == VendiScore(q="inf")
