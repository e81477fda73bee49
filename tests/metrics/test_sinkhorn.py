import math

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import SinkhornDivergence, exact_wasserstein, sinkhorn_divergence
from gandiag.metrics.costs import costs
from gandiag.metrics.entropic import _newton, solve
from gandiag.metrics.sinkhorn import blur_of, divergence
from gandiag.metrics.transport import draw
from gandiag.statistics import Bank


def normal(n, width, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, width, generator=generator, dtype=torch.float64)


def even(n):
    return torch.full((n,), 1 / n, dtype=torch.float64)


def plainly(cost, epsilon, steps=5000):
    """Sinkhorn's iteration as it is written in textbooks, and the value of its plan."""
    a, b = np.full(len(cost), 1 / len(cost)), np.full(cost.shape[1], 1 / cost.shape[1])
    kernel = np.exp(-cost / epsilon)
    v = np.ones_like(b)
    for _ in range(steps):
        u = a / (kernel @ v)
        v = b / (kernel.T @ u)
    plan = u[:, None] * kernel * v
    return (plan * cost).sum() + epsilon * (plan * np.log(plan / np.outer(a, b))).sum()


@pytest.mark.parametrize("order", [1, 2])
def test_as_the_textbook_iteration(order):
    x, y, blur = normal(25, 2, 0), 1.5 * normal(18, 2, 1) + 0.4, 0.8
    values = [
        plainly(torch.cdist(a, b).pow(order).numpy(), blur**order)
        for a, b in ((x, y), (x, x), (y, y))
    ]
    expected = (values[0] - (values[1] + values[2]) / 2) ** (1 / order)
    # The marginals are met to 1e-7.
    assert sinkhorn_divergence(x, y, order, blur) == pytest.approx(expected, rel=1e-6)


def test_as_pots_plan_whose_value_leaves_the_entropy_out():
    """Its divergence is of <P, cost> alone; with the entropy of its plans put back it is ours."""
    from ot.bregman import sinkhorn

    x, y, blur = normal(12, 3, 0), normal(9, 3, 1) + 1, 1.5

    def value(a, b):
        cost = torch.cdist(a, b).square().numpy()
        p, q = even(len(a)).numpy(), even(len(b)).numpy()
        plan = sinkhorn(p, q, cost, blur**2, stopThr=1e-10, numItermax=5000)
        entropy = (plan * np.log(plan / np.outer(p, q))).sum()
        return (plan * cost).sum() + blur**2 * entropy

    expected = math.sqrt(value(x, y) - (value(x, x) + value(y, y)) / 2)
    assert sinkhorn_divergence(x, y, 2, blur) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("order", [1, 2])
def test_without_blur_it_is_the_exact_distance(order):
    x, y = normal(15, 2, 0), normal(15, 2, 1) + 0.5
    exact = exact_wasserstein(x, y, order)
    errors = [
        abs(sinkhorn_divergence(x, y, order, blur ** (2 / order)) - exact)
        for blur in (0.8, 0.4, 0.1)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01 * exact


def test_with_much_blur_it_is_the_distance_of_the_means():
    x, y = normal(50, 3, 0), 2 * normal(40, 3, 1) + 1
    expected = float((x.mean(dim=0) - y.mean(dim=0)).norm())
    # What is left is of the order of the fourth power of the spread over the blur's square.
    assert sinkhorn_divergence(x, y, 2, blur=300.0) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("blur", [0.3, 3.0])
def test_a_shift_is_seen_whole_at_any_blur(blur):
    x = normal(40, 2, 0)
    # The square cost of a shift is linear but for a constant, whatever the coupling is.
    found = sinkhorn_divergence(x, x + torch.tensor([3.0, 4.0]), 2, blur)
    assert found == pytest.approx(5, rel=1e-7)


@pytest.mark.parametrize("epsilon", [10.0, 0.1, 0.01])
def test_the_potentials_meet_the_marginals(epsilon):
    x, y = normal(40, 2, 0), normal(30, 2, 1)
    a, b = even(40), torch.softmax(normal(30, 1, 2)[:, 0], dim=0)
    cost = costs(x, y, 2)
    value, f, g = solve(cost, a, b, epsilon)
    plan = ((f[:, None] + g - cost) / epsilon).exp() * a[:, None] * b
    assert float((plan.sum(dim=1) - a).abs().sum()) < 2e-7
    assert float((plan.sum(dim=0) - b).abs().sum()) < 1e-10
    primal = float(
        (plan * cost).sum() + epsilon * (plan * (plan / (a[:, None] * b)).log()).nansum()
    )
    assert value == pytest.approx(primal, rel=1e-5)


def test_a_set_against_itself_has_one_potential():
    x, a = normal(30, 2, 0), even(30)
    cost = costs(x, x, 2)
    value, f, g = solve(cost, a, None, 0.2)
    assert torch.equal(f, g)
    # The marginals of both are met to 1e-7.
    assert value == pytest.approx(solve(cost, a, a, 0.2)[0], rel=1e-7)


# With much blur, what a set has to itself is most of what it has to the other.
@pytest.mark.parametrize("blur", [0.7, 3.0])
def test_the_variance_is_that_of_the_slope_in_the_weights(blur):
    """f - f_aa says how S changes with weight on a row: by differences of copies."""
    x, y = normal(12, 2, 0), normal(9, 2, 1) * 1.5 + 0.3
    n, power = len(x), divergence(x, y, 2, blur).power
    copies = 400
    slopes = []
    for i in range(n):
        more = torch.cat([x.repeat(copies, 1), x[i : i + 1].repeat(n, 1)])
        share = n / len(more)
        slopes.append((divergence(more, y, 2, blur).power - power) / share)
    other = []
    for j in range(len(y)):
        more = torch.cat([y.repeat(copies, 1), y[j : j + 1].repeat(len(y), 1)])
        other.append((divergence(x, more, 2, blur).power - power) / (len(y) / len(more)))
    expected = np.var(slopes) / (n - 1) + np.var(other) / (len(y) - 1)
    # Steps of 1 / 400 in weight.
    assert divergence(x, y, 2, blur).variance == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("symmetric", [True, False])
def test_a_step_of_newtons_solves_its_system(symmetric):
    plan = torch.softmax(normal(49, 1, 5).reshape(-1), dim=0).reshape(7, 7)
    if symmetric:
        plan = (plan + plan.T) / 2
    rows, columns = plan.sum(dim=1), plan.sum(dim=0)
    # Conserved mass: a right-hand side that the singular system of two sets can meet.
    wanted = rows + 0.01 * (normal(7, 1, 6)[:, 0] * rows - rows * (normal(7, 1, 6)[:, 0] @ rows))
    step = _newton(plan, wanted, symmetric=symmetric)
    if symmetric:
        system = rows.diag() + plan
    else:
        system = rows.diag() - plan @ (plan.T / columns[:, None])
    # To a hundredth.
    residual = (system @ step - (wanted - rows)).norm()
    assert float(residual) < 0.05 * float((wanted - rows).norm())


def test_the_value_is_the_dual_where_the_plan_has_not_all_its_mass(monkeypatch):
    """<a, f> + <b, g> - epsilon (mass - 1): without the last term it is no bound of the minimum."""
    monkeypatch.setattr("gandiag.metrics.entropic.TOLERANCE", 1.0)
    x, y, a = normal(12, 2, 0), normal(12, 2, 1) + 1, even(12)
    for cost, b in ((costs(x, y, 2), a), (costs(x, x, 2), None)):
        value, f, g = solve(cost, a, b, 0.3)
        plan = ((f[:, None] + g - cost) / 0.3).exp() * a[:, None] * a
        expected = float(a @ f + a @ g - 0.3 * (plan.sum() - 1))
        assert value == pytest.approx(expected, rel=1e-12)
    # One half step leaves the mass of a set against itself wrong, so that the term counts.
    assert abs(float(plan.sum()) - 1) > 1e-6


def test_too_many_pairs_are_refused(monkeypatch):
    monkeypatch.setattr("gandiag.metrics.costs.CELLS", 99)
    with pytest.raises(GandiagError, match=r"Sinkhorn .* 10 x 10 are more than 99"):
        sinkhorn_divergence(normal(10, 2, 0), normal(5, 2, 1), 2, 1.0)
    # Of copies there are none.
    sinkhorn_divergence(torch.zeros(10, 2), normal(5, 2, 1), 2, 1.0)


def test_what_both_sets_have_to_themselves_is_found_once(monkeypatch):
    solved = []

    def counted(cost, a, b, epsilon):
        solved.append(b is None)
        return solve(cost, a, b, epsilon)

    monkeypatch.setattr("gandiag.metrics.sinkhorn.solve", counted)
    given = {"real": Bank.of(normal(60, 2, 0)), "generated": Bank.of(normal(30, 2, 1) + 1)}
    turned = {"real": given["generated"], "generated": given["real"]}
    for sets, size, alone, pairs in ((given, 30, 3, 2), (given, 40, 4, 3), (turned, 40, 5, 3)):
        solved.clear()
        score = SinkhornDivergence(size=size, blur=0.7)(**sets)["sinkhorn"]
        assert (sum(solved), len(solved) - sum(solved)) == (alone, pairs)
        drawn = draw(sets["real"].rows, sets["generated"].rows, size, 0)
        one = divergence(drawn.real, drawn.generated, 2, 0.7).value
        assert score.value == pytest.approx(one, rel=1e-12)
        floor = divergence(*drawn.floor, 2, 0.7).value
        assert score.extra["floor"] == pytest.approx(floor, rel=1e-12)
        if not drawn.alike:
            fewer = divergence(drawn.floor[0], drawn.opposite, 2, 0.7).value
            assert score.extra["value at floor n"] == pytest.approx(fewer, rel=1e-12)


def test_what_does_not_converge_is_refused(monkeypatch):
    monkeypatch.setattr("gandiag.metrics.entropic.ROUNDS", 1)
    with pytest.raises(GandiagError, match="give a larger blur"):
        sinkhorn_divergence(normal(30, 4, 0), normal(30, 4, 1), 2, 0.1)


def test_the_blur_is_a_fifth_of_the_median_distance_and_stands_beside():
    x, y = (Bank.of(each).rows.double() for each in (normal(40, 3, 0), normal(30, 3, 1)))
    distances = torch.cdist(x, x)[~torch.eye(40, dtype=torch.bool)]
    # The lower of the two in the middle.
    assert blur_of(x, y) == pytest.approx(0.2 * float(distances.median()), rel=1e-12)
    score = SinkhornDivergence()(real=Bank.of(x), generated=Bank.of(y))["sinkhorn"]
    assert score.extra["blur"] == pytest.approx(blur_of(x, y), rel=1e-12)
    assert score.value == pytest.approx(sinkhorn_divergence(x, y), rel=1e-12)
    # Of one place, the distance to the others; of none, any.
    assert blur_of(x[:1], y) == pytest.approx(0.2 * float(torch.cdist(x[:1], y).median()))
    assert blur_of(x[:1], x[:1]) == 1


@pytest.mark.parametrize("blur", [0.0, -1.0, math.nan])
def test_a_blur_that_is_none_is_refused(blur):
    with pytest.raises(GandiagError, match="blur"):
        sinkhorn_divergence(normal(3, 2, 0), normal(3, 2, 1), 2, blur)
    with pytest.raises(GandiagError, match="blur"):
        SinkhornDivergence(blur=blur)


def test_a_size_that_cannot_be_is_refused():
    with pytest.raises(GandiagError, match="1 to 10,000 rows"):
        SinkhornDivergence(size=0)
