import numpy as np
import pytest
import scipy.stats
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import (
    Blocks,
    KernelDistance,
    Subsets,
    kernel,
    kernel_distance,
    kernel_distance_of_blocks,
    kernel_distance_of_subsets,
    kernel_distance_with_deviation,
)
from gandiag.metrics import tiles as tiling
from gandiag.statistics import Bank


def rows(n, width, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width))


def of_subsets(x, y, subsets):
    return kernel_distance_of_subsets(real=x, generated=y, subsets=subsets)


def twin(x, y):
    """By the definition, a pair at a time."""

    def k(a, b):
        return (a @ b / len(a) + 1) ** 3

    n, m = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    yy = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return xx + yy - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (7, 13), (13, 7)])
def test_agrees_with_the_definition(n, m):
    x, y = rows(n, 3), rows(m, 3, 1) + 0.5
    # Float64 sums of terms of order 10.
    assert kernel_distance(x, y) == pytest.approx(twin(x, y), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("tile", [1, 7, 64, 10**6])
def test_tiles_change_nothing(tile, monkeypatch):
    x, y = rows(40, 3), rows(33, 3, 1)
    whole = kernel_distance_with_deviation(x, y)
    monkeypatch.setattr(tiling, "TILE", tile)
    # Sums in another order.
    assert kernel_distance_with_deviation(x, y) == pytest.approx(whole, rel=1e-12)


def test_never_asks_for_all_pairs_at_once(monkeypatch):
    from gandiag.metrics import kernel

    sizes = []
    whole = kernel.cubic_kernel
    monkeypatch.setattr(
        kernel, "cubic_kernel", lambda x, y: sizes.append((len(x), len(y))) or whole(x, y)
    )
    monkeypatch.setattr(tiling, "TILE", 10)
    kernel_distance(rows(65, 3), rows(50, 3, 1))
    assert max(max(pair) for pair in sizes) == 10
    # Each pair once, of the two symmetric ones half of the blocks.
    assert len(sizes) == 7 * 8 // 2 + 5 * 6 // 2 + 7 * 5


def test_order_and_sides_do_not_matter():
    x, y = rows(40, 3), rows(30, 3, 1) + 1
    value = kernel_distance(x, y)
    assert kernel_distance(y, x) == pytest.approx(value, rel=1e-12)
    assert kernel_distance(x[::-1].copy(), y) == pytest.approx(value, rel=1e-12)


def test_a_shift_is_what_the_polynomial_says():
    # In one dimension with x = +-1 and y = x + s the population MMD is the sum of the squared
    # differences of moments, weighted by the binomials of (xy + 1)^3: 3 d1^2 + 3 d2^2 + d3^2.
    s, n = 0.5, 2000
    x = np.tile([1.0, -1.0], n // 2)[:, None]
    d1, d2, d3 = s, s**2, s**3 + 3 * s
    expected = 3 * d1**2 + 3 * d2**2 + d3**2
    # The unbiased sums leave out n of n^2 pairs: O(1 / n) times kernels of up to 40.
    assert kernel_distance(x, x + s) == pytest.approx(expected, abs=40 * 2 / n)


def draws(n, m, shift, count=300):
    random = np.random.default_rng(5)
    found = [
        kernel_distance_with_deviation(
            random.normal(1, 1, (n, 4)), random.normal(1 + shift, 1, (m, 4))
        )
        for _ in range(count)
    ]
    return np.array(found).T


def test_the_mean_is_zero_for_equal_distributions():
    values, _ = draws(40, 25, 0.0)
    # Unbiased: the mean of 300 draws is within three of its standard errors.
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(len(values))
    assert (values < 0).any()  # and nothing is clamped


@pytest.mark.parametrize(
    ("n", "m", "shift", "ratio"),
    [
        # 300 draws know a standard deviation to 4 % (one sigma), 6 % with these heavy tails.
        (60, 60, 0.7, (0.85, 1.15)),
        (60, 60, -0.7, (0.85, 1.15)),
        (200, 80, 0.7, (0.85, 1.15)),
        # Under the null the first order is nothing but noise, and as that is not let below zero, it
        # errs on the wide side. Each of the second-order terms is the largest somewhere.
        (60, 60, 0.0, (1.0, 1.25)),
        (300, 15, 0.0, (0.95, 1.35)),
        (15, 300, 0.0, (0.95, 1.3)),
    ],
)
def test_the_deviation_is_that_of_repeated_draws(n, m, shift, ratio):
    values, deviations = draws(n, m, shift)
    assert ratio[0] < deviations.mean() / values.std(ddof=1) < ratio[1]
    covered = (np.abs(values - values.mean()) < 1.96 * deviations).mean()
    # Normal intervals for a skew estimate of few rows; 0.90 is three standard errors below 0.95.
    assert covered >= 0.90


def test_constant_features_are_at_zero():
    x = np.full((5, 3), 2.0)
    assert kernel_distance_with_deviation(x, x) == (0.0, 0.0)


def test_two_rows_have_a_value_and_a_finite_deviation():
    value, deviation = kernel_distance_with_deviation(rows(2, 3), rows(2, 3, 1))
    assert np.isfinite([value, deviation]).all()
    assert deviation >= 0


def test_subsets_of_everything_are_the_whole():
    # Every subset of size n is the set itself, in another order.
    x, y = rows(30, 3), rows(30, 3, 1)
    found = of_subsets(x, y, Subsets(count=3, size=30))
    assert found.tolist() == pytest.approx([kernel_distance(x, y)] * 3, rel=1e-12)


def kernels(monkeypatch):
    """The pairs whose kernel is computed, as they are."""
    found, whole = [], kernel.cubic_kernel
    monkeypatch.setattr(
        kernel, "cubic_kernel", lambda x, y: found.append(len(x) * len(y)) or whole(x, y)
    )
    return found


@pytest.mark.parametrize("tile", [1, 7, 10**6])
@pytest.mark.parametrize(
    "fields", [{}, {"first": "real"}, {"draw": "torch"}, {"size": 900, "shrink": True}]
)
def test_many_subsets_of_few_rows_come_from_all_pairs(fields, tile, monkeypatch):
    # A mean of 3 beside a spread of 1: kernels are of order 1,000, distances of order 1.
    x, y = rows(43, 30) + 3, rows(38, 30, 1) + 3
    subsets = Subsets(**{"count": 25, "size": 20, **fields})
    expected = [twin(a.numpy(), b.numpy()) for a, b in subsets.pairs(*map(torch.tensor, (x, y)))]
    monkeypatch.setattr(tiling, "TILE", tile)
    pairs = kernels(monkeypatch)
    found = of_subsets(x, y, subsets)
    # Float64 sums of terms of order 1,000 in another order.
    assert found.tolist() == pytest.approx(expected, rel=1e-11, abs=1e-11)
    # Each pair once, on the diagonal of tiles twice.
    assert sum(pairs) <= 43 * 43 + 38 * 38 + 43 * 38


def test_few_subsets_of_many_rows_look_at_no_other_rows(monkeypatch):
    x, y = rows(200, 3), rows(150, 3, 1)
    pairs = kernels(monkeypatch)
    of_subsets(x, y, Subsets(count=4, size=10))
    assert sum(pairs) == 4 * 3 * 10 * 10


def test_subsets_average_to_the_whole():
    x, y = rows(60, 3), rows(50, 3, 1) + 0.5
    found = of_subsets(x, y, Subsets(count=400, size=20))
    error = float(found.std()) / 20
    assert float(found.mean()) == pytest.approx(kernel_distance(x, y), abs=4 * error)


def test_small_sets_shrink_subsets_or_are_refused():
    x, y = rows(30, 3), rows(40, 3, 1)
    found = of_subsets(x, y, Subsets(count=2, shrink=True))
    assert found.shape == (2,)
    with pytest.raises(GandiagError, match="real has 30 rows and at least 1000"):
        of_subsets(x, y, Subsets())


def test_the_draws_follow_their_seed():
    x, y = rows(50, 3), rows(50, 3, 1)

    def values(**fields):
        return of_subsets(x, y, Subsets(count=3, size=20, **fields)).tolist()

    assert values() == values()
    variants = [values(), values(seed=1), values(first="real"), values(draw="torch")]
    assert len({tuple(each) for each in variants}) == 4


def test_the_metric_reports_the_subsets_std():
    x, y = (Bank.of(torch.tensor(rows(50, 3, seed))) for seed in (0, 1))
    subsets = Subsets(count=5, size=20)
    found = KernelDistance(subsets)(real=x, generated=y)["kid"]
    values = of_subsets(x.rows, y.rows, subsets).numpy()
    assert found.value == values.mean()
    assert found.extra["std"] == pytest.approx(values.std(), rel=1e-12)
    assert found.low is None


def test_refuses():
    for fields in ({"count": 0}, {"size": 1}, {"size": 0}, {"size": 1, "shrink": True}):
        with pytest.raises(GandiagError, match="count >= 1 and size >= 2"):
            Subsets(**fields)
    with pytest.raises(GandiagError, match="size >= 2"):
        Blocks(size=1)
    with pytest.raises(GandiagError, match="at least 2"):
        kernel_distance(rows(1, 3), rows(5, 3))
    with pytest.raises(GandiagError, match="wide"):
        kernel_distance(rows(4, 3), rows(5, 2))


def test_stylegans_subsets():
    """One hundred of min(n, m, 1000), generated drawn first, from one global generator."""
    x, y = rows(130, 3), rows(90, 3, 1) + 0.5
    random = np.random.RandomState(11)
    size, total = min(len(x), len(y), 1000), 0.0
    for _ in range(100):
        b = y[random.choice(len(y), size, replace=False)]
        a = x[random.choice(len(x), size, replace=False)]
        # Its own order of sums: within both over m - 1, between over m, and the whole over m.
        aa, bb, ab = ((u @ v.T / 3 + 1) ** 3 for u, v in ((a, a), (b, b), (a, b)))
        within = (aa.sum() - np.diag(aa).sum() + bb.sum() - np.diag(bb).sum()) / (size - 1)
        total += (within - 2 * ab.sum() / size) / size
    found = of_subsets(x, y, Subsets(shrink=True, seed=11))
    # Float64 sums in another order.
    assert float(found.mean()) == pytest.approx(total / 100, rel=1e-11)


@pytest.mark.parametrize(
    ("n", "m", "size", "sizes"),
    [
        # As few as hold at most `size` of the larger set; even; the larger ones last.
        (10, 10, 10, [(10, 10)]),
        (11, 4, 10, [(5, 2), (6, 2)]),
        (7, 11, 4, [(2, 3), (2, 4), (3, 4)]),
        (20, 9, 8, [(6, 3), (7, 3), (7, 3)]),
    ],
)
def test_blocks_are_cut_as_tf_gans(n, m, size, sizes):
    x, y = rows(n, 3), rows(m, 3, 1) + 0.5
    parts = list(Blocks(size).pairs(torch.tensor(x), torch.tensor(y)))
    assert [(len(a), len(b)) for a, b in parts] == sizes
    assert (torch.cat([a for a, _ in parts]).numpy() == x).all()
    assert (torch.cat([b for _, b in parts]).numpy() == y).all()
    found = kernel_distance_of_blocks(real=x, generated=y, blocks=Blocks(size))
    expected = [twin(a.numpy(), b.numpy()) for a, b in parts]
    assert found.tolist() == pytest.approx(expected, rel=1e-11, abs=1e-13)


def test_the_metric_reports_the_blocks_standard_error():
    x, y = (Bank.of(torch.tensor(rows(50, 3, seed))) for seed in (0, 1))
    found = KernelDistance(Blocks(13))(real=x, generated=y)["kid"]
    values = kernel_distance_of_blocks(real=x.rows, generated=y.rows, blocks=Blocks(13)).numpy()
    assert len(values) == 4
    assert found.value == pytest.approx(values.mean(), rel=1e-15)
    error = values.std(ddof=1) / 2
    assert found.extra["std"] == pytest.approx(error, rel=1e-12)
    assert found.high - found.value == pytest.approx(scipy.stats.t.ppf(0.975, 3) * error)
    single = KernelDistance(Blocks())(real=x, generated=y)["kid"]
    assert (single.low, single.extra) == (None, {})
    assert single.value == pytest.approx(kernel_distance(x.rows, y.rows), rel=1e-12)
    with pytest.raises(GandiagError, match="10 blocks need 20 rows"):
        KernelDistance(Blocks(5))(real=x, generated=Bank.of(y.rows[:19]))


def test_subsets_that_are_the_whole_set_have_no_std():
    x, y = (Bank.of(torch.tensor(rows(50, 3, seed))) for seed in (0, 1))
    metric = KernelDistance(Subsets(shrink=True))
    found = metric(real=x, generated=y)["kid"]
    assert found.extra == {}
    assert "whole set" in found.method
    ((code, sentence),) = metric.remarks(real=x, generated=y)
    assert code == "subsets-are-the-set"
    assert "50 images" in sentence
    # One of the two is larger, so that its subsets differ.
    more = Bank.of(torch.tensor(rows(60, 3, 2)))
    assert "std" in metric(real=more, generated=y)["kid"].extra
    assert list(metric.remarks(real=more, generated=y)) == []
    assert list(KernelDistance().remarks(real=x, generated=y)) == []


@pytest.mark.parametrize("size", [1e30, 1e60, 1e300])
def test_a_kernel_that_overflows_is_refused(size):
    x, y = size * rows(20, 3), size * rows(20, 3, 1)
    with pytest.raises(GandiagError, match="so large that their cubic kernel overflows"):
        kernel_distance(x, y)
    if size > 1e59:
        with pytest.raises(GandiagError, match="so large that their cubic kernel overflows"):
            of_subsets(x, y, Subsets(count=2, size=10))


def test_without_second_order_and_below_zero_there_is_no_interval(monkeypatch):
    """The quotient that an interval takes has nothing to divide by."""
    monkeypatch.setattr(kernel, "_with_variances", lambda real, generated: (-1.0, 2.0, 0.0))
    score = KernelDistance()(
        **{
            role: Bank.of(torch.from_numpy(rows(9, 3, seed)))
            for seed, role in enumerate(("real", "generated"))
        }
    )["kid"]
    assert score.low is None
    assert "row means" in score.method
