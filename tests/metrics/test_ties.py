"""Rows with many ties: exact, and without a look at each pair alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gandiag.metrics import (
    authenticity,
    collisions,
    k_nearest,
    neighbours,
    precision_recall_density_coverage,
)
from gandiag.metrics.neighbours import all_distances, distances
from gandiag.metrics.ties import distances_by_product, distinct


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 40),
    st.sampled_from([1, 3, 255, 40_000]),
    st.sampled_from([1.0, 0.125, 2.0**30, 2.0**-300]),
    st.integers(0, 999),
)
def test_multiples_of_a_power_of_two_need_no_differences(n, m, width, levels, scale, seed):
    random = np.random.default_rng(seed)
    x, y = (
        torch.tensor(random.integers(-levels, levels + 1, (size, width)) * scale) for size in (n, m)
    )
    found = distances_by_product(x, y)
    assert found is not None
    # Exactly: both are the rounded roots of one whole number.
    assert torch.equal(found, distances(x, y))


@pytest.mark.parametrize(
    "value",
    [
        0.1,  # no multiple of a power of two that is not tiny
        1e200,  # its square overflows
        1e-200,
        1 + 2.0**-30,  # its square has 61 bits
    ],
)
def test_other_numbers_are_left_to_differences(value):
    x = torch.tensor([[value, 1.0], [1.0, 0.0]], dtype=torch.float64)
    assert distances_by_product(x, x) is None
    assert torch.equal(all_distances(x, x), distances(x, x))


def test_half_precision_and_integers_are_taken_in_float64():
    x = torch.tensor([[255.0, 0.0], [254.0, 1.0]])
    for each in (x, x.half(), x.to(torch.int64)):
        found = distances_by_product(each, each)
        assert found is not None
        assert torch.equal(found, distances(x, x))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 30), st.integers(1, 3), st.integers(1, 4), st.integers(0, 999))
def test_distinct_rows_stand_for_their_copies(n, width, levels, seed):
    x = torch.tensor(np.random.default_rng(seed).integers(0, levels, (n, width)) / 10)
    firsts, inverse = distinct(x)
    assert torch.equal(x[firsts][inverse], x)
    assert len(firsts) == len(np.unique(x.numpy(), axis=0))


def test_signed_zeros_are_copies_and_colliding_sums_are_not():
    firsts, _ = distinct(torch.tensor([[0.0, 1.0], [-0.0, 1.0]]))
    assert len(firsts) == 1
    # Rows whose sums wrap around to the same number, made on purpose.
    factors = torch.randint(-(2**62), 2**62, (2,), generator=torch.Generator().manual_seed(0))
    a, b = (factors * 2 + 1).tolist()
    other = b * pow(a, -1, 2**64) % 2**64  # a * other = b * 1
    bits = torch.tensor([[(other ^ 2**63) - 2**63, 0], [0, 1]])
    x = bits.view(torch.float64)
    assert bool(torch.isfinite(x).all())
    firsts, inverse = distinct(x)
    assert torch.equal(x[firsts][inverse], x)


def test_copies_are_compared_once(monkeypatch):
    counted = count_pairs(monkeypatch)
    random = np.random.default_rng(0)
    x, y = (torch.tensor(random.normal(size=(size, 5))) for size in (4, 3))
    many, others = (each[torch.tensor(random.integers(0, len(each), 200))] for each in (x, y))
    found = all_distances(many, others)
    assert counted.pairs == 4 * 3
    assert torch.equal(found, distances(many, others))


class Counted:
    pairs = 0


def count_pairs(monkeypatch):
    """Of rows whose distance is computed from their differences, alone or together."""
    counted, whole = Counted(), neighbours.distances

    def distances(x, y):
        found = whole(x, y)
        counted.pairs += found.numel()
        return found

    monkeypatch.setattr(neighbours, "distances", distances)
    return counted


K = 3
CANDIDATES = K + neighbours.SPARE


def test_equidistant_rows_cost_no_pair_beyond_the_candidates(monkeypatch):
    counted = count_pairs(monkeypatch)
    n = 600
    # One-hot, each a row of its own: all sqrt(2) apart, which bounds cannot tell from a tie.
    x = torch.eye(2 * n)
    real, generated = x[:n], x[n:]
    closed = precision_recall_density_coverage(real=real, generated=generated, k=K)
    assert closed == {"precision": 1, "recall": 1, "density": n / K, "coverage": 1}
    assert counted.pairs == 2 * n * CANDIDATES


def test_the_other_counts_of_equidistant_rows_cost_no_more(monkeypatch):
    counted = count_pairs(monkeypatch)
    n = 300
    x = torch.eye(2 * n)
    real, generated = x[:n], x[n:]
    given = {"real": real, "generated": generated}
    assert set(precision_recall_density_coverage(**given, k=K, tie="<").values()) == {0}
    assert authenticity(**given) == 0  # no further from the real row than that from its next
    assert collisions(generated, 2**0.5).copies == n * (n - 1) / 2
    assert collisions(generated, 1.414).copies == 0
    assert counted.pairs <= 4 * n * CANDIDATES


def test_thousands_of_copies_cost_no_pair_beyond_the_candidates(monkeypatch):
    counted = count_pairs(monkeypatch)
    n = 2100  # more than a tile
    row = torch.tensor(np.random.default_rng(0).normal(size=(1, 7)))
    real, generated = row.expand(n, -1), row.expand(n + 1, -1)
    found = precision_recall_density_coverage(real=real, generated=generated, k=K)
    assert found == {"precision": 1, "recall": 1, "density": n / K, "coverage": 1}
    assert authenticity(real=real, generated=generated) == 0
    assert collisions(real, 0.0).copies == n * (n - 1) / 2
    # The candidates of four searches, two of them of one neighbour; and a pair for each tile.
    assert counted.pairs <= 4 * (n + 1) * CANDIDATES + 20


def test_a_generator_that_fell_to_one_image_costs_no_more(monkeypatch):
    counted = count_pairs(monkeypatch)
    random = np.random.default_rng(0)
    real = torch.tensor(random.normal(size=(400, 6)))
    generated = torch.tensor(random.normal(size=(1, 6))).expand(500, -1)
    found = precision_recall_density_coverage(real=real, generated=generated, k=K)
    inside = distances(real, generated[:1])[:, 0] <= k_nearest(real, K)[:, -1]
    assert found["coverage"] == float(inside.double().mean())
    assert found["recall"] == 0
    assert counted.pairs < 3 * 900 * CANDIDATES
