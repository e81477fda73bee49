"""Mean distances of pairs: all of them, within labels, and how far the mean can be trusted."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import skew

from gandiag.errors import GandiagError
from gandiag.metrics import Diversity, diversity, mean_distances
from gandiag.metrics import tiles as tiling
from gandiag.statistics import Bank


def rows(n, width=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width))


def pairwise(x):
    return np.sqrt(((x[:, None] - x[None]) ** 2).sum(2))


def bank(x, labels=None):
    return Bank.of(torch.tensor(x)).labelled(labels)


def score(generated, labels=None, real=None, **options):
    real = rows(20, generated.shape[1], 9) if real is None else real
    own = None if labels is None else [labels[0]] * len(real)
    return Diversity(**options)(real=bank(real, own), generated=bank(generated, labels))[
        "diversity"
    ]


@pytest.mark.parametrize("tile", [5, 2048])
@pytest.mark.parametrize("copies", [1, 4])
def test_agrees_with_every_pair_in_memory(tile, copies, monkeypatch):
    monkeypatch.setattr(tiling, "TILE", tile)
    x = 100 + np.repeat(rows(23), copies, axis=0)
    found = mean_distances(x).numpy()
    assert found == pytest.approx(pairwise(x).sum(1) / (len(x) - 1), rel=1e-10)


def test_copies_far_from_zero_have_none():
    # |x|^2 + |y|^2 - 2 x.y would put them 1e-2 apart.
    x = np.repeat(1e6 + rows(1), 10, axis=0)
    assert diversity(x) == 0
    some = np.concatenate((x, 1e6 + rows(30, seed=1)))
    assert diversity(some) == pytest.approx(pairwise(some).sum() / 40 / 39, rel=1e-10)


def test_standard_normal_numbers_are_two_over_root_pi_apart():
    # |x - y| with x - y ~ N(0, 2).
    found = [diversity(rows(100, 1, seed)) for seed in range(50)]
    assert abs(np.mean(found) - 2 / math.sqrt(math.pi)) < 4 * np.std(found) / math.sqrt(50)


def test_within_labels_is_the_mean_of_each_labels_own():
    x, labels = rows(22), ["a"] * 12 + ["b"] * 8 + ["c"] * 2
    expected = (diversity(x[:12]) + diversity(x[12:20])) / 2
    assert diversity(x, labels) == pytest.approx(expected, rel=1e-14)
    order = np.random.default_rng(1).permutation(22)
    mixed = diversity(x[order], [labels[i] for i in order])
    assert mixed == pytest.approx(expected, rel=1e-12)
    metric = Diversity(pairs="label")
    given = {"real": bank(x, labels), "generated": bank(x, labels)}
    found = metric(**given)["diversity"]
    assert found.extra["of real images"] == found.value
    assert found.extra["pairs"] == 66 + 28
    assert "within each label" in found.method
    ((code, sentence),) = metric.remarks(**given)
    assert (code, sentence[:60]) == (
        "few-of-a-label",
        "1 of the 3 labels have fewer than 3 generated images, and ar",
    )


def test_the_interval_is_the_jackknifes_with_the_skew_taken_out():
    n = 110
    x = np.random.default_rng(0).exponential(size=(n, 4)).astype(np.float32)
    left = np.array([diversity(np.delete(x, i, axis=0)) for i in range(n)])
    deviation = math.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum())
    own = mean_distances(x).numpy()
    a = 8 / n**3 * ((own - own.mean()) ** 3).sum() / deviation**3
    assert a == pytest.approx(skew(own) / math.sqrt(n), rel=5 / n)  # n - 1 and n - 2 for n
    found = score(x)
    for end, z in ((found.low, 1.959964), (found.high, -1.959964)):
        t = (found.value - end) / deviation
        # Hall's transformation, as he writes it. Leaving out works on float32 rows.
        assert t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6 == pytest.approx(z, rel=1e-5)
    assert found.high - found.value > 1.1 * (found.value - found.low)


def test_few_rows_have_no_interval():
    found = score(rows(99))
    assert (found.low, found.high) == (None, None)
    assert found.method == "no interval: fewer than 100 images; mean over all pairs"
    assert score(rows(100)).low is not None
    labels = ["a"] * 30 + ["b"] * 70
    assert score(rows(100), labels, pairs="label").low is not None
    assert score(rows(100), [*labels[:-1], "c"], pairs="label").low is None
    equal = score(np.ones((100, 4)))
    assert (equal.low, equal.value, equal.high) == (0, 0, 0)


@pytest.mark.parametrize("labels", [None, ["a"] * 40 + ["b"] * 60])
def test_the_interval_covers_the_mean(labels):
    options = {} if labels is None else {"pairs": "label"}
    rng = np.random.default_rng(2)
    # Skewed.
    found = [score(np.exp(rng.normal(size=(100, 3))), labels, **options) for _ in range(400)]
    mean = np.mean([each.value for each in found])
    hits = np.mean([each.low <= mean <= each.high for each in found])
    # Binomial(400, .95) has deviation .011; 100 rows tell not all of the tail.
    assert 0.95 - 0.033 < hits < 0.95 + 0.03


def test_what_cannot_be_had_is_refused():
    with pytest.raises(GandiagError, match="no label has 3 images"):
        diversity(rows(4), ["a", "a", "b", "b"])
    with pytest.raises(GandiagError, match="the real images have none"):
        Diversity(pairs="label")(real=bank(rows(5)), generated=bank(rows(5)))
    with pytest.raises(GandiagError, match="pairs must be all or label"):
        Diversity(pairs="some")
