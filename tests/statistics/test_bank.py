import pytest
import torch

from gandiag.statistics import Bank, Moments, NonFiniteRow


def test_keeps_every_row_in_order():
    x = torch.arange(24, dtype=torch.float32).reshape(8, 3)
    bank = Bank.of(x[:1]) + Bank.of(x[1:6]) + Bank.of(x[6:])
    assert torch.equal(bank.rows, x)
    assert (bank.n, bank.width) == (8, 3)
    assert bank.rows is bank.rows  # joined once


def test_is_a_copy_in_float32():
    x = torch.zeros(2, 3)
    bank = Bank.of(x)
    x += 1
    assert bank.rows.abs().max() == 0
    assert Bank.of(x.double()).rows.dtype == torch.float32
    assert Bank.of(x.bfloat16()).rows.dtype == torch.float32


def test_what_float32_cannot_hold_is_not_finite():
    x = torch.zeros(3, 2, dtype=torch.float64)
    x[2] = 1e300
    with pytest.raises(NonFiniteRow, match="row 2"):
        Bank.of(x)


def test_moments_are_those_of_the_rows():
    x = torch.randn(2100, 3, generator=torch.Generator().manual_seed(0))
    bank = Bank.of(x[:900]) + Bank.of(x[900:])
    assert torch.equal(bank.moments().scatter, Moments.of(x).scatter)
