"""C_T: signs, ranks, its null, and what its interval covers."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu

from gandiag.errors import GandiagError
from gandiag.metrics import CT, data_copying
from gandiag.metrics.copying import _rank_test
from gandiag.statistics import Bank

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(200, 3))


def draw(rng, n):
    return rng.normal(size=(n, 3))


def pairwise(x, y):
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(2))


@pytest.mark.parametrize("ties", [False, True])
def test_the_rank_test_is_scipys(ties):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=30), rng.normal(0.5, 1, size=50)
    if ties:
        a, b = np.round(a), np.round(b)
    theirs = mannwhitneyu(b, a, method="asymptotic", use_continuity=False, alternative="greater")
    z = _rank_test(a, b).z
    # The same sums in another order.
    assert 0.5 * math.erfc(z / math.sqrt(2)) == pytest.approx(theirs.pvalue, rel=1e-9)


def test_one_cell_is_the_test_on_all_distances():
    rng = np.random.default_rng(2)
    heldout, generated = draw(rng, 60), draw(rng, 70)
    found = data_copying(real=REAL, heldout=heldout, generated=generated, cells=1)
    near = [pairwise(each, REAL).min(axis=1) for each in (heldout, generated)]
    u = (near[1][:, None] > near[0][None]).sum()
    z = (u - 60 * 70 / 2) / math.sqrt(60 * 70 * 131 / 12)
    assert found.value == pytest.approx(z, rel=1e-12)
    assert found.z == pytest.approx(z, rel=1e-12)
    assert (found.cells, found.share, found.null) == (1, 1.0, 1.0)


def test_cells_are_weighted_by_their_held_out_rows():
    # Two clusters far apart, copied in one of them alone.
    rng = np.random.default_rng(3)
    real = np.concatenate((draw(rng, 100), 50 + draw(rng, 100)))
    heldout = np.concatenate((draw(rng, 90), 50 + draw(rng, 30)))
    generated = np.concatenate((real[:50], 50 + draw(rng, 60)))
    whole = data_copying(real=real, heldout=heldout, generated=generated, cells=2)
    parts = [
        data_copying(real=real, heldout=heldout[i], generated=generated[j], cells=1)
        for i, j in ((slice(90), slice(50)), (slice(90, None), slice(50, None)))
    ]
    assert whole.value == pytest.approx((90 * parts[0].value + 30 * parts[1].value) / 120)
    assert whole.null == pytest.approx(math.hypot(90, 30) / 120)
    # The largest |z| there is, for 50 at distance 0 below 90 others.
    assert parts[0].value == pytest.approx(-50 * 90 / 2 / math.sqrt(variance(50, 90, [50])))


def variance(n, m, ties):
    total = n + m
    lost = sum(t**3 - t for t in ties) / (total * (total - 1))
    return n * m / 12 * (total + 1 - lost)


def test_cells_with_few_generated_rows_are_left_out():
    rng = np.random.default_rng(4)
    real = np.concatenate((draw(rng, 100), 50 + draw(rng, 100)))
    heldout = np.concatenate((draw(rng, 60), 50 + draw(rng, 60)))
    generated = np.concatenate((draw(rng, 60), 50 + draw(rng, 19)))
    found = data_copying(real=real, heldout=heldout, generated=generated, cells=2)
    assert (found.cells, found.share) == (1, 0.5)
    more = np.concatenate((generated, 50 + draw(rng, 1)))
    assert data_copying(real=real, heldout=heldout, generated=more, cells=2).cells == 2


def test_copies_are_below_and_noise_above():
    rng = np.random.default_rng(5)
    heldout = draw(rng, 150)
    for noise, sign in ((0.02, -1), (1.5, 1)):
        generated = REAL[:150] + noise * draw(rng, 150)
        found = data_copying(real=REAL, heldout=heldout, generated=generated)
        assert sign * found.z > 5
        assert sign * found.value > 2


def test_without_copying_z_is_standard_normal_and_the_interval_covers_the_mean():
    rng = np.random.default_rng(6)
    found = [
        data_copying(real=REAL, heldout=draw(rng, 80), generated=draw(rng, 120)) for _ in range(120)
    ]
    z = np.array([each.z for each in found])
    # Heldout and generated have one distribution: mean 0 and deviation 1, within four errors.
    assert abs(z.mean()) < 4 / math.sqrt(120)
    assert abs(z.std() - 1) < 4 / math.sqrt(240)
    hits = [abs(each.value) < 1.96 * each.deviation for each in found]
    # Binomial(120, .95) has deviation .02.
    assert np.mean(hits) > 0.95 - 3 * 0.02


@pytest.mark.parametrize("kind", ["some copies", "shifted"])
def test_the_interval_covers_the_mean_of_an_imperfect_generator(kind):
    rng = np.random.default_rng(7)

    def generate(m):
        if kind == "shifted":
            return draw(rng, m) + np.array([1.0, 0, 0])
        copied = REAL[rng.integers(0, 200, m)] + 0.05 * draw(rng, m)
        return np.where(rng.random((m, 1)) < 0.3, copied, draw(rng, m))

    found = [
        data_copying(real=REAL, heldout=draw(rng, 100), generated=generate(100)) for _ in range(120)
    ]
    values = np.array([each.value for each in found])
    assert abs(values.mean()) > 0.8
    hits = [abs(each.value - values.mean()) < 1.96 * each.deviation for each in found]
    assert 0.95 - 3 * 0.02 < np.mean(hits) < 1


def test_the_metric_tells_the_interval_and_z():
    rng = np.random.default_rng(8)
    sets = {"real": REAL, "heldout": draw(rng, 100), "generated": REAL[:90]}
    (score,) = CT()(**{role: Bank.of(torch.tensor(x)) for role, x in sets.items()}).values()
    found = data_copying(**{role: x.astype(np.float32) for role, x in sets.items()})
    assert score.value == found.value
    assert score.high - score.low == pytest.approx(2 * 1.959964 * found.deviation, rel=1e-6)
    assert score.extra["z"] == found.z < -5


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(GandiagError, match="at least one cell, got 0"):
        CT(cells=0)
    with pytest.raises(GandiagError, match="heldout has 0 rows"):
        data_copying(real=REAL, heldout=REAL[:0], generated=REAL)
