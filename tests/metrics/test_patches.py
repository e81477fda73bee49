import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from gandiag.errors import GandiagError
from gandiag.metrics import Known, SlicedPatches, Unfit, patch_distances
from gandiag.metrics import patches as module
from gandiag.statistics import Bank


def rows(n, seed, width, spread=1.0):
    x = torch.randn(n, width, generator=torch.Generator().manual_seed(seed))
    return 100 + 20 * spread * x**3


def twin(real, generated, *, patches, side, directions, seed):
    """As the paper says it, on the same directions."""
    rng = torch.Generator().manual_seed(seed)
    width, found = patches * 3 * side * side, []
    for start in range(0, real.shape[1], width):
        drawn = torch.randn(3 * side * side, directions, generator=rng, dtype=torch.float64).numpy()
        sets = []
        for rows in (real, generated):
            each = rows[:, start : start + width].double().numpy().reshape(-1, 3, side, side)
            each = each - each.mean(axis=(0, 2, 3), keepdims=True)
            each = each / each.std(axis=(0, 2, 3), keepdims=True)
            sets.append(each.reshape(len(each), -1))
        units = [direction / np.sqrt((direction**2).sum()) for direction in drawn.T]
        # scipy's is by the distribution functions, and takes sets of any size.
        one = [wasserstein_distance(sets[0] @ unit, sets[1] @ unit) for unit in units]
        found.append(1000 * np.mean(one))
    return found


@pytest.mark.parametrize(("n", "m"), [(12, 12), (12, 9), (4, 7)])
def test_it_is_the_papers(n, m, monkeypatch):
    monkeypatch.setattr(module, "IMAGES", 5)
    options = {"patches": 4, "side": 3, "directions": 20, "seed": 3}
    real, generated = rows(n, 0, 2 * 4 * 27), rows(m, 1, 2 * 4 * 27) ** 2
    found = patch_distances(real, generated, **options)
    assert len(found) == 2
    # Sums of float64 in another order.
    assert found == pytest.approx(twin(real, generated, **options), rel=1e-10)
    assert patch_distances(generated, real, **options) == pytest.approx(found, rel=1e-12)


def test_each_set_is_normalised_by_itself():
    x = rows(30, 0, 4 * 27)
    options = {"patches": 4, "side": 3, "directions": 20}
    # So that contrast and brightness of a whole set are not seen: float32 rounding is.
    assert patch_distances(x, 3 * x + 7, **options)[0] == pytest.approx(0, abs=1e-3)
    assert patch_distances(x, rows(30, 1, 4 * 27), **options)[0] > 10


def test_the_floor_and_the_levels_stand_beside_it():
    width = 128 * 147
    x = torch.cat([rows(6, 0, width), rows(6, 2, width) ** 2], dim=1)
    score = SlicedPatches(directions=4)(real=Bank.of(x), generated=Bank.of(x.flip(0)))
    score = score["swd_patches"]
    assert score.value == pytest.approx(0, abs=1e-9)
    assert set(score.extra) == {"32", "16", "floor", "floor images"}
    assert score.extra["floor images"] == 3
    assert score.extra["floor"] > 1
    other = SlicedPatches(directions=4)(real=Bank.of(x), generated=Bank.of(rows(6, 1, 2 * width)))
    other = other["swd_patches"]
    assert other.value == pytest.approx((other.extra["32"] + other.extra["16"]) / 2)
    assert other.extra["floor"] == score.extra["floor"]
    # Not in the two halves that they were in.
    turned = SlicedPatches(directions=4)(real=Bank.of(x.roll(1, 0)), generated=Bank.of(x))
    assert turned["swd_patches"].extra["floor"] == pytest.approx(score.extra["floor"], rel=1e-11)
    assert other.extra["32"] < other.extra["16"]  # the squares are those of the second


def test_only_patches_will_do():
    known = Known("inception", {"pool": 2048}, "pool")
    with pytest.raises(Unfit, match="which inception has not; take them of --features laplacian"):
        SlicedPatches().on(known)
    with pytest.raises(GandiagError, match="no levels of 18816"):
        patch_distances(torch.zeros(2, 6), torch.zeros(2, 6))
    with pytest.raises(GandiagError, match="at least one patch"):
        SlicedPatches(directions=0)
