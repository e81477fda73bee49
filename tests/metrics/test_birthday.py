import math

import pytest
import torch

from gandiag.metrics import Birthday, closeness, collisions
from gandiag.statistics import Bank


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def prototypes(support, count, seed=0, shares=None):
    """Samples of a generator that knows `support` images, with a little noise."""
    shares = torch.ones(support) if shares is None else shares
    images = torch.randn(support, 16, generator=rng(1000 + support))
    drawn = torch.multinomial(shares, count, replacement=True, generator=rng(seed))
    return images[drawn] + 1e-4 * torch.randn(count, 16, generator=rng(seed + 1))


@pytest.mark.parametrize("support", [100, 1000, 10_000])
def test_the_support_of_a_uniform_generator(support):
    found = collisions(prototypes(support, 2000), threshold=0.01)
    # Pairs collide independently, each with 1/S: relative deviation 1 / sqrt(expected collisions).
    expected = found.pairs / support
    assert found.support == pytest.approx(support, rel=4 / math.sqrt(expected))


def test_rare_images_hardly_count():
    shares = torch.tensor([0.5] + [0.5 / 1000] * 1000)
    found = collisions(prototypes(1001, 2000, shares=shares), threshold=0.01)
    assert found.support == pytest.approx(1 / float(shares.square().sum()), rel=0.15)


def test_the_interval_holds_the_truth():
    hits = 0
    shares = torch.arange(1, 201).float()
    truth = float(shares.sum() ** 2 / shares.square().sum())
    for seed in range(100):
        found = collisions(prototypes(200, 150, seed=2 * seed, shares=shares), 0.01)
        hits += abs(math.log(found.support / truth)) < 1.96 * found.deviation
    # Binomial(100, .95) has deviation 2.2, and the log is only roughly normal.
    assert hits >= 87


@pytest.mark.parametrize(
    ("zipf", "support", "count", "low"),
    [
        # 200 draws at .95 have the deviation .015: three of these. Zipf's tail is heavy at 150.
        (False, 200, 150, 0.905),
        (False, 1000, 500, 0.905),
        (True, 200, 150, 0.87),
        (True, 200, 400, 0.905),
    ],
)
def test_the_deviation_is_that_of_repeated_draws(zipf, support, count, low):
    shares = 1 / torch.arange(1, support + 1) if zipf else torch.ones(support)
    truth = float(shares.sum() ** 2 / shares.square().sum())
    logs, deviations = [], []
    for seed in range(200):
        found = collisions(prototypes(support, count, 2 * seed, shares), 0.01)
        logs.append(math.log(found.support / truth))
        deviations.append(found.deviation)
    logs, deviations = torch.tensor(logs), torch.tensor(deviations)
    assert low < float((logs.abs() < 1.96 * deviations).double().mean())
    # Known to 5 %: three of these. On the uniform, with the noise of the degrees, it would be 1.7.
    assert float(deviations.mean() / logs.std()) == pytest.approx(1, abs=0.16)


def test_pairs_are_those_of_the_slow_twin():
    rows = torch.randn(60, 3, generator=rng()).double()
    rows[7] = rows[20]
    for threshold in (0.0, 0.5, math.dist(rows[0].tolist(), rows[1].tolist())):
        pairs = sum(
            math.dist(rows[i].tolist(), rows[j].tolist()) <= threshold
            for i in range(60)
            for j in range(i)
        )
        # The last threshold is the distance of a pair, to the last bit or not: one pair of slack.
        assert abs(collisions(rows, threshold).copies - pairs) <= (threshold > 0.5)


def test_no_pair_gives_a_lower_bound():
    found = collisions(torch.arange(100.0)[:, None], 0.5)
    assert found.copies == 0
    assert found.support == 100 * 99 / 2 / 3


def test_nearness_is_taken_from_the_real_images():
    rows = torch.cumsum(torch.arange(1.0, 202.0), 0)[:, None]  # gaps 2, 3, 4 ... 201
    nearest = [2, 2, *range(3, 201 + 1)]
    assert closeness(rows, 0.01) == sorted(nearest)[2]


def test_a_collapsed_generator_is_told_from_a_whole_one():
    real = torch.randn(1500, 16, generator=rng(5))
    whole = torch.randn(1500, 16, generator=rng(6))
    metric = Birthday()
    few = metric(real=Bank.of(real), generated=Bank.of(prototypes(50, 1500)))["support"]
    many = metric(real=Bank.of(real), generated=Bank.of(whole))["support"]
    assert few.low < 50 < few.high
    assert many.value > 1000 * few.value
    assert many.extra["of real images"] > 1000 * few.value


@pytest.mark.parametrize(("count", "printed"), [(199, False), (200, True)])
def test_few_samples_have_no_interval(count, printed):
    real, generated = prototypes(50, 100), prototypes(50, count, seed=1)
    score = Birthday(threshold=0.01)(real=Bank.of(real), generated=Bank.of(generated))["support"]
    assert (score.low is not None) == printed
    assert printed or "fewer than 200 generated images" in score.method


def test_few_pairs_have_no_interval():
    """Of 900 even images, 200 samples have some 22 pairs; of 9,000 two or three."""
    real = prototypes(50, 100)
    for support, printed in ((900, True), (9000, False)):
        generated = Bank.of(prototypes(support, 200, seed=1))
        score = Birthday(threshold=0.01)(real=Bank.of(real), generated=generated)["support"]
        assert score.extra["pairs"] > 0
        assert (score.low is not None) == printed
        assert printed or "fewer than 10 pairs" in score.method
