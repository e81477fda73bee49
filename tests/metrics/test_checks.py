"""The pure functions take arrays and tensors alike, and refuse what is no set of features."""

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import (
    Subsets,
    class_coverage,
    collisions,
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


LAYOUTS = {
    "reversed": lambda x: x[::-1].copy()[::-1],
    "big-endian": lambda x: x.astype(">f8"),
    "every other": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "long double": lambda x: x.astype(np.longdouble),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_and_byte_order(function, layout):
    same(function(LAYOUTS[layout](X)), function(X))


@pytest.mark.filterwarnings("error")
def test_arrays_that_may_not_be_written_to(function):
    x = X.copy()
    x.flags.writeable = False
    same(function(x), function(X))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64, np.bool_])
def test_booleans_and_unsigned_integers(function, dtype):
    whole = (np.abs(np.round(3 * X)) > 2).astype(float) if dtype == np.bool_ else np.abs(X.round())
    same(function(whole.astype(dtype)), function(whole))
    same(function(torch.from_numpy(whole.astype(dtype))), function(whole))


@pytest.mark.parametrize("values", [X + 0j, torch.tensor(X) + 0j, X.astype(str), X.astype(object)])
def test_what_is_no_real_number_is_refused(function, values):
    with pytest.raises(GandiagError, match="real numbers, got"):
        function(values)


def test_boolean_logits_have_classes():
    logits = np.eye(3, dtype=bool)[[0, 1, 1]]
    assert class_coverage(generated=logits).counts.tolist() == [1, 2, 0]
    assert class_coverage(generated=logits, real=logits).counts.tolist() == [1, 2]


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e154, 1e200, 1e300])
def test_the_vendi_score_does_not_depend_on_the_scale(size):
    # A product by a number that is no power of two rounds each value once.
    assert vendi_score(size * X) == pytest.approx(vendi_score(X), rel=1e-13)


@pytest.mark.parametrize("power", [-900, -1, 7, 900])
def test_powers_of_two_move_no_bit_of_the_vendi_score(power):
    assert vendi_score(np.ldexp(X, power)) == vendi_score(X)


def test_distances_that_overflow_are_refused():
    for call in (
        lambda x: precision_recall_density_coverage(real=x, generated=x),
        lambda x: k_nearest(x, 2),
        lambda x: collisions(x, 1.0),
    ):
        with pytest.raises(GandiagError, match="so large that their squares overflow"):
            call(1e160 * X)
