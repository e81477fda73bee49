"""MiFID: the paper's formula, and where torchmetrics has another."""

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import (
    MiFID,
    frechet_distance,
    memorization_distance,
    memorization_informed,
)
from gandiag.metrics import tiles as tiling
from gandiag.statistics import Bank


def features(n, seed, width=12):
    return np.random.default_rng(seed).normal(size=(n, width)) + 0.3


REAL, GENERATED = features(60, 0), features(50, 1)


def distance(real=REAL, generated=GENERATED):
    return memorization_distance(real=real, generated=generated)


def twin(real, generated):
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (real, generated))
    return (1 - np.abs(b @ a.T)).min(axis=1).mean()


@pytest.mark.parametrize("tile", [7, 2048])
def test_agrees_with_every_pair_in_memory(tile, monkeypatch):
    monkeypatch.setattr(tiling, "TILE", tile)
    assert distance() == pytest.approx(twin(REAL, GENERATED), rel=1e-12)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("threshold", [0.1, 1.0])
def test_agrees_with_torchmetrics_with_the_two_sets_exchanged(threshold):
    from torchmetrics.image.mifid import _compute_cosine_distance, _mifid_compute

    x, y = torch.tensor(REAL), torch.tensor(GENERATED)
    # It looks from each row of the first set, which it gives the real ones.
    assert distance() == pytest.approx(float(_compute_cosine_distance(y, x, 1.0)), rel=1e-12)
    args = [(each.mean(dim=0), torch.cov(each.T), each) for each in (y, x)]
    theirs = float(_mifid_compute(*args[0], *args[1], cosine_distance_eps=threshold))
    mine = memorization_informed(frechet_distance(REAL, GENERATED), distance(), threshold)
    # Its trace of the root is by eigenvalues of a product, in float64.
    assert mine == pytest.approx(theirs, rel=1e-8)
    assert (theirs > 1.01 * frechet_distance(REAL, GENERATED)) == (threshold == 1.0)


def test_copies_of_a_few_real_rows_are_found():
    # From the real rows, as torchmetrics looks, most have no copy.
    assert distance(generated=REAL[:6].repeat(5, axis=0)) == pytest.approx(0, abs=1e-15)
    assert distance(generated=-3 * REAL) == pytest.approx(0, abs=1e-15)
    assert distance(real=REAL[:6], generated=REAL) > 0.1


def test_rows_of_zeros_have_no_direction():
    padded = np.concatenate((GENERATED, np.zeros((9, 12))))
    assert distance(generated=padded) == distance()
    assert distance(real=np.zeros((4, 12))) == 1.0
    cancelling = np.array([[1.0, -1.0]])
    assert memorization_distance(real=np.array([[1.0, -1.0]]), generated=cancelling) < 1e-15


def test_the_threshold_is_a_jump():
    assert memorization_informed(5.0, 0.1) == 5.0
    assert memorization_informed(5.0, 0.0999) == pytest.approx(5 / 0.0999)
    assert memorization_informed(1e-9, 0.0) == 0.0


def test_the_metric_shows_both_factors():
    given = {"real": Bank.of(torch.tensor(REAL)), "generated": Bank.of(torch.tensor(GENERATED))}
    score = MiFID(threshold=0.9)(**given)["mifid"]
    fd, near = score.extra["fd"], score.extra["memorisation distance"]
    assert score.value == pytest.approx(fd / near)
    assert near == pytest.approx(twin(REAL, GENERATED), rel=1e-6)  # rows of a bank are float32
    assert score.low is None
    assert MiFID()(**given)["mifid"].value == fd
    with pytest.raises(GandiagError, match="threshold in"):
        MiFID(threshold=0)
