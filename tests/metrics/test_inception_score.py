import math

import numpy as np
import pytest
import scipy.special
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import InceptionScore, inception_score
from gandiag.metrics import inception_score as function
from gandiag.metrics.inception_score import ROWS, class_divergences
from gandiag.statistics import Bank


def logits(n, classes, seed=0, scale=2.0):
    return scale * np.random.default_rng(seed).normal(size=(n, classes))


def twin(values):
    """exp(mean of KL(p_i || mean p)), as the paper writes it."""
    p = scipy.special.softmax(values, axis=1)
    return math.exp(np.mean([scipy.special.rel_entr(each, p.mean(0)).sum() for each in p]))


def score(values, **fields):
    return InceptionScore(**fields)(generated=Bank.of(torch.tensor(values)))["is"]


def test_agrees_with_the_definition():
    values = logits(ROWS + 50, 7)  # two blocks
    # Float64 throughout.
    assert function(values) == pytest.approx(twin(values), rel=1e-12)


def test_sure_and_even_predictions_score_the_number_of_classes():
    # 1000 nats apart: p is exactly one-hot, and log p far from what exp can hold.
    values = 1000 * np.eye(8).repeat(5, axis=0)
    assert inception_score(values) == pytest.approx(8, rel=1e-13)


def test_like_predictions_score_one():
    assert inception_score(np.tile(logits(1, 9), (50, 1))) == pytest.approx(1, rel=1e-13)
    assert inception_score(logits(1, 9)) == pytest.approx(1, rel=1e-13)


def test_a_class_that_no_image_shows_costs_no_nan():
    values = logits(20, 5)
    values[:, 3] = -1e30
    assert inception_score(values) == pytest.approx(twin(values[:, [0, 1, 2, 4]]), rel=1e-12)


def test_a_constant_on_all_logits_changes_nothing():
    values = logits(50, 5)
    assert inception_score(values + 1e3) == pytest.approx(inception_score(values), rel=1e-11)


def test_divergences_average_to_the_log_score():
    values = logits(50, 5)
    assert class_divergences(values).shape == (50,)
    assert float(class_divergences(values).mean()) == pytest.approx(math.log(twin(values)))


@pytest.mark.parametrize(
    ("rule", "sizes"),
    [("even", [3, 3, 3, 4]), ("chunk", [4, 4, 4, 1]), ("floor", [3, 3, 3, 3])],
)
def test_the_three_ways_to_cut_thirteen_into_four(rule, sizes):
    values = logits(13, 5)
    parts = InceptionScore(splits=4, rule=rule).split(torch.tensor(values))
    assert [len(part) for part in parts] == sizes
    assert torch.equal(torch.cat(parts), torch.tensor(values[: sum(sizes)]))
    found = score(values, splits=4, rule=rule, ddof=1)
    cuts = np.split(values[: sum(sizes)], np.cumsum(sizes)[:-1])
    expected = [twin(each.astype(np.float32).astype(float)) for each in cuts]
    assert found.value == pytest.approx(np.mean(expected), rel=1e-12)
    assert found.extra["std"] == pytest.approx(np.std(expected, ddof=1), rel=1e-9)


def test_chunks_may_be_fewer_than_asked_for():
    parts = InceptionScore(splits=10, rule="chunk").split(torch.zeros(11, 2))
    assert [len(part) for part in parts] == [2, 2, 2, 2, 2, 1]


def test_the_order_is_that_of_the_named_generator():
    values = torch.tensor(logits(20, 4))
    (numpy,) = InceptionScore(shuffle="numpy", seed=7).split(values)
    assert torch.equal(numpy, values[np.random.RandomState(7).permutation(20)])
    (shuffled,) = InceptionScore(shuffle="torch", seed=7).split(values)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        assert torch.equal(shuffled, values[torch.randperm(20)])
    (as_given,) = InceptionScore().split(values)
    assert torch.equal(as_given, values)


def test_the_interval_stays_above_the_least_score():
    # One odd image among many: its influence is as large as the score's distance from 1.
    values = np.zeros((25, 5))
    values[0, 0] = 5
    assert score(values).low == 1 < score(values).value


@pytest.mark.parametrize(
    ("n", "splits", "printed"), [(100, 1, True), (98, 1, False), (100, 2, False)]
)
def test_five_images_for_each_class_in_use_have_an_interval(n, splits, printed):
    # Certain predictions of twenty classes in turn: all of them are in use.
    values = 50 * np.eye(20)[np.arange(n) % 20]
    found = score(values, splits=splits)
    assert (found.low is not None) == printed
    assert printed or found.method.startswith("no interval")


def test_of_even_certain_classes_the_second_order_is_all_there_is():
    # 2n (log K - log IS) is chi-squared with K - 1 degrees of freedom (Wilks).
    n, classes = 400, 8
    random = np.random.default_rng(0)
    draws = [score(50 * np.eye(classes)[random.integers(classes, size=n)]) for _ in range(300)]
    relative = np.array([np.log(each.high / each.value) for each in draws]) / 1.96
    # 300 draws: 4 % (one sigma), and the deviation itself varies with the evenness of the draw.
    assert relative.mean() == pytest.approx(np.sqrt(2 * (classes - 1)) / (2 * n), rel=0.2)


def test_one_split_has_no_std_and_one_chunk_neither():
    assert score(logits(20, 4)).extra == {}
    assert score(logits(2, 4), splits=2, rule="chunk", ddof=2).extra == {}


@pytest.mark.parametrize("fields", [{}, {"splits": 5}])
def test_the_interval_is_that_of_repeated_draws(fields):
    draws = [score(logits(300, 6, seed), **fields) for seed in range(200)]
    values = np.array([each.value for each in draws])
    half = np.array([each.high - each.low for each in draws]) / 2
    # 200 draws know a standard deviation to 5 % (one sigma): three of these.
    assert half.mean() / 1.96 == pytest.approx(values.std(ddof=1), rel=0.15)
    assert all(1 <= each.low <= each.value <= each.high for each in draws)


def test_refuses():
    with pytest.raises(GandiagError, match="at least 1"):
        inception_score(np.zeros((0, 3)))
    with pytest.raises(GandiagError, match="splits"):
        InceptionScore(splits=0)
    with pytest.raises(GandiagError, match="at least 10"):
        score(logits(9, 4), splits=10)


@pytest.mark.parametrize(("n", "block"), [(25, 10), (20, 10), (7, 10), (5, 1)])
def test_blocks_are_consecutive_and_the_last_weighs_as_much(n, block):
    values = logits(n, 5).astype(np.float32)
    known = []
    for start in range(0, n, block):
        p = scipy.special.softmax(values[start : start + block].astype(float), axis=1)
        terms = [a * math.log(a / b) for row in p for a, b in zip(row, p.mean(0), strict=True)]
        known.append(math.exp(sum(terms) / len(p)))
    found = score(values, block=block)
    assert found.value == pytest.approx(sum(known) / len(known), rel=1e-12)
    if len(known) > 1:
        assert found.extra["std"] == pytest.approx(np.std(known), rel=1e-9, abs=1e-14)
    else:
        assert found.extra == {}


def test_a_short_last_block_is_remarked_on():
    def remarks(n):
        return list(InceptionScore(block=10).remarks(generated=Bank.of(torch.zeros(n, 3))))

    assert remarks(20) == remarks(7) == []
    ((code, sentence),) = remarks(23)
    assert code == "short-block"
    assert "3 of 10" in sentence


def test_refuses_blocks_and_splits_together():
    for fields in ({"block": 0}, {"block": 5, "splits": 2}):
        with pytest.raises(GandiagError, match="block >= 1 and no splits"):
            InceptionScore(**fields)
