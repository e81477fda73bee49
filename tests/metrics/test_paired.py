"""Differences on shared real rows: their deviation, their intervals, and many at once."""

import itertools
import math

import pytest
import torch

from gandiag.metrics.jackknife import groups_of
from gandiag.metrics.paired import Contrast, contrast, levels, spread


def means_without(x):
    groups = groups_of(len(x))
    return torch.stack([x[groups != g].mean() for g in range(20)])


def normal(n, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, dtype=torch.float64, generator=generator)


def test_what_both_share_of_the_real_rows_does_not_count():
    real, a, b = (normal(400, seed) for seed in range(3))
    # Two scores that are the mean of the real less that of the generated.
    one = {"real": 50 * means_without(real), "generated": -means_without(a)}
    other = {"real": 50 * means_without(real), "generated": -means_without(b)}
    found = contrast(0.3, 0.1, (one, other))
    assert found.value == pytest.approx(0.2)
    # Of means the jackknife is the usual variance on average, with 19 degrees of freedom.
    alone = math.sqrt(float(a.var() + b.var()) / 400)
    assert found.deviation == pytest.approx(alone, rel=0.4)
    assert spread(one) > 10 * found.deviation


def test_covers_the_difference_and_errs_as_often_as_it_says():
    wrong = 0
    draws = 400
    for seed in range(draws):
        real, a, b = (normal(60, 3 * seed + i) for i in range(3))
        sets = [
            {"real": 2 * means_without(real), "generated": -means_without(each)} for each in (a, b)
        ]
        found = contrast(float(-a.mean()), float(-b.mean()), (sets[0], sets[1]))
        wrong += abs(found.value) > found.half(0.05)
        assert (found.chance() <= 0.05) == (abs(found.value) >= found.half(0.05))
    # 20 of 400 are due; three deviations of a binomial share.
    assert abs(wrong / draws - 0.05) < 3 * math.sqrt(0.05 * 0.95 / draws)


def test_nothing_moves():
    still = {"generated": torch.ones(20, dtype=torch.float64)}
    found = contrast(1.0, 2.0, (still, still))
    assert found.deviation == 0
    assert found.chance() == 1


def test_so_many_images_tell_four_times_in_five():
    found = Contrast(0.5, 0.4, 1e9)
    n = found.enough(100, 0.05)
    # z of .025 and of .2
    assert n == pytest.approx(100 * ((1.959964 + 0.841621) * 0.8) ** 2, rel=1e-5)
    # With so many, the deviation shrinks to where the power is .8.
    deviation = 0.4 * math.sqrt(100 / n)
    power = 0.5 * math.erfc((1.959964 - 0.5 / deviation) / math.sqrt(2))
    assert power == pytest.approx(0.8, abs=1e-4)
    assert Contrast(0.0, 0.4, 19).enough(100, 0.05) == math.inf


@pytest.mark.parametrize(
    ("chances", "expected"),
    [
        ([0.04], [0.05]),
        # .01 <= .05/3, then .04 > .05/2 stops it, also for .049, which is above that level too.
        ([0.04, 0.01, 0.049], [0.025, 0.05 / 3, 0.025]),
        ([0.001, 0.002, 0.003], [0.05 / 3, 0.025, 0.05]),
        ([], []),
    ],
)
def test_levels_by_hand(chances, expected):
    assert levels(chances) == pytest.approx(expected)


def test_levels_decide_as_holm_does():
    for chances in itertools.product([0.001, 0.012, 0.02, 0.03, 0.2], repeat=4):
        held = levels(chances)
        found = [p <= level for p, level in zip(chances, held, strict=True)]
        # Adjusted p: the running maximum of (m - rank) p, in order.
        order = sorted(range(4), key=lambda i: chances[i])
        adjusted = itertools.accumulate(((4 - r) * chances[i] for r, i in enumerate(order)), max)
        expected = dict(zip(order, (p <= 0.05 for p in adjusted), strict=True))
        assert found == [expected[i] for i in range(4)]
