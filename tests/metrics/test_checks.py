"""The pure functions take arrays and tensors alike, and refuse what is no set of features."""

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import (
    Subsets,
    frechet_distance,
    inception_score,
    k_nearest,
    kernel_distance,
    kernel_distance_of_subsets,
    precision_recall_density_coverage,
    vendi_score,
)
from gandiag.statistics import NonFiniteRow

X = np.random.default_rng(0).normal(size=(20, 4))
Y = np.random.default_rng(1).normal(size=(20, 4))

FUNCTIONS = {
    "frechet": lambda x: frechet_distance(x, Y),
    "frechet, second": lambda x: frechet_distance(Y, x),
    "kernel": lambda x: kernel_distance(x, Y),
    "kernel, second": lambda x: kernel_distance(Y, x),
    "subsets": lambda x: kernel_distance_of_subsets(
        real=x, generated=Y, subsets=Subsets(2, 10)
    ).tolist(),
    "neighbours": lambda x: list(precision_recall_density_coverage(real=x, generated=Y).values()),
    "neighbours, second": lambda x: list(
        precision_recall_density_coverage(real=Y, generated=x).values()
    ),
    "nearest": lambda x: k_nearest(x, 2).tolist(),
    "nearest, among": lambda x: k_nearest(Y, 2, among=x).tolist(),
    "inception score": inception_score,
    "vendi": vendi_score,
}


@pytest.fixture(params=FUNCTIONS)
def function(request):
    return FUNCTIONS[request.param]


def same(a, b):
    # Sums in another order.
    np.testing.assert_allclose(a, b, rtol=1e-12)


def test_arrays_and_tensors_give_one_number(function):
    same(function(torch.tensor(X)), function(X))
    same(function(torch.tensor(X, requires_grad=True)), function(X))
    same(function(np.asfortranarray(X)), function(X))


def test_half_precision_and_integers_are_what_they_say(function):
    whole = np.round(3 * X)
    same(function(whole.astype(np.int32)), function(whole))
    same(function(torch.tensor(whole, dtype=torch.bfloat16)), function(whole.astype(np.float32)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_named(function, bad):
    x = X.copy()
    x[13, 2] = bad
    with pytest.raises(NonFiniteRow, match="row 13") as caught:
        function(x)
    assert caught.value.row == 13


@pytest.mark.parametrize("shape", [(20,), (20, 2, 2), (20, 0)])
def test_other_shapes_are_refused(function, shape):
    with pytest.raises(GandiagError, match="width"):
        function(np.zeros(shape))


def test_inputs_are_left_alone(function):
    x = X.copy()
    function(x)
    assert (x == X).all()
