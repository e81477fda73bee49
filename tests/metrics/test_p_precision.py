"""P-precision and P-recall: a slow twin, copies, tiles, invariants, intervals."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gandiag.errors import GandiagError
from gandiag.metrics import PPrecision, p_precision_recall
from gandiag.metrics import tiles as tiling
from gandiag.metrics.intervals import Z
from gandiag.metrics.jackknife import groups_of
from gandiag.statistics import Bank


def rows(n, width, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32).astype(float)


def pairwise(x, y):
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(2))


def twin(real, generated, k=4, a=1.2):
    """By the definition, a member at a time."""

    def share(balls, members):
        own = pairwise(balls, balls)
        np.fill_diagonal(own, np.inf)
        reach = a * np.sort(own, axis=1)[:, k - 1].mean()
        found = []
        for line in pairwise(members, balls):
            outside = 1.0
            for d in line:
                inside = max(0.0, 1 - d / reach) if reach else float(d == 0)
                outside *= 1 - inside
            found.append(1 - outside)
        return np.mean(found)

    return {"p_precision": share(real, generated), "p_recall": share(generated, real)}


@pytest.mark.parametrize(("n", "m", "width", "k", "a"), [(40, 30, 3, 4, 1.2), (9, 25, 8, 2, 2.0)])
@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_agrees_with_a_member_at_a_time(n, m, width, k, a, offset):
    real, generated = offset + rows(n, width), offset + 0.8 * rows(m, width, 1)
    found = p_precision_recall(real=real, generated=generated, k=k, a=a)
    # Distances from a product, of rows that are 1e5 from 0: the centre takes that away.
    assert found == pytest.approx(twin(real, generated, k, a), rel=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(3, 20), st.integers(3, 20), st.integers(1, 3), st.integers(0, 999))
@example(12, 18, 2, 354)  # every generated row has two copies, so that R is 0
def test_ties_and_copies(n, m, levels, seed):
    random = np.random.default_rng(seed)
    real, generated = (random.integers(0, levels, (size, 2)).astype(float) for size in (n, m))
    found = p_precision_recall(real=real, generated=generated, k=2)
    assert found == pytest.approx(twin(real, generated, 2), rel=1e-9, abs=1e-12)


def test_near_copies_are_told_from_copies():
    real = 1e3 + rows(30, 5)
    for off in (0, 1e-7, 1e-4):
        found = p_precision_recall(real=real, generated=real + off)
        assert found == pytest.approx(twin(real, real + off), rel=1e-9)
    copied = p_precision_recall(real=real, generated=real)
    assert copied == {"p_precision": 1, "p_recall": 1}


@pytest.mark.parametrize("tile", [4, 11, 64])
def test_tiles_change_nothing(tile, monkeypatch):
    real, generated = rows(40, 4), rows(33, 4, 1)
    whole = p_precision_recall(real=real, generated=generated)
    monkeypatch.setattr(tiling, "TILE", tile)
    # Sums of logs in another order.
    assert p_precision_recall(real=real, generated=generated) == pytest.approx(whole, rel=1e-12)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 99), st.sampled_from([1e-3, 0.7, 1e4]))
def test_scale_shift_and_rotation_move_nothing(seed, scale):
    real, generated = rows(25, 3, seed), rows(20, 3, seed + 1)
    plain = p_precision_recall(real=real, generated=generated)
    turn = scale * np.linalg.qr(rows(3, 3, seed + 2))[0]
    moved = p_precision_recall(real=real @ turn + scale, generated=generated @ turn + scale)
    assert moved == pytest.approx(plain, rel=1e-9)
    exchanged = p_precision_recall(real=generated, generated=real)
    assert exchanged["p_precision"] == pytest.approx(plain["p_recall"], rel=1e-12)


def test_far_sets_have_nothing_in_common():
    found = p_precision_recall(real=rows(20, 3), generated=rows(20, 3, 1) + 100)
    assert found == {"p_precision": 0, "p_recall": 0}


def score(real, generated):
    given = {"real": Bank.of(torch.tensor(real)), "generated": Bank.of(torch.tensor(generated))}
    return PPrecision()(**given)


def test_the_deviation_is_the_jackknifes():
    """Each group is left out of its set, and everything is counted anew."""
    real, generated = rows(200, 3), 0.8 * rows(160, 3, 1)
    variances = dict.fromkeys(("p_precision", "p_recall"), 0.0)
    for which in (0, 1):
        groups = groups_of(len((real, generated)[which])).numpy()
        found = []
        for group in range(20):
            sets = [real, generated]
            sets[which] = sets[which][groups != group]
            found.append(p_precision_recall(real=sets[0], generated=sets[1]))
        for name in variances:
            variances[name] += 19 * np.var([each[name] for each in found])
    for name, each in score(real, generated).items():
        # R moves by a few in a hundred as a group is left out, and only to first order here.
        assert (each.high - each.value) / Z == pytest.approx(variances[name] ** 0.5, rel=0.05)


def test_the_intervals_hold_what_repeated_draws_of_both_sets_give():
    found = []
    for seed in range(60):
        real, generated = rows(150, 4, 2 * seed), 0.9 * rows(150, 4, 2 * seed + 1) + 0.15
        scores = score(real, generated)
        found.append([(each.value, each.low, each.high) for each in scores.values()])
    values, low, high = np.array(found).transpose(2, 0, 1)
    mean = values.mean(axis=0)
    covered = ((low <= mean) & (mean <= high)).mean(axis=0)
    assert (covered >= 0.95 - 3 * 0.028).all(), covered  # Binomial(60, .95): deviation .028
    ratio = (high - low).mean(axis=0) / 2 / Z / values.std(axis=0, ddof=1)
    assert (ratio < 1.6).all(), ratio


def test_each_has_the_mean_that_the_score_is():
    given = {"real": Bank.of(torch.tensor(rows(30, 3))), "generated": Bank.of(torch.ones(9, 3))}
    each = PPrecision().each(**given)["in_real_support"]
    assert float(each.mean()) == PPrecision()(**given)["p_precision"].value


def test_refuses():
    x = rows(20, 3)
    with pytest.raises(GandiagError, match="generated has 4 rows and at least 5"):
        p_precision_recall(real=x, generated=x[:4])
    for changes in ({"k": 0}, {"a": 0.0}, {"a": float("nan")}):
        with pytest.raises(GandiagError, match="k >= 1 and a > 0"):
            PPrecision(**changes)
        with pytest.raises(GandiagError, match="k >= 1 and a > 0"):
            p_precision_recall(real=x, generated=x, **changes)
    with pytest.raises(TypeError, match="positional"):
        p_precision_recall(x, x)
