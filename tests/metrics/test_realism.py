"""Realism and rarity of single samples, exactly: ties, copies and tiles included."""

import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gandiag.errors import GandiagError
from gandiag.metrics import Realism, neighbours, rarity, realism
from gandiag.metrics import tiles as tiling
from gandiag.statistics import Bank


def rows(n, width, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width))


def grid(n, width, seed, levels):
    return np.random.default_rng(seed).integers(0, levels, (n, width)).astype(float)


def pairwise(x, y):
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(2))


def radii_of(real, k):
    d = pairwise(real, real)
    np.fill_diagonal(d, np.inf)
    return np.sort(d, axis=1)[:, k - 1]


def twin(real, generated, k):
    """By the definitions, a pair at a time."""
    radii = radii_of(real, k)
    middle = np.sort(radii)[(len(radii) - 1) // 2]
    found, rare = [], []
    for line in pairwise(generated, real):
        ratios = [
            r / d if d else (np.inf if r else 1.0)
            for r, d in zip(radii, line, strict=True)
            if r <= middle
        ]
        found.append(max(ratios))
        holding = [r for r, d in zip(radii, line, strict=True) if d < r]
        rare.append(min(holding) if holding else np.nan)
    return found, rare


def both(real, generated, k):
    given = {"real": real, "generated": generated, "k": k}
    return realism(**given).tolist(), rarity(**given).numpy()


def test_an_example_by_hand():
    # Own nearest: 0 -> 1 at 1, 1 -> 0 at 1, 3 -> 1 at 2, 7 -> 3 at 4. The first two are kept.
    real = np.array([[0.0], [1.0], [3.0], [7.0]])
    generated = np.array([[0.5], [-3.0], [1.0], [3.0], [20.0]])
    found, rare = both(real, generated, 1)
    assert found == [2, 1 / 3, math.inf, 1 / 2, 1 / 19]
    # .5 in the balls of 0 and 1; 1 in its own; 3 in its own ball of radius 2, on the rim of 7's.
    np.testing.assert_array_equal(rare, [1, np.nan, 1, 2, np.nan])


@settings(deadline=None, max_examples=40)
@given(
    st.integers(4, 30),
    st.integers(1, 20),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 999),
)
def test_ties_and_copies_are_exact(n, m, width, levels, k, seed):
    real, generated = grid(n, width, seed, levels), grid(m, width, seed + 1, levels)
    found, rare = both(real, generated, k)
    due, due_rare = twin(real, generated, k)
    assert found == due
    np.testing.assert_array_equal(rare, due_rare)


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize(("n", "m", "width"), [(80, 50, 3), (60, 90, 20)])
def test_agrees_with_every_pair(n, m, width, offset):
    real, generated = offset + rows(n, width), offset + 0.9 * rows(m, width, 1)
    found, rare = both(real, generated, 3)
    due, due_rare = twin(real, generated, 3)
    # The twin sums squares in another order.
    np.testing.assert_allclose(found, due, rtol=1e-13)
    np.testing.assert_allclose(rare, due_rare, rtol=1e-13)


@pytest.mark.parametrize("tile", [3, 7, 64])
def test_tiles_change_nothing(tile, monkeypatch):
    sets = [(rows(40, 4), rows(33, 4, 1)), (grid(40, 2, 0, 4), grid(33, 2, 1, 4))]
    whole = [both(*pair, 3) for pair in sets]
    monkeypatch.setattr(tiling, "TILE", tile)
    for pair, (found, rare) in zip(sets, whole, strict=True):
        again = both(*pair, 3)
        assert again[0] == found
        np.testing.assert_array_equal(again[1], rare)


def test_near_ties_beyond_the_candidates_are_settled(monkeypatch):
    # 60 balls of one radius around a sphere's points, all equally far from its middle but for
    # rounding: which ratio is the largest only distances tell.
    sphere = rows(30, 12)
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    real = np.concatenate([sphere, sphere + 1e-3, 5 + rows(70, 12, 1)])
    middle = np.zeros((1, 12))
    found, _ = both(real, middle, 1)
    assert found == realism(real=torch.tensor(real), generated=middle, k=1).tolist()
    d = neighbours.distances(torch.tensor(middle), torch.tensor(real))[0]
    radii = neighbours.k_nearest(real, 1)[:, -1]
    kept = radii <= radii.median()
    assert found == [float((radii / d)[kept].max())]


@pytest.mark.parametrize("tile", [16, 2048])
def test_where_bounds_tell_nothing_all_are_computed(tile, monkeypatch):
    # Squares of 1e8 leave 1e16 * 2^-53, about as much as rows of one half are apart: the bounds
    # name some ball of the right half, and seldom the best.
    monkeypatch.setattr(tiling, "TILE", tile)
    # The package names the function so.
    monkeypatch.setattr(sys.modules["gandiag.metrics.realism"], "SPARE", 0)
    side = 1e8 * np.sign(np.arange(80) % 2 - 0.5)[:, None]
    real, generated = rows(80, 4) + side, rows(60, 4, 1) + side[:60]
    found, _ = both(real, generated, 3)
    np.testing.assert_allclose(found, twin(real, generated, 3)[0], rtol=1e-13)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 99), st.sampled_from([0.5, 4.0, 2.0**20]))
def test_scale_moves_rarity_alone_and_a_rotation_neither(seed, scale):
    real, generated = rows(30, 3, seed), rows(20, 3, seed + 1)
    found, rare = both(real, generated, 3)
    larger, rarer = both(scale * real, scale * generated, 3)
    assert larger == found  # a power of two: exactly
    np.testing.assert_array_equal(rarer, scale * rare)
    turn = np.linalg.qr(rows(3, 3, seed + 2))[0]
    turned, same = both(real @ turn + 1, generated @ turn + 1, 3)
    np.testing.assert_allclose(turned, found, rtol=1e-9)
    # Who lies in which ball may not hang on a last digit: the sets are random.
    np.testing.assert_allclose(same, rare, rtol=1e-9)


def test_in_a_kept_ball_is_at_least_one():
    real, generated = rows(60, 2), rows(200, 2, 1)
    found = realism(real=real, generated=generated, k=3).numpy()
    radii = radii_of(real, 3)
    kept = radii <= np.sort(radii)[29]
    inside = (pairwise(generated, real) <= radii)[:, kept].any(1)
    assert ((found >= 1) == inside).all()
    assert 0 < inside.sum() < 200


def score(real, generated, k=3):
    given = {"real": Bank.of(torch.tensor(real)), "generated": Bank.of(torch.tensor(generated))}
    return Realism(k=k)(**given)["realism"]


def test_the_score_is_the_median_and_each_has_both():
    # Banks keep float32.
    real, generated = (x.astype(np.float32) for x in (rows(60, 3), rows(21, 3, 1)))
    found, rare = both(real, generated, 3)
    ordered = sorted(found)
    measured = score(real, generated)
    assert measured.value == np.median(found)
    # Ranks that 21 coin throws keep to in 95 of 100: P(fewer than 6 heads) = .0133.
    assert (measured.low, measured.high) == (ordered[5], ordered[15])
    assert score(real, generated[:5]).low is None
    assert score(real, generated[:6]).low == min(found[:6])
    banks = {"real": Bank.of(torch.tensor(real)), "generated": Bank.of(torch.tensor(generated))}
    each = Realism(k=3).each(**banks)
    assert each["realism"].tolist() == found
    np.testing.assert_array_equal(each["rarity"].numpy(), rare)


def test_both_ends_are_places_among_the_samples():
    real, generated = (x.astype(np.float32) for x in (rows(60, 3), rows(45, 3, 1)))
    found = np.array(both(real, generated, 3)[0])
    measured = score(real, generated)
    assert [each.generated for each in measured.highest] == np.argsort(-found)[:10].tolist()
    assert [each.generated for each in measured.lowest] == np.argsort(found)[:10].tolist()
    assert [each.value for each in measured.lowest] == np.sort(found)[:10].tolist()
    # Each is in one of them alone, ties too.
    few = score(np.ones((9, 2)), np.ones((5, 2)))
    assert {each.generated for each in few.highest}.isdisjoint(e.generated for e in few.lowest)
    assert (len(few.highest), len(few.lowest)) == (2, 2)


def test_the_number_of_real_images_is_what_others_would_have():
    # Without any of them in the balls that it is judged by.
    found = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        measured = score(random.normal(size=(150, 4)), random.normal(size=(150, 4)))
        found.append(measured.value - measured.extra["of real images"])
    error = np.std(found, ddof=1) / math.sqrt(40)
    assert abs(np.mean(found)) < 4 * error
    assert error < 0.015  # with itself in the balls it would be off by .2


def test_the_interval_covers_the_median_against_these_real_images():
    rng = np.random.default_rng(3)
    real = rng.normal(size=(60, 2))
    truth = float(realism(real=real, generated=rng.normal(size=(20_000, 2))).median())
    found = [score(real, rng.normal(size=(40, 2))) for _ in range(100)]
    hits = np.mean([each.low <= truth <= each.high for each in found])
    # Binomial(200, .95) has deviation .015; order statistics cover at least that.
    assert hits > 0.905


def test_a_generator_of_copies_is_infinitely_real():
    real = rows(30, 3)
    assert score(real, real[:20]).value == math.inf
    assert realism(real=np.ones((9, 2)), generated=np.ones((1, 2))).tolist() == [1]


def test_refuses():
    with pytest.raises(GandiagError, match="real has 3 rows and at least 4"):
        realism(real=rows(3, 2), generated=rows(1, 2))
    with pytest.raises(GandiagError, match="k must be"):
        rarity(real=rows(5, 2), generated=rows(1, 2), k=0)
    with pytest.raises(GandiagError, match="k must be"):
        Realism(k=0)
    for function in (realism, rarity):
        with pytest.raises(TypeError, match="positional"):
            function(rows(5, 2), rows(5, 2))
