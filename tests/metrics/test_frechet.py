"""The Fréchet distance from theory, against a slow twin, and where the usual code breaks."""

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gandiag.errors import GandiagError
from gandiag.metrics import (
    FrechetDistance,
    Gaussian,
    frechet,
    frechet_distance,
    frechet_from_moments,
    frechet_with_deviation,
)
from gandiag.statistics import Bank, Moments, NonFiniteRow


def rows(n, width, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width))


def rotation(width, seed=0):
    return np.linalg.qr(rows(width, width, seed))[0]


def twin(x, y):
    """By the definition: scipy's matrix root of the product of the covariances."""
    a, b = np.cov(x.T), np.cov(y.T)
    root = scipy.linalg.sqrtm(a @ b)
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root).real


# Float64 sums over a few hundred rows; the results are of order 1.
ROUNDING = 1e-12


@pytest.mark.parametrize(("n", "width"), [(300, 5), (4, 20)])
def test_a_shift_costs_its_square(n, width):
    x, shift = rows(n, width), rows(1, width, 1)
    assert frechet_distance(x, x + shift) == pytest.approx((shift**2).sum(), rel=ROUNDING)


@pytest.mark.parametrize(("n", "width"), [(300, 5), (4, 20)])
def test_a_scale_costs_its_difference(n, width):
    # Commuting covariances: the sum of (s_1 - s_2)^2 over the standard deviations.
    x = rows(n, width)
    x -= x.mean(0)
    trace = np.trace(np.cov(x.T))
    assert frechet_distance(x, 3 * x) == pytest.approx(4 * trace, rel=ROUNDING)


def test_diagonal_covariances_differ_by_their_deviations():
    signs = np.array([[a, b] for a in (1, -1) for b in (1, -1)], dtype=float)
    a, b = signs * [1, 2], signs * [4, 0.5]
    # Four points at +-1 have the variance 4 / 3 with n - 1.
    assert frechet_distance(a, b) == pytest.approx(4 / 3 * (3**2 + 1.5**2), rel=ROUNDING)


@pytest.mark.parametrize("n", [2, 10, 50, 51, 52, 400])
def test_identical_sets_are_at_zero(n):
    x = rows(n, 50) * np.logspace(0, -4, 50)
    trace = np.trace(np.cov(x.T))
    # A singular covariance is where sqrt(rounding) would show: 1e-8 for each missing dimension.
    assert 0 <= frechet_distance(x, x) <= 1e-13 * trace
    moments = Moments.of(torch.tensor(x))
    assert 0 <= frechet_from_moments(moments, moments) <= 1e-13 * trace


@pytest.mark.parametrize(("n", "m"), [(500, 300), (60, 61)])
def test_agrees_with_the_root_of_the_product(n, m):
    x, y = rows(n, 30), 1.3 * rows(m, 30, 1) @ rotation(30) + 0.1
    # scipy 1.17 is good to 1e-9 here when both have full rank.
    assert frechet_distance(x, y) == pytest.approx(twin(x, y), rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(20, 200), (200, 20), (20, 15), (41, 40), (39, 500)])
def test_agrees_where_a_covariance_is_singular(n, m):
    x, y = rows(n, 40), 1.3 * rows(m, 40, 1) @ rotation(40) + 0.1
    # Here scipy itself loses half of the digits.
    assert frechet_distance(x, y) == pytest.approx(twin(x, y), rel=1e-5)


def exact(x, y):
    """With 50 digits, from the singular values of the cross matrix of the centred rows."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(50):
        x, y = (mpmath.matrix(each.tolist()) for each in (x, y))
        means, centred = [], []
        for each in (x, y):
            mean = [mpmath.fsum(each[:, j]) / each.rows for j in range(each.cols)]
            means.append(mean)
            scale = mpmath.sqrt(each.rows - 1)
            centred.append(
                mpmath.matrix(each.rows, each.cols)
                + mpmath.matrix(
                    [
                        [(each[i, j] - mean[j]) / scale for j in range(each.cols)]
                        for i in range(each.rows)
                    ]
                )
            )
        a, b = centred
        nuclear = mpmath.fsum(mpmath.svd_r(a * b.T, compute_uv=False))
        shift = mpmath.fsum((p - q) ** 2 for p, q in zip(*means, strict=True))
        traces = mpmath.fsum(v**2 for each in (a, b) for v in each)
        return float(shift + traces - 2 * nuclear)


@pytest.mark.parametrize(("n", "m"), [(6, 9), (6, 30), (25, 5), (14, 13), (30, 40)])
def test_agrees_with_fifty_digits(n, m):
    x, y = rows(n, 12), rows(m, 12, 1) * np.logspace(0, -3, 12)
    # The moments' route squares the condition of the data, and still keeps 10 digits.
    known = exact(x, y)
    assert frechet_distance(x, y) == pytest.approx(known, rel=1e-13)
    moments = [Moments.of(torch.tensor(each)) for each in (x, y)]
    assert frechet_from_moments(*moments) == pytest.approx(known, rel=1e-10)


FALLS = {
    "even": lambda width: np.ones(width),
    "falling": lambda width: np.arange(1, width + 1) ** -0.8,
    "rising": lambda width: np.arange(1, width + 1)[::-1] ** -0.8,
    "one far below": lambda width: np.r_[np.ones(width - 1), 1e-2],
}


@pytest.mark.parametrize("fall", FALLS)
@pytest.mark.parametrize("turned", [False, True])
def test_roots_of_a_square_are_as_good_as_singular_values(fall, turned, monkeypatch):
    # 1e-9 is what is asked of the squared route, which the estimate of its loss keeps far below.
    x, y = (rows(150, 60, seed) * FALLS[fall](60) for seed in (0, 1))
    if turned:
        x, y = x @ rotation(60), y @ rotation(60)
    whole = (
        frechet_distance(x, y),
        *frechet_with_deviation(real=Gaussian.of_rows(torch.tensor(x)), generated=torch.tensor(y)),
    )
    monkeypatch.setattr(frechet, "SQUARED", 1)
    monkeypatch.setattr(torch.linalg, "svdvals", None)
    monkeypatch.setattr(torch.linalg, "svd", None)
    assert frechet_distance(x, y) == pytest.approx(whole[0], rel=1e-9)
    squared = frechet_with_deviation(
        real=Gaussian.of_rows(torch.tensor(x)), generated=torch.tensor(y)
    )
    assert squared == pytest.approx(whole[1:], rel=1e-8)


@pytest.mark.parametrize(
    ("n", "fall", "moved"), [(150, 3.0, 1e-6), (150, 0.0, 0.0), (50, 0.0, 1.0), (61, 4.0, 1.0)]
)
def test_where_a_square_loses_too_much_singular_values_are_taken(n, fall, moved, monkeypatch):
    # Steep and all but the same; the very same; fewer rows than features; hardly more, and steep.
    scale = np.arange(1, 61) ** -fall
    x = rows(n, 60) * scale @ rotation(60)
    y = x + moved * rows(n, 60, 1) * scale
    known = frechet_distance(x, y)
    calls, whole = [], torch.linalg.svdvals
    monkeypatch.setattr(torch.linalg, "svdvals", lambda a: calls.append(1) or whole(a))
    monkeypatch.setattr(frechet, "SQUARED", 1)
    assert frechet_distance(x, y) == known
    assert calls


def test_small_deviations_beside_large_ones_count():
    # s_x s_y = 1e-9 in each dimension, of which a covariance, in squares, loses the smaller: 1e-18.
    x, y = rows(12, 12) * np.logspace(0, -9, 12), rows(11, 12, 1) * np.logspace(-9, 0, 12)
    assert frechet_distance(x, y) == pytest.approx(exact(x, y), rel=1e-13)


@pytest.mark.parametrize("seed", range(6))
def test_a_feature_that_copies_another(seed):
    # The covariance is singular, and its last pivot a rounding error of either sign.
    x, y = rows(20, 3, seed), rows(20, 4, seed + 10)
    x = np.concatenate([x, x[:, :1]], axis=1)
    assert frechet_distance(x, y) == pytest.approx(exact(x, y), rel=1e-12)


def test_moments_around_a_large_mean_keep_their_rank():
    # Rounding of 1e6 leaves 1e-10 in each value, far above that of a covariance of 1.
    x, y = 1e6 + rows(20, 40), 1e6 + rows(60, 40, 1)
    moments = [Moments.of(torch.tensor(each)) for each in (x, y)]
    assert frechet_from_moments(*moments) == pytest.approx(frechet_distance(x, y), rel=1e-8)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 8), st.integers(0, 99))
def test_what_holds_for_any_sets(n, m, width, seed):
    x, y = rows(n, width, seed), rows(m, width, seed + 100)
    value = frechet_distance(x, y)
    same = {"rel": 1e-9, "abs": 1e-12}  # each is one more rounding of the rows, amplified by rank
    assert value >= 0
    assert frechet_distance(y, x) == pytest.approx(value, **same)
    assert frechet_distance(x[::-1].copy(), y) == pytest.approx(value, **same)
    assert frechet_distance(7 * x, 7 * y) == pytest.approx(49 * value, **same)
    turned = rotation(width, seed)
    assert frechet_distance(x @ turned + 5, y @ turned + 5) == pytest.approx(value, **same)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scales_that_float32_statistics_lose(scale):
    x, y = rows(50, 3), rows(60, 3, 1) + 1
    value = frechet_distance(x, y)
    assert frechet_distance(scale * x, scale * y) == pytest.approx(scale**2 * value, rel=1e-10)


def test_published_moments_of_unknown_count():
    x, y = rows(20, 40), rows(500, 40, 1)
    plain = [
        Moments.from_published(each.mean, each.covariance)
        for each in (Moments.of(torch.tensor(x)), Moments.of(torch.tensor(y)))
    ]
    # The rank is not known, so rounding is told from rank by size.
    assert frechet_from_moments(*plain) == pytest.approx(frechet_distance(x, y), rel=1e-9)
    found = FrechetDistance()(real=plain[0], generated=plain[1])["fid"]
    assert found.value == frechet_from_moments(*plain)
    assert found.low is None


def test_constant_features():
    x, y = np.full((5, 3), 2.0), np.full((6, 3), 4.0)
    assert frechet_distance(x, x) == 0
    assert frechet_distance(x, y) == pytest.approx(12, rel=1e-15)
    z = rows(50, 3)
    expected = ((z.mean(0) - 2) ** 2).sum() + np.trace(np.cov(z.T))
    assert frechet_distance(x, z) == pytest.approx(expected, rel=ROUNDING)
    many = Bank.of(torch.tensor(np.full((1000, 3), 4.0)))
    score = FrechetDistance()(real=Moments.of(torch.tensor(x)), generated=many)["fid"]
    assert (score.value, score.low, score.high) == (12, 12, 12)


def test_few_constant_features_have_a_finite_interval():
    real, alike = torch.tensor(rows(50, 8)), torch.full((1000, 8), 2.0)
    score = FrechetDistance()(real=Moments.of(real), generated=Bank.of(alike))["fid"]
    # No generated row differs from another, so no draw of them would.
    assert score.low == score.value == score.high


def test_arrays_tensors_and_dtypes():
    x, y = rows(30, 4).astype(np.float32), rows(30, 4, 1).astype(np.float32)
    value = frechet_distance(x, y)
    assert frechet_distance(torch.tensor(x), torch.tensor(y)) == value
    assert frechet_distance(x.astype(np.float64), y) == value


def test_refuses_in_a_sentence():
    x = rows(5, 3)
    with pytest.raises(GandiagError, match=r"3 wide .* 4 wide"):
        frechet_distance(x, rows(5, 4))
    with pytest.raises(GandiagError, match=r"3 wide .* 4 wide"):
        frechet_from_moments(Moments.of(torch.tensor(x)), Moments.of(torch.zeros(5, 4)))
    with pytest.raises(GandiagError, match="at least 2"):
        frechet_distance(x, x[:1])
    with pytest.raises(GandiagError, match="width"):
        frechet_distance(x[0], x)
    bad = x.copy()
    bad[3, 1] = np.nan
    with pytest.raises(NonFiniteRow, match="row 3"):
        frechet_distance(x, bad)
    indefinite = Moments.from_published(torch.zeros(2), torch.tensor([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(GandiagError, match="eigenvalue"):
        frechet_from_moments(indefinite, indefinite)


REFERENCE = Gaussian.of_rows(torch.tensor(rows(20_000, 8)))


@pytest.mark.parametrize(
    ("width", "n", "ratio"),
    [
        # 200 draws know a standard deviation to 5 % (one sigma): three of these.
        (8, 1000, (0.85, 1.15)),
        (16, 256, (0.85, 1.4)),
        # With fewer rows than dimensions it errs on the wide side.
        (32, 24, (0.85, 1.7)),
    ],
)
def test_the_deviation_is_that_of_repeated_draws(width, n, ratio):
    random = np.random.default_rng(3)
    real = Gaussian.of_rows(torch.tensor(random.normal(size=(1000, width))))
    draws = []
    for _ in range(200):
        # Rectified, as features are, and so skewed: mean and covariance vary together.
        rectified = np.maximum(1.5 * random.normal(size=(n, width)), 0)
        draws.append(frechet_with_deviation(real=real, generated=torch.tensor(rectified)))
    values, deviations = np.array(draws).T
    assert ratio[0] < deviations.mean() / values.std(ddof=1) < ratio[1]


def test_the_interval_covers_the_value_and_stays_above_zero():
    x, y = rows(1000, 4), 0.9 * rows(1000, 4, 1)
    score = FrechetDistance()(real=Bank.of(torch.tensor(x)), generated=Bank.of(torch.tensor(y)))
    assert 0 <= score["fid"].low < score["fid"].value < score["fid"].high
    same = FrechetDistance()(real=Bank.of(torch.tensor(x)), generated=Bank.of(torch.tensor(x)))
    # At the reference itself the first order vanishes, but for rounding.
    assert same["fid"].low is None or same["fid"].high == pytest.approx(0, abs=1e-6)


def test_a_variance_that_few_rows_carry_gives_no_interval():
    x, y = rows(1000, 4), 0.9 * rows(1000, 4, 1)
    y[:3] *= 30
    score = FrechetDistance()(real=Bank.of(torch.tensor(x)), generated=Bank.of(torch.tensor(y)))
    assert score["fid"].low is None
    assert score["fid"].method.startswith("no interval: its variance comes mostly from 2 of the im")


def test_of_equal_distributions_the_deviation_is_not_that_of_the_influences_alone():
    # Only the term of second order is left, which influences hold twice: 1.4 times too wide.
    draws = [
        frechet_with_deviation(real=REFERENCE, generated=torch.tensor(rows(400, 8, seed)))
        for seed in range(2, 202)
    ]
    values, deviations = np.array(draws).T
    # As above, and influences of 400 rows are 6 % too small.
    assert 0.8 < deviations.mean() / values.std(ddof=1) < 1.15


def test_the_interval_is_of_the_logarithm():
    score = FrechetDistance()(
        real=Moments.of(torch.tensor(rows(1000, 4))),
        generated=Bank.of(torch.tensor(rows(1000, 4, 1) + 0.2)),
    )["fid"]
    assert score.low * score.high == pytest.approx(score.value**2, rel=1e-12)


@pytest.mark.parametrize(("n", "width", "least"), [(999, 8, "1,000"), (1199, 400, "1,200")])
def test_too_few_images_have_no_interval(n, width, least):
    real = Moments.of(torch.tensor(rows(1500, width)))
    score = FrechetDistance()(real=real, generated=Bank.of(torch.tensor(rows(n, width, 1))))["fid"]
    assert score.low is None
    assert f"fewer than {least} generated images" in score.method
    more = FrechetDistance()(real=real, generated=Bank.of(torch.tensor(rows(n + 1, width, 1))))
    assert more["fid"].low is not None


def test_bank_and_moments_give_one_value():
    x, y = torch.tensor(rows(300, 4)).float(), torch.tensor(rows(200, 4, 1)).float()
    a = FrechetDistance()(real=Moments.of(x), generated=Bank.of(y))["fid"].value
    b = FrechetDistance()(real=Bank.of(x), generated=Moments.of(y))["fid"].value
    # Another route through the same singular values.
    assert a == pytest.approx(b, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(300, 200), (12, 9)])
@pytest.mark.parametrize("ddof", [0, 1])
def test_covariances_have_the_denominator_asked_for(n, m, ddof):
    x, y = rows(n, 6), 1.3 * rows(m, 6, 1) @ rotation(6) + 0.1
    a, b = np.cov(x.T, ddof=ddof), np.cov(y.T, ddof=ddof)
    root = scipy.linalg.sqrtm(a @ b).real
    known = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root)
    # Full rank, where scipy is good to 1e-9.
    assert frechet_distance(x, y, ddof=ddof) == pytest.approx(known, rel=1e-9)
    x, y = torch.tensor(x), torch.tensor(y)
    assert frechet_from_moments(Moments.of(x), Moments.of(y), ddof=ddof) == pytest.approx(
        known, rel=1e-9
    )
    for generated in (Bank.of(y), Moments.of(y)):
        score = FrechetDistance(ddof=ddof)(real=Moments.of(x), generated=generated)["fid"]
        # A bank is float32: seven digits of each row, and n of them.
        assert score.value == pytest.approx(known, rel=1e-6)


def test_with_few_rows_the_denominator_is_what_it_says():
    # n <= width, where the centred rows are the factor.
    x, y = rows(5, 20), 2 * rows(5, 20)
    trace = np.trace(np.cov(x.T, ddof=0))
    shift = (x.mean(0) ** 2).sum()
    assert frechet_distance(x, y, ddof=0) == pytest.approx(shift + trace, rel=ROUNDING)


def test_published_moments_are_taken_as_they_are():
    x, y = Moments.of(torch.tensor(rows(9, 4))), Moments.of(torch.tensor(rows(8, 4, 1)))
    plain = [Moments.from_published(each.mean, each.covariance) for each in (x, y)]
    both = [frechet_from_moments(*plain, ddof=ddof) for ddof in (0, 1)]
    assert both[0] == both[1] == pytest.approx(frechet_from_moments(x, y), rel=ROUNDING)
    with pytest.raises(GandiagError, match="ddof 0 or 1"):
        FrechetDistance(ddof=2)


@pytest.mark.parametrize("size", [1e160, 1e300])
def test_squares_that_overflow_are_refused(size):
    x, y = size * rows(20, 3), size * rows(20, 3, 1)
    with pytest.raises(GandiagError, match="so large that their squares overflow"):
        frechet_distance(x, y)
    with pytest.raises(GandiagError, match="so large that their squares overflow"):
        frechet_distance(x[:3], y[:3])
