import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import norm

from gandiag.metrics import NDB, Bins
from gandiag.metrics import bins as by_name
from gandiag.statistics import Bank


def bins(real, generated, **options):
    return by_name(real=real, generated=generated, **options)


def rows(n, seed, width=8):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("n", "m", "width", "count"), [(2000, 2000, 8, 50), (1000, 5000, 64, 100), (400, 400, 256, 40)]
)
def test_a_perfect_sampler_has_the_floor(n, m, width, count):
    """Over eight draws. With the rows that K-means was fitted to, more than half would differ."""
    found = [bins(rows(n, i, width), rows(m, 100 + i, width), count=count) for i in range(8)]
    floors = [each.expected() for each in found]
    share = sum(float(each.different().double().mean()) for each in found) / 8
    floor = sum(floor for floor, _ in floors) / 8
    # At most .05, and less where bins hold a handful of rows.
    assert 0.005 < floor < 0.06
    # 8 K bins, as if they were independent: three deviations, and one bin.
    assert abs(share - floor) < 3 * math.sqrt(floor / (8 * count)) + 1 / (8 * count)
    js = sum(each.js_divergence for each in found) / 8
    # Each is about chi-squared with K - 1 degrees: four deviations of the mean of eight.
    expected = sum(floor for _, floor in floors) / 8
    assert js == pytest.approx(expected, rel=4 * math.sqrt(2 / (count - 1) / 8))


def test_the_floors_are_those_of_sets_exchanged_at_random():
    found = Bins(torch.tensor([40, 7, 1, 0, 152]), torch.tensor([70, 5, 2, 3, 20]))
    labels = torch.repeat_interleave(torch.arange(5), found.real + found.generated).numpy()
    random = np.random.default_rng(0)
    draws = []
    for _ in range(4000):
        mixed = random.permutation(labels)
        counts = [
            torch.from_numpy(np.bincount(each, minlength=5)) for each in np.split(mixed, [200])
        ]
        drawn = Bins(*counts)
        draws.append([float(drawn.different(0.1).double().mean()), drawn.js_divergence])
    floors = np.array(found.expected(0.1))
    errors = np.std(draws, axis=0) / math.sqrt(len(draws))
    assert (np.abs(np.mean(draws, axis=0) - floors) < 4 * errors).all()
    # Close enough to tell the level from half of it, and n + m from n.
    assert (errors < 0.03 * floors).all()


def test_the_floor_is_the_level_where_bins_are_large():
    metric = NDB(count=10, alpha=0.2)
    scores = metric(real=Bank.of(rows(4000, 0)), generated=Bank.of(rows(4000, 1)))
    assert scores["ndb"].extra["floor"] == pytest.approx(0.2, abs=0.01)
    # 8 JS / (1/n + 1/m) is chi-squared with K - 1 degrees, n half of the real rows.
    js_floor = scores["ndb_js"].extra["floor"]
    assert js_floor == pytest.approx(9 / 8 * (1 / 2000 + 1 / 4000), rel=0.01)


def test_half_of_the_real_rows_are_counted_and_copies_too():
    found = bins(rows(101, 0).repeat(3, 1), rows(50, 1))
    assert int(found.real.sum()) == 152
    assert int(found.generated.sum()) == 50


def test_a_missing_class_is_seen():
    real = torch.cat([rows(500, i) + 20 * torch.eye(8)[i] for i in range(8)])
    fake = torch.cat([rows(500, 50 + i) + 20 * torch.eye(8)[i] for i in range(7)])
    found = bins(real, fake, count=40)
    gone = (found.generated == 0) & (found.real > 10)
    assert gone.sum() >= 2
    assert found.different()[gone].all()
    assert found.js_divergence > 10 * 39 / 8 * (1 / 2000 + 1 / 3500)


def test_z_and_divergence_are_the_textbooks():
    found = Bins(torch.tensor([30, 70, 0]), torch.tensor([60, 120, 0]))
    pooled = 90 / 280
    z = (60 / 180 - 30 / 100) / math.sqrt(pooled * (1 - pooled) * (1 / 100 + 1 / 180))
    assert float(found.z[0]) == pytest.approx(z)
    # A bin that is empty on both sides is no difference, and no NaN.
    assert float(found.z[2]) == 0
    level = 2 * norm.sf(z)
    assert bool(found.different(level * 1.001)[0])
    assert not bool(found.different(level * 0.999)[0])
    scipys = jensenshannon([0.3, 0.7, 0], [1 / 3, 2 / 3, 0]) ** 2
    assert found.js_divergence == pytest.approx(scipys)


def test_there_are_fewer_bins_where_they_would_be_empty():
    assert len(bins(rows(55, 0), rows(30, 1)).real) == 5
    assert len(bins(torch.zeros(90, 2), rows(30, 1, 2)).real) == 1


def entropy(counts):
    p = np.array(counts) / np.sum(counts)
    return -(p[p > 0] * np.log(p[p > 0])).sum()


def test_entropy_is_that_of_the_counts():
    found = Bins(torch.tensor([10, 20, 0, 30]), torch.tensor([5, 0, 0, 15]))
    value, _, of_real = found.entropy()
    assert value == pytest.approx(entropy([5, 15]), rel=1e-13)
    assert of_real == pytest.approx(entropy([10, 20, 30]), rel=1e-13)
    assert Bins(torch.tensor([9, 9]), torch.tensor([7, 0])).entropy()[0] == 0


def test_collapse_lowers_the_entropy_below_that_of_the_real():
    real, generated = rows(600, 0), rows(600, 1)
    collapsed = generated[generated[:, 0] > 0.5]
    whole, part = (
        NDB(count=20)(real=Bank.of(real), generated=Bank.of(each))["ndb_entropy"]
        for each in (generated, collapsed)
    )
    # The counted half of the real rows has a bias of its own: 19 / 600 against 19 / 1200.
    assert abs(whole.value - 19 / 1200 - whole.extra["of real images"]) < 2 * (
        whole.high - whole.low
    )
    assert part.high < part.extra["of real images"] == whole.extra["of real images"]


@pytest.mark.parametrize("shares", [np.full(20, 0.05), np.arange(1, 21) / 210])
def test_the_interval_covers_the_mean_entropy(shares):
    rng = np.random.default_rng(0)
    drawn = [torch.from_numpy(rng.multinomial(300, shares)) for _ in range(1000)]
    found = np.array([Bins(each, each).entropy()[:2] for each in drawn])
    hits = np.abs(found[:, 0] - found[:, 0].mean()) < 1.96 * found[:, 1]
    # Binomial(1000, .95) has deviation .007. Where all bins are alike an entropy that came out low
    # has a large deviation, and 99 % are covered.
    assert 0.95 - 0.028 < hits.mean() < (0.998 if shares[0] == shares[1] else 0.95 + 0.028)
