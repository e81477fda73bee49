"""Bounds hold, whatever the rows; what float32 leaves open is settled as the slow twin has it."""

import math

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import coarse, k_nearest, neighbours, precision_recall_density_coverage
from gandiag.metrics import tiles as tiling
from gandiag.metrics.candidates import candidates
from gandiag.metrics.coarse import Bounds, Coarse, mean_of, whole_float32
from gandiag.metrics.neighbours import distances, kth_nearest


def rows(n, width, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, width)))


def uneven(n, width, seed, scale=1.0):
    """Near the centre and far from it: the error goes with the size, most distances do not."""
    far = torch.from_numpy(np.random.default_rng(seed).uniform(0, 1, (n, 1))) ** 6
    return scale * rows(n, width, seed) * far


def twin(real, generated, k):
    """By the definitions, every distance in memory."""

    def radii(x):
        return distances(x, x).fill_diagonal_(math.inf).sort(dim=1).values[:, k - 1]

    d = distances(real, generated)
    held = d <= radii(real)[:, None]
    return {
        "precision": int(held.any(dim=0).sum()) / len(generated),
        "recall": int((d <= radii(generated)).any(dim=1).sum()) / len(real),
        "density": int(held.sum()) / (k * len(generated)),
        "coverage": int(held.any(dim=1).sum()) / len(real),
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("products", [torch.float32, torch.float64])
@pytest.mark.parametrize("offset", [0.0, 1.0, 1e4])
@pytest.mark.parametrize(("width", "scale"), [(3, 1.0), (50, 1e-10), (50, 1e12), (1500, 1.0)])
def test_every_distance_is_within_its_bounds(dtype, products, offset, width, scale):
    x = (uneven(70, width, 0, scale) + offset * scale).to(dtype)
    y = torch.cat((x[:20] * (1 + 1e-6), (uneven(30, width, 1, scale) + offset * scale).to(dtype)))
    bounds = Bounds.of(x, y, mean_of(y))
    assert bounds.x.dtype == torch.float32
    bounds = bounds if products == torch.float32 else bounds.finer()
    squares = distances(x, y).square()
    pairs = torch.meshgrid(torch.arange(len(x)), torch.arange(len(y)), indexing="ij")
    lower = bounds.tile(slice(0, len(x)), slice(0, len(y))).double()
    assert (lower <= squares).all()
    assert (lower + bounds.slack(*pairs) >= squares).all()


def test_what_float32_cannot_hold_is_multiplied_in_float64():
    x = rows(10, 4)
    for scale in (1e-30, 1e30, 1e100):
        assert Coarse.of(scale * x, mean_of(scale * x)).dtype == torch.float64
    assert Coarse.of(x, mean_of(x)).dtype == torch.float32
    # Both sets must be around the same centre in the same dtype.
    bounds = Bounds.of(x.half(), 1e30 * x, mean_of(x))
    assert bounds.x.dtype == bounds.y.dtype == torch.float64
    assert torch.equal(bounds.x.centre, bounds.y.centre)
    with pytest.raises(GandiagError, match="so large that their squares overflow"):
        Coarse.of(1e200 * x, mean_of(x))


def test_float32_that_torch_may_shorten_is_not_used(monkeypatch):
    assert whole_float32(torch.device("cpu"))
    # What TF32 makes of it: 10 bits of 23.
    whole = torch.Tensor.__matmul__
    shortened = lambda a, b: whole((a * 1024).round() / 1024, b)  # noqa: E731
    monkeypatch.setattr(torch.Tensor, "__matmul__", shortened)
    assert not whole_float32(torch.device("cpu"))
    monkeypatch.undo()
    monkeypatch.setattr(coarse, "whole_float32", lambda device: False)
    x = rows(10, 4)
    assert Coarse.of(x, mean_of(x)).dtype == torch.float64


@pytest.mark.parametrize("tile", [1, 7, 300, 10**6])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("count", [1, 9, 150])
def test_candidates_have_the_least_bounds(tile, symmetric, count, monkeypatch):
    x = rows(160, 5)
    y = x if symmetric else rows(290, 5, 1)
    own = Coarse.of(x, mean_of(x))
    bounds = Bounds(own, own if symmetric else Coarse.of(y, mean_of(x)))
    whole = bounds.tile(slice(0, len(x)), slice(0, len(y)))
    if symmetric:
        whole.fill_diagonal_(math.inf)
    monkeypatch.setattr(coarse, "SIDE", 300)
    monkeypatch.setattr(tiling, "TILE", tile)
    lower, upper, places = candidates(bounds, count)
    # A product may be rounded otherwise in another tile.
    least = whole.sort(dim=1).values[:, :count].double()
    slack = (upper - lower).amax()
    assert torch.allclose(lower, least, rtol=0, atol=float(slack))
    assert torch.allclose(whole.double().gather(1, places), lower, rtol=0, atol=float(slack))
    assert all(len(set(row)) == count for row in places.tolist())


@pytest.mark.parametrize("k", [1, 3, 20])
@pytest.mark.parametrize("reach", [0, 30])
@pytest.mark.parametrize("made", ["even", "uneven", "clusters", "copies", "grid"])
def test_the_kth_nearest_is_exact(made, reach, k):
    x = {
        "even": lambda: rows(120, 20),
        "uneven": lambda: uneven(120, 20, 0),
        # Far from the centre and close to one another: float32 does not tell them apart.
        "clusters": lambda: 1e3 * rows(4, 20).repeat(30, 1) + 1e-3 * rows(120, 20, 1),
        "copies": lambda: rows(40, 20).repeat(3, 1),
        "grid": lambda: rows(120, 4).round(),
    }[made]().float()
    known = distances(x, x).fill_diagonal_(math.inf).sort(dim=1).values
    found = kth_nearest(x, k, reach)
    assert torch.equal(found.radii, known[:, k - 1])
    if not reach:
        return
    held = min(found.candidates.shape[1], reach)
    about = known[:, :held]
    if made != "copies" and made != "grid":  # near ties may leave some of the rest out
        assert torch.allclose(found.candidates[:, :held], about, rtol=neighbours.ROUGH, atol=0)
    own = distances(x, x).gather(1, found.places)
    assert torch.allclose(own, found.candidates, rtol=neighbours.ROUGH, atol=0)


@pytest.mark.parametrize("made", ["even", "uneven", "clusters"])
def test_counts_are_those_of_the_twin(made):
    for seed in range(3):
        if made == "clusters":
            centres = 1e3 * rows(4, 20)
            real, generated = (
                (centres.repeat(30, 1) + 1e-3 * rows(120, 20, 2 * seed + side + 1)).float()
                for side in (0, 1)
            )
        else:
            draw = rows if made == "even" else uneven
            real, generated = (draw(120, 20, 2 * seed + side).float() for side in (0, 1))
        for k in (1, 5):
            found = precision_recall_density_coverage(real=real, generated=generated, k=k)
            assert found == twin(real, generated, k)


def counted(monkeypatch):
    pairs, whole = [], neighbours.distances

    def one(x, y):
        found = whole(x, y)
        pairs.append(found.numel())
        return found

    monkeypatch.setattr(neighbours, "distances", one)
    return pairs


def test_of_ordinary_rows_a_few_single_distances_are_computed(monkeypatch):
    real, generated = rows(600, 64).float(), 0.9 * rows(500, 64, 1).float()
    pairs = counted(monkeypatch)
    precision_recall_density_coverage(real=real, generated=generated, k=5)
    # The k-th nearest of each row, and hardly another.
    assert 1100 <= sum(pairs) < 1.1 * 1100


def test_clusters_take_no_pass_pair_by_pair(monkeypatch):
    centres = 1e3 * rows(3, 20)
    real, generated = (
        (centres.repeat(200, 1) + 1e-3 * rows(600, 20, side)).float() for side in (1, 2)
    )
    pairs = counted(monkeypatch)
    precision_recall_density_coverage(real=real, generated=generated, k=5)
    # Candidates of both sets in float64, beside 360,000 pairs of a cross product.
    assert sum(pairs) <= 2 * 600 * (5 + neighbours.SPARE) * 1.2
    k_nearest(real, 5)
