"""Moments of parts are the moments of the whole, whatever the parts, the order and the mean."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gandiag.errors import GandiagError
from gandiag.statistics import Moments, NonFiniteRow


def rows(n, width, seed=0, mean=0.0):
    generator = torch.Generator().manual_seed(seed)
    return mean + torch.randn(n, width, dtype=torch.float64, generator=generator)


def close(a, b, tolerance):
    assert a.n == b.n
    scale = b.covariance.diagonal().max() if b.n else 1.0
    torch.testing.assert_close(a.mean, b.mean, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(a.scatter, b.scatter, rtol=0, atol=tolerance * max(1, b.n) * scale)


def test_agrees_with_numpy():
    x = rows(2500, 3, mean=7.0)  # more than two chunks
    found = Moments.of(x)
    assert found.n == 2500
    assert found.width == 3
    # Sums of 2,500 terms near 50, in float64.
    np.testing.assert_allclose(found.mean.numpy(), x.numpy().mean(0), rtol=1e-13)
    np.testing.assert_allclose(found.covariance.numpy(), np.cov(x.numpy().T), atol=1e-13)


# Parts of a few dozen rows near 1: rounding stays within a few hundred ulps.
TOLERANCE = 1e-13


@settings(deadline=None)  # the first example pays for torch's start
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(0, 99))
def test_any_split_gives_the_whole(sizes, seed):
    x = rows(sum(sizes), 3, seed)
    total = Moments.of(x[:0])
    for part in torch.split(x, sizes):
        total = total + Moments.of(part)
    close(total, Moments.of(x), TOLERANCE)


@settings(deadline=None)  # the first example pays for torch's start
@given(st.tuples(*[st.integers(0, 9)] * 3), st.integers(0, 99))
def test_adding_commutes_and_associates(sizes, seed):
    a, b, c = (Moments.of(part) for part in torch.split(rows(sum(sizes), 3, seed), list(sizes)))
    close(a + b, b + a, TOLERANCE)
    close((a + b) + c, a + (b + c), TOLERANCE)


def test_a_large_mean_costs_no_digits():
    x = rows(4096, 4, mean=1e6)
    exact = Moments.of(x - 1e6).covariance  # the subtraction is exact to 1e-10
    merged = Moments.of(x[:1500]) + Moments.of(x[1500:])
    # At 1e6, float64 keeps 1e-10 of each centred value; a covariance of 1 then keeps about that.
    torch.testing.assert_close(merged.covariance, exact, rtol=0, atol=1e-9)
    # What it is for: raw sums of squares lose seven digits of these.
    n = len(x)
    raw = (x.T @ x - n * torch.outer(x.mean(0), x.mean(0))) / (n - 1)
    assert (raw - exact).abs().max() > 1e-5


def test_float16_rows_are_summed_in_float64():
    x = torch.full((5000, 2), 60000.0, dtype=torch.float16)
    found = Moments.of(x)
    assert found.mean.dtype == torch.float64
    assert found.mean.tolist() == [float(x[0, 0])] * 2
    assert found.scatter.abs().max() == 0


def test_none_and_one_row_have_no_spread():
    assert Moments.of(rows(0, 2)).n == 0
    assert Moments.of(rows(1, 2)).covariance.abs().max() == 0


def test_names_the_row_that_is_not_finite():
    for bad in (float("nan"), float("inf"), -float("inf")):
        x = rows(2000, 3)
        x[1234, 1] = bad
        with pytest.raises(NonFiniteRow, match="row 1234") as caught:
            Moments.of(x)
        assert caught.value.row == 1234


def test_refuses_shapes_and_widths():
    with pytest.raises(GandiagError, match=r"\(2, 3, 4\)"):
        Moments.of(torch.zeros(2, 3, 4))
    with pytest.raises(GandiagError, match="3 and 4"):
        Moments.of(rows(2, 3)) + Moments.of(rows(2, 4))


def test_does_not_hold_on_to_the_graph():
    x = rows(5, 2).requires_grad_()
    assert not Moments.of(x).scatter.requires_grad


@pytest.mark.parametrize("n", [None, 7])
def test_published_moments(n):
    known = Moments.of(rows(7, 3))
    found = Moments.from_published(known.mean, known.covariance, n)
    assert found.n == n
    # One division and one multiplication.
    torch.testing.assert_close(found.covariance, known.covariance, rtol=1e-15, atol=1e-16)


def test_published_moments_of_unknown_n_cannot_be_added_to():
    published = Moments.from_published(torch.zeros(2), torch.eye(2))
    with pytest.raises(GandiagError, match="how many"):
        published + Moments.of(rows(3, 2))
    with pytest.raises(GandiagError, match="how many"):
        Moments.of(rows(3, 2)) + published


@pytest.mark.parametrize(
    ("mu", "sigma", "sentence"),
    [
        (torch.zeros(2), torch.eye(3), "shapes"),
        (torch.zeros(2, 2), torch.eye(2), "shapes"),
        (torch.zeros(2), torch.tensor([[1.0, 0.1], [0.2, 1.0]]), "symmetric"),
        (torch.zeros(2), torch.diag(torch.tensor([1.0, -1.0])), "negative"),
        (torch.tensor([0.0, float("nan")]), torch.eye(2), "NaN"),
        (torch.zeros(2), torch.full((2, 2), float("inf")), "NaN"),
    ],
)
def test_refuses_what_is_no_covariance(mu, sigma, sentence):
    with pytest.raises(GandiagError, match=sentence):
        Moments.from_published(mu, sigma)


def test_float32_asymmetry_is_rounding():
    sigma = torch.tensor([[1.0, 0.5], [0.5 + 1e-7, 1.0]])
    assert torch.equal(
        (found := Moments.from_published(torch.zeros(2), sigma)).covariance, found.covariance.T
    )
