"""Which samples are near-copies: ties, copies and tiles included."""

import importlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gandiag.errors import GandiagError
from gandiag.metrics import Authenticity, authentic, authenticity, neighbours
from gandiag.metrics import tiles as tiling
from gandiag.statistics import Bank


def rows(n, width, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width))


def grid(n, width, seed, levels):
    """Small integers: their distances are exact, and full of ties and copies."""
    return np.random.default_rng(seed).integers(0, levels, (n, width)).astype(float)


def pairwise(x, y):
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(2))


def twin(real, generated):
    """By the definition, with every pair in memory."""
    own = pairwise(real, real)
    np.fill_diagonal(own, np.inf)
    radii = own.min(axis=1)
    d = pairwise(generated, real)
    nearest = d.min(axis=1)
    return [
        all(nearest[j] > radii[i] for i in range(len(real)) if d[j, i] == nearest[j])
        for j in range(len(generated))
    ]


def score(real, generated):
    given = {"real": Bank.of(torch.tensor(real)), "generated": Bank.of(torch.tensor(generated))}
    return Authenticity()(**given)["authenticity"]


def test_an_example_by_hand():
    # Own nearest: 0 -> 4 at 4, 4 -> 5 at 1, 5 -> 4 at 1.
    real = np.array([[0.0], [4.0], [5.0]])
    # To the nearest, against its own: 1 < 4  2 > 1  1 = 1  3 > 1  0 < 1  4 = 4
    generated = np.array([[1.0], [7.0], [6.0], [8.0], [4.0], [-4.0]])
    found = authentic(real=real, generated=generated)
    assert found.tolist() == [False, True, False, True, False, False]
    assert authenticity(real=real, generated=generated) == 2 / 6


@pytest.mark.parametrize(("n", "m", "width"), [(80, 50, 3), (30, 90, 20), (2, 7, 1)])
def test_agrees_with_every_pair_in_memory(n, m, width):
    real, generated = rows(n, width), rows(m, width, 1)
    assert authentic(real=real, generated=generated).tolist() == twin(real, generated)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 30),
    st.integers(1, 30),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(0, 999),
)
def test_ties_and_copies_are_exact(n, m, width, levels, seed):
    real, generated = grid(n, width, seed, levels), grid(m, width, seed + 1, levels)
    assert authentic(real=real, generated=generated).tolist() == twin(real, generated)


@pytest.mark.parametrize("tile", [1, 7, 64])
def test_tiles_change_nothing_and_bound_the_memory(tile, monkeypatch):
    sets = [(rows(40, 4), rows(33, 4, 1)), (grid(40, 2, 0, 4), grid(33, 2, 1, 4))]
    whole = [score(*pair) for pair in sets]
    sizes = []
    bounded = neighbours.bounded_squares

    def counted(x, y, centre):
        sizes.append(max(len(x), len(y)))
        return bounded(x, y, centre)

    # By the module's full name: in its package the name is the function's.
    for module in (neighbours, importlib.import_module("gandiag.metrics.authenticity")):
        monkeypatch.setattr(module, "bounded_squares", counted)
    monkeypatch.setattr(tiling, "TILE", tile)
    assert [score(*pair) for pair in sets] == whole
    assert max(sizes) == min(tile, 40)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_copies_of_the_training_set_are_not_authentic(offset):
    # |x|^2 + |y|^2 - 2 x.y would put copies at 1e6 some 0.01 apart.
    real = offset + rows(60, 5)
    assert authenticity(real=real, generated=real[::-1]) == 0
    assert authenticity(real=real, generated=real + 1e-9) == 0
    assert score(real, real).low == 0


def test_samples_far_from_everything_are_authentic():
    real = rows(60, 5)
    assert authenticity(real=real, generated=100 + rows(20, 5, 1)) == 1
    assert score(real, 100 + rows(20, 5, 1)).high == 1


def test_order_is_of_no_account():
    real, generated = grid(50, 2, 0, 5), grid(40, 2, 1, 5)
    rng = np.random.default_rng(2)
    for _ in range(5):
        mixed = score(rng.permutation(real), rng.permutation(generated))
        assert mixed == score(real, generated)


@pytest.mark.parametrize(
    ("width", "share"),
    [
        # In a pair of mutual nearest neighbours, neither lies in the union of two unit balls a unit
        # apart but the two: volume of a ball over that of the union. 3 of 2 in one dimension, where
        # it is exact for uniform numbers, any N >= 3; 4 pi / 3 + sqrt(3) / 2 of pi in two.
        (1, 1 - 2 / 3),
        (2, 1 - math.pi / (4 * math.pi / 3 + math.sqrt(3) / 2)),
    ],
)
def test_equal_distributions_give_what_theory_says(width, share):
    rng = np.random.default_rng(0)
    repeats = 30
    found = [score(rng.random((400, width)), rng.random((400, width))) for _ in range(repeats)]
    values = np.array([each.value for each in found])
    own = np.array([each.extra["of real images"] for each in found])
    # Four standard errors of the mean. The border of the square, where points have neighbours on
    # one side only, is not seen in them: 400 repeats agree with the plane to .0033 +- .0016.
    assert abs(values.mean() - share) < 4 * values.std() / math.sqrt(repeats)
    assert abs(own.mean() - share) < 4 * own.std() / math.sqrt(repeats)


def test_the_number_of_real_images_is_that_of_each_among_the_others():
    for real in (rows(40, 3), grid(40, 2, 0, 4), rows(2, 3)[[0, 1, 1]]):
        alone = [twin_of_one(np.delete(real, i, 0), real[i : i + 1]) for i in range(len(real))]
        assert score(real, real).extra["of real images"] == np.mean(alone)


def twin_of_one(real, generated):
    return twin(real, generated)[0]


def test_the_number_of_real_images_is_what_any_width_would_give():
    # Hubs make it .57 in eight dimensions, not a half: only the data can tell.
    rng = np.random.default_rng(1)
    found = [score(rng.normal(size=(300, 8)), rng.normal(size=(300, 8))) for _ in range(30)]
    difference = np.array([each.value - each.extra["of real images"] for each in found])
    assert abs(difference.mean()) < 4 * difference.std() / math.sqrt(30)
    assert np.mean([each.value for each in found]) > 0.52


def test_the_interval_covers_the_share_of_these_real_images():
    rng = np.random.default_rng(3)
    real = rng.normal(size=(40, 2))
    truth = authenticity(real=real, generated=rng.normal(size=(200_000, 2)))
    found = [score(real, rng.normal(size=(60, 2))) for _ in range(300)]
    hits = np.mean([each.low <= truth <= each.high for each in found])
    # Binomial(300, .95) has deviation .013: three of these, and half of one step of 60 images.
    assert hits > 0.95 - 0.045


def test_real_copies_are_told():
    real = torch.tensor(rows(20, 3))
    real[5] = real[6] = real[7]
    real[9], real[10] = torch.zeros(3), -torch.zeros(3)  # equal, though not bit by bit
    generated = Bank.of(torch.tensor(rows(20, 3, 1)))
    ((code, sentence),) = Authenticity().remarks(real=Bank.of(real), generated=generated)
    assert code == "real-copies"
    assert sentence.startswith("5 of the 20 real images have exact copies among them")
    assert not [*Authenticity().remarks(real=generated, generated=Bank.of(real))]
    # What it tells: next to such a copy everything but the copy itself passes.
    beside = torch.stack((real[5] + 1e-9, real[5]))
    assert authentic(real=real, generated=beside).tolist() == [True, False]


def test_the_two_sets_are_taken_by_name():
    x = rows(5, 2)
    for function in (authentic, authenticity):
        with pytest.raises(TypeError, match="positional"):
            function(x, x)


@pytest.mark.parametrize(
    ("real", "generated", "why"),
    [
        (rows(1, 2), rows(5, 2), "real has 1 rows and at least 2 are needed"),
        (rows(5, 2), rows(0, 2), "generated has 0 rows and at least 1 are needed"),
        (rows(5, 2), rows(5, 3), "2 wide .* 3 wide"),
    ],
)
def test_what_cannot_be_judged_is_refused(real, generated, why):
    with pytest.raises(GandiagError, match=why):
        authenticity(real=real, generated=generated)
