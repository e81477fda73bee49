import math

import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import (
    MaxSlicedWasserstein,
    exact_wasserstein,
    max_sliced_wasserstein,
    sliced_wasserstein,
)
from gandiag.metrics.max_sliced import best_direction


def normal(n, width, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, width, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("order", [1, 2])
def test_a_shift_is_found_whole(order):
    x, shift = normal(40, 5, 0), torch.tensor([3.0, 0, -4, 0, 0]).double()
    found = max_sliced_wasserstein(x, x + shift, order, heldout=False)
    # Cauchy-Schwarz: along the shift, all of it.
    assert found == pytest.approx(5, rel=1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_as_a_search_through_many_directions_of_the_plane(order):
    x, y = normal(40, 2, 0), normal(30, 2, 1) * torch.tensor([2.0, 0.7])
    angles = torch.linspace(0, math.pi, 201, dtype=torch.float64)
    values = [
        exact_wasserstein(x @ line[:, None], y @ line[:, None], order)
        for line in torch.stack([angles.cos(), angles.sin()], dim=1)
    ]
    found = max_sliced_wasserstein(x, y, order, heldout=False)
    # The ascent stops where a step gains a ten-thousandth.
    assert found == pytest.approx(max(values), rel=2e-3)
    # And between two of these angles it may be larger than at either: by their distance, at a kink.
    assert found <= max(values) * (1 + 1e-3)


def test_above_what_pot_finds_by_chance():
    import ot

    x, y = normal(50, 6, 0), 1.3 * normal(50, 6, 1) + 0.2
    pots = ot.max_sliced_wasserstein_distance(x.numpy(), y.numpy(), n_projections=300, seed=0)
    # It takes the largest of many; none is beyond ours by more than the ascent leaves.
    assert max_sliced_wasserstein(x, y, heldout=False) > float(pots)


def test_one_direction_of_many_is_found_and_the_mean_hardly_sees_it():
    x, y = normal(600, 30, 0), normal(600, 30, 1)
    y[:, 7] *= 4
    line = best_direction(x, y, 2, 0, 4)
    assert abs(float(line[7])) > 0.98
    # (4 - 1) for normal distributions; 300 rows tell it within four deviations of 4 / sqrt(600).
    assert max_sliced_wasserstein(x, y) == pytest.approx(3, abs=0.65)
    assert sliced_wasserstein(x, y) < 0.7


def test_taken_on_other_rows_the_search_brings_nothing_between_equal_distributions():
    x, y = normal(80, 40, 0), normal(80, 40, 1)
    # On a line, 40 rows against 40: about .3. Of 40 wide features some direction parts 80 from 80.
    assert max_sliced_wasserstein(x, y) < 0.6
    assert max_sliced_wasserstein(x, y, heldout=False) > 1


def test_equal_sets_have_equal_halves():
    x = normal(31, 3, 0)
    assert max_sliced_wasserstein(x, x.flip(0)) == 0


def test_exchanged_it_is_the_same():
    x, y = normal(31, 3, 0), normal(24, 3, 1) + 1
    # Sums in another order.
    assert max_sliced_wasserstein(x, y) == pytest.approx(max_sliced_wasserstein(y, x), rel=1e-9)


def test_no_start_is_refused_nor_one_row():
    with pytest.raises(GandiagError, match="at least one start, got 0"):
        max_sliced_wasserstein(normal(4, 2, 0), normal(4, 2, 1), starts=0)
    with pytest.raises(GandiagError, match="at least one start, got 0"):
        MaxSlicedWasserstein(starts=0)
    with pytest.raises(GandiagError, match="generated has 1 rows"):
        max_sliced_wasserstein(normal(4, 2, 0), normal(1, 2, 1))
