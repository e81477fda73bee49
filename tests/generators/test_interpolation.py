"""Lines and great circles, from theory and beside two other tools."""

import math

import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.generators import INTERPOLATIONS, lerp, slerp, slerp_unit
from gandiag.generators.interpolation import find_interpolation


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


A, B = normal(20, 7, seed=1), normal(20, 7, seed=2)


@pytest.mark.parametrize("between", [lerp, slerp])
def test_both_ends_are_reached(between):
    zeros, ones = torch.zeros(20), torch.ones(20)
    # sin(w) / sin(w) and sin(0): a few last digits of float64.
    torch.testing.assert_close(between(A, B, zeros), A, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(between(A, B, ones), B, rtol=1e-13, atol=1e-14)


def test_a_great_circle_keeps_the_length_and_turns_evenly():
    a, b = (3 * x / x.norm(dim=1, keepdim=True) for x in (A, B))
    whole = ((a * b).sum(dim=1) / 9).acos()
    for t in (0.1, 0.5, 0.8):
        there = slerp(a, b, torch.full((20,), t))
        torch.testing.assert_close(there.norm(dim=1), torch.full((20,), 3.0, dtype=torch.float64))
        # acos is steep near 1: half the digits of float64 at worst.
        torch.testing.assert_close(
            ((a * there).sum(dim=1) / 9).acos(), t * whole, atol=1e-7, rtol=0
        )


def test_a_quarter_turn_by_hand():
    a, b = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    there = slerp(a, b, torch.tensor([1 / 3]))
    expected = torch.tensor([[2 * math.cos(math.pi / 6), math.sin(math.pi / 6)]])
    torch.testing.assert_close(there, expected)


@pytest.mark.parametrize(
    ("start", "end"),
    [([1.0, 0.0], [2.0, 0.0]), ([1.0, 0.0], [-1.0, 0.0]), ([0.0, 0.0], [1.0, 1.0])],
)
def test_where_there_is_no_circle_the_line_is_taken(start, end):
    a, b = torch.tensor([start]), torch.tensor([end])
    t = torch.tensor([0.25])
    assert torch.equal(slerp(a, b, t), lerp(a, b, t))


def test_the_unit_sphere_as_stylegan_writes_it():
    """A basis of the plane, and an angle in it."""
    a, b = (x / x.norm(dim=1, keepdim=True) for x in (A, B))
    cosine = (a * b).sum(dim=1, keepdim=True)
    other = b - cosine * a
    other = other / other.norm(dim=1, keepdim=True)
    t = torch.rand(20, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    turned = t[:, None] * cosine.acos()
    expected = a * turned.cos() + other * turned.sin()
    torch.testing.assert_close(slerp_unit(A, B, t), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.peers
@pytest.mark.parametrize(("ours", "theirs"), [("lerp", "lerp"), ("slerp", "slerp_any")])
def test_torchmetrics_and_torch_fidelity(ours, theirs):
    from torch_fidelity.noise import batch_lerp, batch_slerp_any
    from torchmetrics.functional.image.perceptual_path_length import _interpolate

    fidelity = {"lerp": batch_lerp, "slerp_any": batch_slerp_any}[theirs]
    for t in (1e-4, 0.3):
        made = INTERPOLATIONS[ours](A, B, torch.full((20,), t, dtype=torch.float64))
        torch.testing.assert_close(made, _interpolate(A, B, t, theirs), rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(made, fidelity(A, B, t), rtol=1e-12, atol=1e-13)


def test_an_unknown_way():
    with pytest.raises(GandiagError, match="no interpolation 'slep'; did you mean slerp"):
        find_interpolation("slep")
