import math

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import SlicedWasserstein, sliced, sliced_wasserstein
from gandiag.metrics.sliced import WHOLE, directions_of, slices
from gandiag.statistics import Bank


def normal(n, width, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, width, generator=generator, dtype=torch.float64)


def test_a_shift_is_seen_by_its_share_along_each_line():
    x, shift = normal(40, 5, 0), torch.tensor([3.0, 0, -4, 0, 0])
    along = (shift.double() @ directions_of(5, 512, 0)).abs()
    assert sliced_wasserstein(x, x + shift, 1) == pytest.approx(float(along.mean()), rel=1e-12)
    squares = float(along.square().mean())
    assert sliced_wasserstein(x, x + shift) == pytest.approx(math.sqrt(squares), rel=1e-12)
    # |s| / sqrt(d), within four errors of 512 squares of a cosine, whose deviation is below 2 / d.
    assert squares == pytest.approx(25 / 5, abs=4 * 25 * (2 / 5) / math.sqrt(512))


@pytest.mark.parametrize(("scale", "shift"), [(2.0, 0.0), (0.5, 1.0)])
def test_normal_distributions_have_the_closed_form(scale, shift):
    """W_2 on each line: (t.s)^2 + (sigma - 1)^2."""
    n, width = 4000, 3
    x, y = normal(n, width, 0), scale * normal(n, width, 1) + shift
    expected = shift**2 + (scale - 1) ** 2  # the mean of (t.s)^2 is |s|^2 / d
    # Sampling moves it by about 1 / sqrt(n) of 2 W; the directions by less, 4 deviations of either.
    assert sliced_wasserstein(x, y, directions=256) ** 2 == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize("order", [1, 2])
def test_as_pot_on_the_same_lines(order):
    import ot

    x, y = normal(70, 6, 0), 1.3 * normal(45, 6, 1) + 0.2
    lines = directions_of(6, 50, 3).numpy()
    pots = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=lines, p=order)
    # The same quantile functions, summed in another order.
    found = sliced_wasserstein(x, y, order, directions=50, seed=3)
    assert found == pytest.approx(float(pots), rel=1e-12)


def test_directions_are_unit_seeded_and_many_ways():
    lines = directions_of(4, 1000, 0)
    assert torch.allclose(lines.norm(dim=0), torch.ones(1000, dtype=torch.float64), rtol=1e-14)
    assert torch.equal(lines, directions_of(4, 1000, 0))
    assert not torch.equal(lines, directions_of(4, 1000, 1))
    # Uniform: the mean of t t' is 1/d; four errors of a thousand.
    assert torch.allclose(lines @ lines.T / 1000, torch.eye(4).double() / 4, atol=4 * 0.25 / 30)


def test_blocks_of_directions_and_tiles_of_rows_are_all_of_them(monkeypatch):
    x, y = normal(300, 4, 0), normal(200, 4, 1) + 1
    whole = slices(x, y, (1, 2), 40, 0, (WHOLE._replace(deviation=True),))[0]
    monkeypatch.setattr(sliced, "CELLS", 500 * 7)
    parts = slices(x, y, (1, 2), 40, 0, (WHOLE._replace(deviation=True),))[0]
    for one, other in zip(whole, parts, strict=True):
        assert torch.allclose(one.powers, other.powers, rtol=1e-12)
        assert one.whole.variance == pytest.approx(other.whole.variance, rel=1e-10)


def test_the_error_over_directions_is_that_of_other_seeds():
    real, generated = Bank.of(normal(50, 8, 0)), Bank.of(normal(50, 8, 1) * torch.arange(8))
    scores = [
        SlicedWasserstein(directions=30, seed=seed)(real=real, generated=generated)
        for seed in range(40)
    ]
    for name in ("sw1", "sw2"):
        spread = np.std([each[name].value for each in scores])
        told = np.mean([each[name].extra["error over directions"] for each in scores])
        # Forty draws tell a deviation within 11 %: three of these.
        assert told == pytest.approx(spread, rel=0.35)


def test_on_a_line_the_directions_bring_no_error():
    given = {"real": Bank.of(normal(400, 1, 0)), "generated": Bank.of(normal(400, 1, 1) + 5)}
    score = SlicedWasserstein()(**given)["sw2"]
    assert score.extra["error over directions"] == 0
    assert "directions kept" in score.method


def test_one_generated_row_has_no_interval():
    given = {"real": Bank.of(normal(20, 3, 0)), "generated": Bank.of(normal(1, 3, 1))}
    assert all(score.low is None for score in SlicedWasserstein()(**given).values())


def test_no_direction_is_refused():
    with pytest.raises(GandiagError, match="at least one direction, got 0"):
        sliced_wasserstein(normal(3, 2, 0), normal(3, 2, 1), directions=0)
    with pytest.raises(GandiagError, match="at least one direction, got 0"):
        SlicedWasserstein(directions=0)
