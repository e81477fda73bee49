"""Alpha-precision and beta-recall: a slow twin, closed forms, invariants, intervals."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gandiag.errors import GandiagError
from gandiag.metrics import AlphaPrecision, alpha_beta_curves
from gandiag.metrics import tiles as tiling
from gandiag.metrics.intervals import Z
from gandiag.statistics import Bank


def rows(n, width, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32).astype(float)


def pairwise(x, y):
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(2))


def twin(real, generated, levels=30):
    """By the definitions, a level and a row at a time; without ties at the quantiles."""
    off = np.linalg.norm(real - real.mean(0), axis=1)
    theirs = np.linalg.norm(generated - real.mean(0), axis=1)
    typical = np.linalg.norm(generated - generated.mean(0), axis=1)
    own = pairwise(real, real)
    np.fill_diagonal(own, np.inf)
    d = pairwise(real, generated)
    precision, recall = [], []
    for level in np.linspace(0, 1, levels):
        precision.append((theirs <= np.quantile(off, level)).mean())
        part = typical <= np.quantile(typical, level) * (1 + 1e-12)
        recalled = [(d[i, part] <= own[i].min()).any() for i in range(len(real))]
        recall.append(np.mean(recalled))
    return precision, recall


@pytest.mark.parametrize(("n", "m", "width"), [(40, 30, 3), (25, 60, 8), (30, 30, 1)])
def test_agrees_with_a_level_at_a_time(n, m, width):
    real, generated = rows(n, width), 0.8 * rows(m, width, 1)
    found = alpha_beta_curves(real=real, generated=generated)
    precision, recall = twin(real, generated)
    # Shares of counts.
    np.testing.assert_allclose(found.precision, precision, rtol=1e-12)
    np.testing.assert_allclose(found.recall, recall, rtol=1e-12)
    summed = 1 - 2 * np.abs(found.levels.numpy() - precision).sum() / 29
    # Over 30 levels the authors' sum has half of the last term too many, and of the first.
    ends = abs(precision[0]) + abs(1 - precision[-1])
    assert found.alpha_precision == pytest.approx(summed + ends / 29)


def test_an_example_by_hand():
    # Mean 0; distances 1 1 3 3: radii at alpha 0, 1/2, 1 are 1, 2, 3. Own nearest: all 2.
    real = np.array([[-3.0], [-1.0], [1.0], [3.0]])
    # Mean 1; distances 0 (1), 1 (2, 0) and 3 (4, -2).
    generated = np.array([[1.0], [2.0], [0.0], [4.0], [-2.0]])
    found = alpha_beta_curves(real=real, generated=generated, levels=3)
    assert found.levels.tolist() == [0, 0.5, 1]
    assert found.precision.tolist() == [2 / 5, 4 / 5, 4 / 5]
    # Radii 0, 1, 3. 1 recalls -1, 1, 3; with 2 and 0 no more; -2 recalls -3.
    assert found.recall.tolist() == [3 / 4, 3 / 4, 1]
    assert found.alpha_precision == pytest.approx(1 - 2 * (0.4 / 2 + 0.3 + 0.2 / 2) / 2)


@pytest.mark.parametrize("tile", [4, 11, 64])
def test_tiles_change_nothing(tile, monkeypatch):
    real, generated = rows(40, 4), rows(33, 4, 1)

    def found():
        given = {"real": Bank.of(torch.tensor(real)), "generated": Bank.of(torch.tensor(generated))}
        return AlphaPrecision()(**given)

    whole = found()
    monkeypatch.setattr(tiling, "TILE", tile)
    assert found() == whole


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 99), st.sampled_from([0.25, 2.0**20]))
def test_scale_and_rotation_move_nothing(seed, scale):
    real, generated = rows(25, 3, seed), rows(20, 3, seed + 1)
    plain = alpha_beta_curves(real=real, generated=generated)
    scaled = alpha_beta_curves(real=scale * real, generated=scale * generated)
    turn = np.linalg.qr(rows(3, 3, seed + 2))[0]
    turned = alpha_beta_curves(real=real @ turn + 3, generated=generated @ turn + 3)
    for other in (scaled, turned):
        # A row at a quantile itself may fall on either side: one of 20 or 25 at a level.
        assert other.alpha_precision == pytest.approx(plain.alpha_precision, abs=0.02)
        assert torch.equal(other.precision, plain.precision)
        assert (other.recall - plain.recall).abs().max() <= 1 / 20 + 1e-12
    assert torch.equal(scaled.recall, plain.recall)


def test_copies_and_far_sets():
    real = rows(50, 3)
    copied = alpha_beta_curves(real=real, generated=real)
    # Each level's share to within one row; and each row recalls itself.
    assert copied.alpha_precision > 1 - 2 / 50
    assert copied.recall[-1] == 1
    far = alpha_beta_curves(real=real, generated=real + 1000)
    # The trapezia of |0 - alpha| are exactly 1/2.
    assert far.alpha_precision == pytest.approx(0, abs=1e-12)
    assert far.beta_recall == pytest.approx(0, abs=1e-12)


def test_precision_looks_at_how_far_and_not_where():
    real = rows(4000, 2)
    wide = alpha_beta_curves(real=real, generated=2 * rows(4000, 2, 1))
    # In a plane distances have P(d > r) = exp(-r^2 / 2): of twice as wide ones, (1 - a)^(1/4) lie
    # outside where 1 - a of the real do, and the integral of a - P is 4/5 - 1/2.
    assert wide.alpha_precision == pytest.approx(1 - 2 * (4 / 5 - 1 / 2), abs=0.03)


def score(real, generated):
    given = {"real": Bank.of(torch.tensor(real)), "generated": Bank.of(torch.tensor(generated))}
    return AlphaPrecision()(**given)


def test_the_interval_holds_what_repeated_draws_of_both_sets_give():
    found = []
    for seed in range(60):
        each = score(rows(150, 4, 2 * seed), 0.7 * rows(150, 4, 2 * seed + 1))["alpha_precision"]
        found.append((each.value, each.low, each.high))
    values, low, high = np.array(found).T
    covered = ((low <= values.mean()) & (values.mean() <= high)).mean()
    assert covered >= 0.95 - 3 * 0.028  # Binomial(60, .95): deviation .028
    # The deviation of 60 has a deviation of 9 %.
    assert 0.75 < (high - low).mean() / 2 / Z / values.std(ddof=1) < 1.35


def test_what_has_no_interval_says_why():
    equal, far = score(rows(150, 4), rows(150, 4, 1)), score(rows(150, 4), 0.7 * rows(150, 4, 1))
    assert "no interval: too near to 1" in equal["alpha_precision"].method
    assert equal["alpha_precision"].low is None
    assert far["alpha_precision"].low is not None
    for each in (equal, far):
        assert each["beta_recall"].low is None
        assert each["beta_recall"].method.startswith("no interval: ")


def test_each_says_how_many_real_images_are_as_typical():
    real, generated = rows(50, 3), rows(9, 3, 1)
    given = {"real": Bank.of(torch.tensor(real)), "generated": Bank.of(torch.tensor(generated))}
    off = np.linalg.norm(real - real.mean(0), axis=1)
    theirs = np.linalg.norm(generated - real.mean(0), axis=1)
    due = [(off <= each).mean() for each in theirs]
    assert AlphaPrecision().each(**given)["alpha"].tolist() == pytest.approx(due)


def test_refuses():
    x = rows(5, 3)
    with pytest.raises(GandiagError, match="real has 1 rows and at least 2"):
        alpha_beta_curves(real=x[:1], generated=x)
    with pytest.raises(GandiagError, match="two levels"):
        AlphaPrecision(levels=1)
    with pytest.raises(GandiagError, match="two levels"):
        alpha_beta_curves(real=x, generated=x, levels=1)
    with pytest.raises(TypeError, match="positional"):
        alpha_beta_curves(x, x)
