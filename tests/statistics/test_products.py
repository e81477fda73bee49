"""Half of a product of a matrix with itself, mirrored, is the whole."""

import pytest
import torch

from gandiag.statistics import products as module
from gandiag.statistics.products import products


@pytest.mark.parametrize("block", [1, 4, 7, 100])
@pytest.mark.parametrize(("n", "width"), [(5, 1), (9, 10), (30, 12)])
def test_it_is_the_whole_product(n, width, block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    # Small whole numbers, whose sums are exact in any order.
    rows = torch.randint(-9, 9, (n, width), generator=torch.Generator().manual_seed(0)).double()
    assert torch.equal(products(rows), rows.T @ rows)


def test_a_part_is_added_to_what_is_there():
    rows = torch.randn(20, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    upper = torch.zeros(6, 6, dtype=torch.float64)
    for part in rows.split(7):
        module.add_products(upper, part)
    assert torch.allclose(module.mirrored(upper), rows.T @ rows, rtol=1e-12)
