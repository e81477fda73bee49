"""Near-copies and the closest pairs: exact at 0, and the quantile by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gandiag.errors import GandiagError
from gandiag.metrics import NearCopies, closest_pairs, near_copies
from gandiag.metrics import tiles as tiling
from gandiag.statistics import Bank


def rows(n, width=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width))


def score(real, generated, **options):
    given = {"real": Bank.of(torch.tensor(real)), "generated": Bank.of(torch.tensor(generated))}
    return NearCopies(**options)(**given)["near_copies"]


def pairwise(x, y):
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(2))


def test_an_example_by_hand():
    # To the nearest other: 1 1 2 4.
    real = np.array([[0.0], [1.0], [3.0], [7.0]])
    generated = np.array([[1.0], [8.0], [8.5], [-1.0], [-3.0], [20.0]])  # at 0 1 1.5 1 3 13
    found = near_copies(real=real, generated=generated, quantile=0.5)
    assert found.tolist() == [True, True, False, True, False, False]
    whole = score(real, generated, quantile=0.75)
    assert whole.value == 4 / 6
    assert whole.extra == {"of real images": 3 / 4, "exact": 1.0, "within": 2.0}
    assert score(real, generated, within=0.0).value == 1 / 6


@pytest.mark.parametrize("share", [0.01, 0.07, 0.29, 0.3, 0.57, 1.0])
def test_the_quantile_is_of_at_least_that_share(share):
    # 100 * .29 and .57 are a last digit beside 29 and 57.
    found = score(rows(100).astype(np.float32), rows(5), quantile=share)
    own = np.sort(pairwise(rows(100), rows(100)), axis=1)[:, 1]
    # Two rows that are each other's nearest are equally far: one more than the share, if any.
    assert share <= found.extra["of real images"] <= share + 0.01 + 1e-9
    assert found.extra["within"] == pytest.approx(np.sort(own)[round(100 * share) - 1], rel=1e-5)


@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_copies_are_at_exactly_zero(offset):
    real = (offset + rows(80, 50)).astype(np.float32)
    found = score(real, real[::-1].copy())
    assert (found.value, found.extra["exact"]) == (1.0, 80.0)
    assert [pair.distance for pair in found.pairs] == [0.0] * 12
    assert [(pair.generated, pair.real) for pair in found.pairs] == [(i, 79 - i) for i in range(12)]


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 30), st.integers(1, 30), st.integers(1, 4), st.integers(0, 999))
def test_pairs_are_the_closest_of_all_pairs(n, m, levels, seed):
    rng = np.random.default_rng(seed)
    real = rng.integers(0, levels + 1, (n, 2)).astype(float)
    generated = rng.integers(0, levels + 1, (m, 2)).astype(float)
    d = pairwise(generated, real)
    expected = sorted((each.min(), j, int(each.argmin())) for j, each in enumerate(d))[:5]
    found = closest_pairs(real=real, generated=generated, count=5)
    assert [(pair.distance, pair.generated, pair.real) for pair in found] == expected


def test_tiles_change_nothing(monkeypatch):
    whole = closest_pairs(real=rows(40), generated=rows(30, seed=1))
    monkeypatch.setattr(tiling, "TILE", 7)
    assert closest_pairs(real=rows(40), generated=rows(30, seed=1)) == whole


def test_unseen_rows_have_the_share_of_the_real_ones():
    rng = np.random.default_rng(2)
    found = [score(rng.normal(size=(200, 3)), rng.normal(size=(200, 3)), quantile=0.1)
             for _ in range(40)]  # fmt: skip
    values = np.array([each.value for each in found])
    # One real row less for these than for the generated: 1 / 200 of the share.
    assert abs(values.mean() - 0.1) < 4 * values.std() / np.sqrt(40) + 0.0005


def test_the_interval_covers_the_share_near_these_real_images():
    rng = np.random.default_rng(3)
    real = rng.normal(size=(60, 2)).astype(np.float32)
    truth = score(real, rng.normal(size=(50_000, 2)), quantile=0.3).value
    found = [score(real, rng.normal(size=(80, 2)), quantile=0.3) for _ in range(300)]
    hits = np.mean([each.low <= truth <= each.high for each in found])
    # Binomial(300, .95) has deviation .013.
    assert 0.95 - 0.04 < hits < 0.95 + 0.04


def test_each_sample_has_its_distance():
    real, generated = rows(30).astype(np.float32), rows(20, seed=1).astype(np.float32)
    sets = {"real": Bank.of(torch.tensor(real)), "generated": Bank.of(torch.tensor(generated))}
    found = NearCopies().each(**sets)["nearest_real"]
    expected = pairwise(generated.astype(float), real.astype(float)).min(axis=1)
    assert found.numpy() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("options", [{"quantile": 0.0}, {"quantile": 1.5}, {"within": -1.0}])
def test_what_is_no_limit_is_refused(options):
    with pytest.raises(GandiagError, match=r"quantile must be|within is"):
        NearCopies(**options)
