"""PRD curves: closed forms, a slow twin, and what clusters make of sets."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gandiag.errors import GandiagError
from gandiag.metrics import PRD, prd_curve, prd_from_histograms
from gandiag.statistics import Bank


def f(p, r, beta):
    return (1 + beta**2) * p * r / (beta**2 * p + r)


def twin(p, q, angles):
    """Eq. 4 of the paper, a slope at a time."""
    found = []
    for i in range(angles):
        slope = math.tan(1e-10 + i * (math.pi / 2 - 2e-10) / (angles - 1))
        precision = sum(min(slope * a, b) for a, b in zip(p, q, strict=True))
        found.append((precision, precision / slope))
    return found


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 8), st.integers(0, 999))
def test_agrees_with_a_slope_at_a_time(bins, seed):
    random = np.random.default_rng(seed)
    p, q = random.multinomial(50, np.ones(bins) / bins, size=2)
    curve = prd_from_histograms(real=p, generated=q, angles=21)
    due = twin(p / 50, q / 50, 21)
    np.testing.assert_allclose(torch.stack(curve, 1).numpy(), due, rtol=1e-12)
    # Each is the other's when the sets are exchanged.
    other = prd_from_histograms(real=q, generated=p, angles=21)
    # The tangent of the last angle has seven digits.
    np.testing.assert_allclose(curve.precision, other.recall.flip(0), rtol=1e-6)


@pytest.mark.parametrize(("classes", "f8", "f1_8"), [(4, 0.802, 0.985), (6, 0.998, 0.835)])
def test_dropped_and_added_classes_in_closed_form(classes, f8, f1_8):
    # Real: five equal classes; generated: the first so many. Up to five the rectangle's corner is
    # precision 1 and recall classes / 5; above, 5 / classes and 1.
    real = np.r_[np.ones(5), np.zeros(5)]
    generated = np.r_[np.ones(classes), np.zeros(10 - classes)]
    curve = prd_from_histograms(real=real, generated=generated)
    corner = (1, classes / 5) if classes <= 5 else (5 / classes, 1)
    for beta in (8, 1 / 8):
        # 1001 angles come within a few thousandths of the corner's slope.
        assert curve.f_beta(beta) == pytest.approx(f(*corner, beta), abs=2e-3)
    assert curve.f_beta(8) == pytest.approx(f8, abs=2e-3)
    assert curve.f_beta(1 / 8) == pytest.approx(f1_8, abs=2e-2)
    assert f(*corner, 8) == pytest.approx(f8, abs=2e-3)


def test_equal_and_disjoint_histograms():
    same = prd_from_histograms(real=[1, 2, 3], generated=[2, 4, 6])
    # 45 degrees is among 1001 angles.
    assert same.f_beta(8) == pytest.approx(1, abs=1e-12)
    assert same.f_beta(1 / 8) == pytest.approx(1, abs=1e-12)
    apart = prd_from_histograms(real=[1, 0], generated=[0, 1])
    assert apart.f_beta(8) == 0


def blobs(classes, n, seed, width=4):
    random = np.random.default_rng(seed)
    centres = 20 * np.eye(10, width * 3)[classes]
    return np.concatenate([centre + random.normal(size=(n, width * 3)) for centre in centres])


def test_clusters_find_a_class_that_is_missing():
    real = blobs(range(5), 40, 0)
    curve = prd_curve(real=real, generated=blobs(range(4), 50, 1), clusters=10, runs=2)
    # Precision and recall of the classes, less what chance takes within them.
    assert curve.f_beta(8) == pytest.approx(0.802, abs=0.05)
    assert curve.f_beta(1 / 8) > 0.9
    added = prd_curve(real=blobs(range(4), 50, 2), generated=real, clusters=10, runs=2)
    assert added.f_beta(8) == pytest.approx(curve.f_beta(1 / 8), abs=0.05)
    assert added.f_beta(1 / 8) == pytest.approx(0.802, abs=0.05)


def test_of_unlike_sizes_as_many_are_drawn():
    # With all 400 of them half of the clusters' mass would be of the larger set's parts.
    small, large = blobs(range(3), 20, 0), blobs(range(3), 200, 1)
    curve = prd_curve(real=large, generated=small, clusters=6, runs=2)
    assert curve.f_beta(8) > 0.85
    order = np.random.default_rng(2).permutation(len(large))
    mixed = prd_curve(real=large[order], generated=small[::-1].copy(), clusters=6, runs=2)
    assert torch.equal(mixed.precision, curve.precision)
    other = prd_curve(real=large, generated=small, clusters=6, runs=2, seed=1)
    assert not torch.equal(other.precision, curve.precision)


def test_no_more_clusters_than_different_rows():
    x = np.repeat(np.eye(3), 4, axis=0)
    curve = prd_curve(real=x, generated=x, runs=1)
    assert curve.f_beta(8) == pytest.approx(1)


def score(real, generated):
    given = {"real": Bank.of(torch.tensor(real)), "generated": Bank.of(torch.tensor(generated))}
    return PRD(runs=2, clusters=10)(**given)


def test_what_equal_sets_give_stands_beside_it():
    random = np.random.default_rng(0)
    found = [score(*random.normal(size=(2, 150, 3))) for _ in range(8)]
    for name in ("f8", "f1_8"):
        values = np.array([each[name].value for each in found])
        floors = np.array([each[name].extra["of equal sets"] for each in found])
        assert (floors < 1).all()
        # Eight draws: four standard errors of their mean.
        assert abs((values - floors).mean()) < 4 * values.std(ddof=1) / math.sqrt(8)


def test_there_is_no_interval_and_it_says_why():
    for each in score(blobs(range(5), 30, 0), blobs(range(4), 30, 1)).values():
        assert (each.low, each.high) == (None, None)
        assert each.method.startswith("no interval: ")


def test_refuses():
    for real, generated in [([1, 2], [1, 2, 3]), ([[1]], [[1]]), ([-1, 2], [1, 1]), ([0], [1])]:
        with pytest.raises(GandiagError, match="histogram"):
            prd_from_histograms(real=np.array(real), generated=np.array(generated))
    with pytest.raises(GandiagError, match="angles"):
        prd_from_histograms(real=[1], generated=[1], angles=2)
    for changes in ({"clusters": 0}, {"runs": 0}, {"angles": 2}):
        with pytest.raises(GandiagError, match="PRD needs"):
            PRD(**changes)
    with pytest.raises(GandiagError, match="clusters and runs"):
        prd_curve(real=np.eye(3), generated=np.eye(3), clusters=0)
    with pytest.raises(TypeError, match="positional"):
        prd_curve(np.eye(3), np.eye(3))
