"""Neighbourhoods are counted exactly: ties, copies and tiles included."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gandiag.errors import GandiagError
from gandiag.metrics import (
    PRDC,
    balls,
    expected_coverage,
    halves,
    k_nearest,
    neighbours,
    precision_recall_density_coverage,
)
from gandiag.metrics import tiles as tiling
from gandiag.metrics.coarse import Bounds
from gandiag.metrics.halves import halves_of
from gandiag.metrics.intervals import Z, wilson
from gandiag.metrics.jackknife import groups_of
from gandiag.metrics.paired import contrast, spread
from gandiag.statistics import Bank


def prdc(real, generated, k=5, tie="<="):
    return precision_recall_density_coverage(real=real, generated=generated, k=k, tie=tie)


def rows(n, width, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width))


def pairwise(x, y):
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(2))


def twin(real, generated, k, tie):
    """By the definitions, with every pair in memory."""

    def radii(x):
        d = pairwise(x, x)
        np.fill_diagonal(d, np.inf)
        return np.sort(d, axis=1)[:, k - 1]

    inside = np.less_equal if tie == "<=" else np.less
    d = pairwise(real, generated)
    in_real = inside(d, radii(real)[:, None])
    return {
        "precision": in_real.any(0).mean(),
        "recall": inside(d, radii(generated)[None]).any(1).mean(),
        "density": in_real.sum() / (k * len(generated)),
        "coverage": in_real.any(1).mean(),
    }


def grid(n, width, seed, levels):
    """Small integers: their distances are exact, and full of ties and copies."""
    return np.random.default_rng(seed).integers(0, levels, (n, width)).astype(float)


@pytest.mark.parametrize("tie", ["<", "<="])
@pytest.mark.parametrize(("n", "m", "width", "k"), [(80, 50, 3, 5), (30, 90, 20, 1), (6, 7, 2, 5)])
def test_agrees_with_every_pair_in_memory(n, m, width, k, tie):
    real, generated = rows(n, width), 0.9 * rows(m, width, 1)
    assert prdc(real, generated, k, tie) == twin(real, generated, k, tie)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(4, 30),
    st.integers(4, 30),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["<", "<="]),
    st.integers(0, 999),
)
def test_ties_and_copies_are_exact(n, m, width, levels, k, tie, seed):
    real, generated = grid(n, width, seed, levels), grid(m, width, seed + 1, levels)
    assert prdc(real, generated, k, tie) == twin(real, generated, k, tie)


@pytest.mark.parametrize("tie", ["<", "<="])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_copies_among_large_numbers(tie, offset):
    # |x|^2 + |y|^2 - 2 x.y would put these copies 0.01 apart, and near points anywhere.
    real = offset + np.concatenate([grid(40, 3, 0, 3), grid(40, 3, 0, 3) + 2.0**-20])
    generated = np.concatenate([real[::3], offset + grid(20, 3, 1, 4)])
    assert prdc(real, generated, 3, tie) == twin(real, generated, 3, tie)


@pytest.mark.parametrize("tile", [1, 7, 64, 10**6])
def test_tiles_change_nothing(tile, monkeypatch):
    sets = [(rows(40, 4), rows(33, 4, 1)), (grid(40, 2, 0, 4), grid(33, 2, 1, 4))]
    whole = [prdc(*pair, 3) for pair in sets]
    nearest = [k_nearest(x, 4, among=y) for x, y in sets]
    monkeypatch.setattr(tiling, "TILE", tile)
    monkeypatch.setattr(neighbours, "GATHER", 100)
    assert [prdc(*pair, 3) for pair in sets] == whole
    for pair, known in zip(sets, nearest, strict=True):
        assert torch.equal(k_nearest(pair[0], 4, among=pair[1]), known)


def test_no_tile_is_larger_than_its_bound(monkeypatch):
    sizes = []
    whole = Bounds.lower

    def lower(self, i, block, j):
        found = whole(self, i, block, j)
        sizes.append(found.shape)
        return found

    monkeypatch.setattr(Bounds, "lower", lower)
    monkeypatch.setattr(tiling, "TILE", 10)
    prdc(rows(65, 3), rows(50, 3, 1), 3)
    assert max(max(pair) for pair in sizes) == 10
    # Each pair once, of the two symmetric ones half of the tiles.
    assert len(sizes) == 7 * 8 // 2 + 5 * 6 // 2 + 7 * 5


def test_single_distances_are_gathered_in_parts(monkeypatch):
    sizes = []
    whole = neighbours.distances
    monkeypatch.setattr(
        neighbours, "distances", lambda x, y: sizes.append(y.numel()) or whole(x, y)
    )
    monkeypatch.setattr(neighbours, "GATHER", 600)
    # All at one distance: every pair is a near tie.
    x = np.zeros((60, 3))
    assert prdc(x, x, 3)["density"] == 60 / 3
    assert max(sizes) <= 600


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nearest_distances_are_exact(dtype):
    x, y = (torch.tensor(rows(n, 6, n)).to(dtype) for n in (40, 70))
    assert torch.equal(
        k_nearest(x, 5, among=y), neighbours.distances(x, y).sort(dim=1).values[:, :5]
    )
    own = neighbours.distances(x, x).fill_diagonal_(math.inf).sort(dim=1).values
    assert torch.equal(k_nearest(x, 5), own[:, :5])
    assert torch.equal(k_nearest(x, 39), own[:, :39])


def test_near_ties_beyond_the_spare_candidates_are_settled():
    # A sphere: 40 points at one distance but for rounding, which the fast bounds cannot tell apart.
    for seed in range(5):
        centre = rows(1, 30, seed)
        sphere = rows(40, 30, seed + 1)
        sphere = centre + sphere / np.linalg.norm(sphere, axis=1, keepdims=True)
        x, y = torch.tensor(centre), torch.tensor(sphere)
        known = neighbours.distances(x, y).sort(dim=1).values[:, :3]
        assert torch.equal(k_nearest(x, 3, among=y), known)
        around = torch.cat((x, y))
        assert torch.equal(k_nearest(around, 3)[:1], known)


def test_a_collapsed_set_needs_no_exhaustive_search(monkeypatch):
    sizes = []
    whole = neighbours.distances
    monkeypatch.setattr(
        neighbours, "distances", lambda x, y: sizes.append(y.numel()) or whole(x, y)
    )
    alike = np.tile(rows(1, 5), (300, 1))
    assert k_nearest(alike, 3).max() == 0
    assert sum(sizes) == 300 * (3 + neighbours.SPARE) * 5


def test_the_bounds_hold():
    for seed in range(20):
        random = np.random.default_rng(seed)
        scale = 10.0 ** random.integers(-6, 6)
        centre = torch.tensor(random.normal(size=50) * 10.0 ** random.integers(-6, 6))
        x, y = (torch.tensor(scale * rows(40, 50, seed + i)) + centre for i in (0, 100))
        y[:20] = x[:20] * (1 + 1e-9)
        squares = neighbours.distances(x, y).square()
        sizes, products, error = neighbours.bounded_squares(x, y, y.mean(dim=0))
        assert (sizes * (1 - error) - products <= squares).all()
        assert (sizes * (1 + error) - products >= squares).all()


@pytest.mark.parametrize("n", [8, 300])
def test_identical_sets_are_covered(n):
    x = rows(n, 10)
    for tie in ("<", "<="):
        found = prdc(x, x, 5, tie)
        assert (found["precision"], found["recall"], found["coverage"]) == (1, 1, 1)


def test_constant_features():
    x = np.ones((10, 3))
    closed = {"precision": 1, "recall": 1, "density": 10 / 5, "coverage": 1}
    assert prdc(x, x, 5, "<=") == closed
    # Open balls of radius 0 are empty.
    assert set(prdc(x, x, 5, "<").values()) == {0}


def test_far_sets_have_nothing_in_common():
    assert set(prdc(rows(20, 3), rows(20, 3) + 100).values()) == {0}


def test_precision_and_recall_are_not_exchanged():
    # The generated are a narrow part of the real: precise, and missing the most of it.
    found = prdc(rows(400, 2), 0.05 * rows(400, 2, 1))
    assert found["precision"] == 1
    assert found["recall"] < 0.1
    assert found["coverage"] < 0.1


def test_a_copy_of_a_real_image_lies_in_its_ball():
    real = rows(50, 8)
    generated = np.concatenate([rows(20, 8, 1) + 100, real[:3]])
    assert prdc(real, generated, 5)["precision"] == 3 / 23


def test_expected_coverage_is_what_equal_distributions_give():
    n, m, k, repeats = 60, 40, 3, 60
    found = [prdc(rows(n, 4, i), rows(m, 4, 1000 + i), k)["coverage"] for i in range(repeats)]
    error = np.std(found, ddof=1) / math.sqrt(repeats)
    assert np.mean(found) == pytest.approx(
        expected_coverage(n_real=n, n_generated=m, k=k), abs=3.5 * error
    )
    # Close enough to tell it from the formula with n + m in place of n + m - i.
    assert error < 0.01
    assert expected_coverage(n_real=10_000, n_generated=10_000, k=5) == pytest.approx(
        1 - 2**-5, abs=1e-3
    )
    assert expected_coverage(n_real=2, n_generated=3, k=1) == pytest.approx(3 / 4)


def test_density_is_one_for_equal_distributions():
    found = [prdc(rows(60, 4, i), rows(40, 4, 1000 + i), 3)["density"] for i in range(60)]
    # A ball to the k-th of n - 1 others holds k / n of the distribution: density n / n = 1.
    error = np.std(found, ddof=1) / math.sqrt(len(found))
    assert np.mean(found) == pytest.approx(1, abs=3.5 * error)


def test_wilson_is_the_interval_of_the_score_test():
    # Its ends are the shares p at which the observed one is Z standard errors away.
    for share, n in [(0.0, 10), (0.3, 10), (0.5, 200), (1.0, 7)]:
        low, high = wilson(share, n)
        assert 0 <= low <= share <= high <= 1
        for end in (low, high):
            if 0 < end < 1:
                assert abs(share - end) == pytest.approx(Z * math.sqrt(end * (1 - end) / n))
    assert wilson(1.0, 7)[0] < 1


def test_the_metric_counts_the_same():
    real, generated = (torch.tensor(rows(n, 4, n)).float() for n in (60, 45))
    for metric in (PRDC(), PRDC(k=3, tie="<")):
        scores = metric(real=Bank.of(real), generated=Bank.of(generated))
        values = {name: score.value for name, score in scores.items()}
        assert values == prdc(real, generated, metric.k, metric.tie)
    for score in scores.values():
        assert "over the real and the generated" in score.method


def test_the_default_balls_are_closed():
    real, generated = grid(40, 2, 0, 4), grid(33, 2, 1, 4)
    open_, closed = (twin(real, generated, 5, tie) for tie in ("<", "<="))
    assert closed != open_
    scores = PRDC()(real=Bank.of(torch.tensor(real)), generated=Bank.of(torch.tensor(generated)))
    assert {name: score.value for name, score in scores.items()} == closed
    assert prdc(real, generated) == closed
    assert precision_recall_density_coverage(real=real, generated=generated) == closed


def test_where_few_balls_hold_most_samples_there_is_no_interval_of_density_and_coverage():
    # A lone real row far away has a ball that holds everything; nine in ten others hold nothing.
    real = torch.cat(
        (torch.randn(30, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([[100.0, 0]]))
    )
    generated = torch.randn(40, 2, generator=torch.Generator().manual_seed(1)) + 8
    scores = PRDC(k=1)(real=Bank.of(real), generated=Bank.of(generated))
    assert scores["density"].low is None
    assert scores["coverage"].method.startswith("no interval: few neighbourhoods")
    assert scores["precision"].low is not None


def inside(balls, members, k):
    """(members,) in how many balls each is."""
    reach = pairwise(balls, balls)
    np.fill_diagonal(reach, np.inf)
    return (pairwise(balls, members) <= np.sort(reach, axis=1)[:, k - 1, None]).sum(0)


def nested(balls, members, k, value):
    """The variance of the mean of `value` of each count, every group of balls left out by hand."""
    m, groups = len(members), groups_of(len(balls)).numpy()
    own = value(inside(balls, members, k))
    without = np.stack([value(inside(balls[groups != g], members, k)) for g in range(20)])
    changes = without - without.mean(axis=0)
    pairs = sum(
        float(one[i] * one[j]) for one in changes for i in range(m) for j in range(m) if i != j
    )
    return own.var(ddof=1) / m + max(0, 19 / 20 * pairs / (m * (m - 1)))


def halved(real, generated, k):
    """The variance of coverage: both sets are halved, and each half is scored alone."""
    splits = halves_of(len(real), 0).numpy().T, halves_of(len(generated), 1).numpy().T
    shares = np.array(
        [
            [twin(real[a == side], generated[b == side], k, "<=")["coverage"] for side in (1, 0)]
            for a, b in zip(*splits, strict=True)
        ]
    )
    share = twin(real, generated, k, "<=")["coverage"]
    scale = share * (1 - share) / (shares * (1 - shares)).mean()
    return scale * (np.diff(shares, axis=1) ** 2 / 4).mean()


@pytest.mark.parametrize(("n", "m", "k"), [(60, 45, 3), (45, 90, 5), (40, 31, 1)])
def test_deviations_are_those_of_rows_left_out_by_hand(n, m, k):
    real, generated = rows(n, 4), 0.8 * rows(m, 4, 1)

    def any_of(counts):
        return (counts > 0).astype(float)

    variances = {
        "precision": nested(real, generated, k, any_of),
        "recall": nested(generated, real, k, any_of),
        "density": nested(real, generated, k, lambda counts: counts / k),
        "coverage": halved(real, generated, k),
    }
    scores = PRDC(k=k)(real=Bank.of(torch.tensor(real)), generated=Bank.of(torch.tensor(generated)))
    for name, variance in variances.items():
        score = scores[name]
        if name == "density":
            expected = score.value - Z * math.sqrt(variance), score.value + Z * math.sqrt(variance)
        else:
            varies = 0 < score.value < 1
            size = score.value * (1 - score.value) / variance if varies else n
            expected = wilson(score.value, size)
        few = Z * math.sqrt(variances["density"]) > scores["density"].value / 2
        if few and name in ("density", "coverage"):
            assert score.low is None
            continue
        # Counts and halves are exact; shares of halves are float32.
        assert (score.low, score.high) == pytest.approx(expected, rel=1e-5), name


def test_of_so_few_that_halves_have_no_kth_neighbour_coverage_has_no_interval():
    real, generated = (Bank.of(torch.tensor(rows(n, 3, i))) for i, n in enumerate((5, 11)))
    scores = PRDC(k=2)(real=real, generated=generated)
    assert scores["coverage"].method == "no interval: half of so few images have no k-th neighbour"
    assert scores["precision"].low is not None
    found = PRDC(k=2).replicates(real=real, generated=generated)["coverage"]
    assert contrast(0.5, 0.4, (found, found)).deviation == spread(found) == 0


def test_halves_are_even_and_others_each_time():
    for n in (2, 11, 400):
        found = halves_of(n, 0)
        assert (found.sum(dim=0) == (n + 1) // 2).all()
    assert len(found.T.unique(dim=0)) == len(found.T)
    assert (halves_of(400, 1) != found).any()


@pytest.mark.parametrize("tile", [1, 7, 10**6])
def test_tiles_do_not_change_the_intervals(tile, monkeypatch):
    real, generated = (Bank.of(torch.tensor(rows(40, 4, seed))) for seed in (0, 1))
    whole = PRDC(k=3)(real=real, generated=generated)
    monkeypatch.setattr(tiling, "TILE", tile)
    monkeypatch.setattr(balls, "EXTRAS", 7)
    monkeypatch.setattr(halves, "PAIRS", 7)
    parts = PRDC(k=3)(real=real, generated=generated)
    for name, score in whole.items():
        # Sums of counts over 400, in another order.
        assert parts[name].low == pytest.approx(score.low, rel=1e-12)
        assert parts[name].high == pytest.approx(score.high, rel=1e-12)


def test_groups_are_even_and_none_is_empty():
    for n in (2, 6, 20, 21, 399):
        sizes = torch.bincount(groups_of(n))
        assert len(sizes) == min(20, n)
        assert sizes.max() - sizes.min() <= 1
    assert groups_of(400).tolist() != [i % 20 for i in range(400)]


@pytest.mark.parametrize(
    ("n", "width", "alike"), [(300, 8, False), (300, 8, True), (200, 64, True)]
)
def test_the_intervals_hold_what_repeated_draws_of_both_sets_give(n, width, alike):
    """At least nineteen in twenty, of the mean at this n."""
    found = []
    for seed in range(80):
        real, generated = rows(n, width, 2 * seed), rows(n, width, 2 * seed + 1)
        generated = generated if alike else 0.9 * generated + 0.15
        scores = PRDC()(
            real=Bank.of(torch.tensor(real)), generated=Bank.of(torch.tensor(generated))
        )
        found.append([(each.value, each.low, each.high) for each in scores.values()])
    values, low, high = np.array(found).transpose(2, 0, 1)
    mean = values.mean(axis=0)
    covered = ((low <= mean) & (mean <= high)).mean(axis=0)
    # 80 draws at .95 have the deviation .024: three of these. Density falls a little short where n
    # is not far above the width; with the balls fixed it held 72-85 in a hundred.
    assert (covered >= 0.878).all(), covered
    # Nor are they longer than need be: longer simulations gave .9 to 1.3.
    ratio = (high - low).mean(axis=0) / 2 / Z / values.std(axis=0, ddof=1)
    assert (ratio < 1.6).all(), ratio


def test_equidistant_rows_are_settled_in_blocks(monkeypatch):
    calls = []
    whole = neighbours.distances
    monkeypatch.setattr(neighbours, "distances", lambda x, y: calls.append(1) or whole(x, y))
    x = torch.eye(600)
    found = prdc(x[:300], x[300:], 5)
    assert found == {"precision": 1, "recall": 1, "density": 300 / 5, "coverage": 1}
    # The candidates, gathered in parts; row by row it would be 300, and pair by pair 180,000.
    assert len(calls) <= 2 * math.ceil(300 * 13 * 600 / neighbours.GATHER) + 2


def test_a_distance_does_not_depend_on_what_it_is_computed_with():
    for width in (3, 50, 1000):
        x, y = (torch.tensor(rows(30, width, seed)) for seed in (0, 1))
        whole = neighbours.distances(x, y)
        single = neighbours.distances(x[:, None, None], y[None, :, None])[..., 0, 0]
        assert torch.equal(whole, single)
        assert torch.equal(neighbours.distances(x[7:8], y[3:20]), whole[7:8, 3:20])


def test_refuses():
    x = rows(5, 3)
    with pytest.raises(GandiagError, match="real has 5 rows and at least 6"):
        prdc(x, rows(20, 3))
    with pytest.raises(GandiagError, match="generated has 5 rows and at least 6"):
        prdc(rows(20, 3), x)
    with pytest.raises(GandiagError, match="k must be"):
        PRDC(k=0)
    with pytest.raises(GandiagError, match="k must be"):
        prdc(x, x, 0)
    with pytest.raises(GandiagError, match="at least 6"):
        k_nearest(x, 5)
    with pytest.raises(GandiagError, match="wide"):
        k_nearest(x, 2, among=rows(5, 4))
