import itertools
import math
import warnings

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import ExactTransport, costs, exact_transport, exact_wasserstein
from gandiag.metrics.costs import Points
from gandiag.statistics import Bank


def normal(n, width, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, width, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("order", [1, 2])
def test_as_the_best_of_all_assignments(order):
    x, y = normal(6, 3, 0), normal(6, 3, 1) + 0.5
    cost = torch.cdist(x, y).pow(order)
    best = min(
        float(cost[range(6), permutation].mean())
        for permutation in itertools.permutations(range(6))
    )
    # The square root of a sum of squares and its square again.
    assert exact_wasserstein(x, y, order) == pytest.approx(best ** (1 / order), rel=1e-12)


@pytest.mark.parametrize("order", [1, 2])
def test_as_a_linear_program_for_unequal_numbers(order):
    from scipy.optimize import linprog

    n, m = 7, 5
    x, y = normal(n, 3, 0), 2 * normal(m, 3, 1)
    cost = torch.cdist(x, y).pow(order).numpy()
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    solved = linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=[1 / n] * n + [1 / m] * m)
    # HiGHS stops at 1e-7 of feasibility, and mostly far below.
    assert exact_wasserstein(x, y, order) == pytest.approx(solved.fun ** (1 / order), rel=1e-7)


def test_a_shift_costs_its_length_and_a_scale_what_the_map_says():
    x = normal(60, 4, 0)
    # Both maps are gradients of convex functions, and so the best there are (Brenier).
    assert exact_wasserstein(x, x + 3) == pytest.approx(6, rel=1e-12)
    expected = 2 * float(x.square().sum(dim=1).mean().sqrt())
    assert exact_wasserstein(x, 3 * x) == pytest.approx(expected, rel=1e-12)


def test_by_hand_in_the_plane():
    x = torch.tensor([[0.0, 0], [0, 2]])
    y = torch.tensor([[1.0, 0], [1, 2], [1, 2], [1, 0]])
    assert exact_wasserstein(x, y, 1) == pytest.approx(1, rel=1e-12)
    y[3] = torch.tensor([1.0, 2])  # a quarter has now to go up as well
    assert exact_wasserstein(x, y) == pytest.approx(math.sqrt(0.75 + 0.25 * 5), rel=1e-12)


def test_close_sets_far_from_the_origin():
    x = normal(40, 3, 0) + 1e6
    y = x + 1e-3
    # The coordinates themselves are rounded at 1e-10.
    assert exact_wasserstein(x, y) == pytest.approx(1e-3 * math.sqrt(3), rel=1e-6)


def test_what_was_not_solved_is_refused():
    x, y = normal(200, 8, 0), normal(200, 8, 1)
    whole = exact_wasserstein(x, y)
    import ot

    cost = torch.cdist(x, y).square().numpy()
    # POT itself warns, and returns a cost all the same: too large, or of a plan that does not
    # move all the mass, by its version.
    with pytest.warns(UserWarning, match="numItermax"):
        stopped = ot.emd2([], [], cost, numItermax=300)
    assert abs(math.sqrt(stopped) - whole) > 1e-3 * whole
    with (
        pytest.warns(UserWarning, match="numItermax"),
        pytest.raises(GandiagError, match="not solved within 300 iterations"),
    ):
        exact_wasserstein(x, y, iterations=300)


def test_a_solver_that_does_not_say_so_is_found_out(monkeypatch):
    import ot

    def stopped(a, b, cost, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plan, log = ot.lp.emd(a, b, cost, numItermax=300, log=True)
        return plan, {**log, "warning": None}

    monkeypatch.setattr(ot, "emd", stopped)
    with pytest.raises(GandiagError, match="duality gap"):
        exact_wasserstein(normal(200, 8, 0), normal(200, 8, 1))


@pytest.mark.parametrize("fault", ["value", "constraint"])
def test_a_solution_that_is_none_is_found_out(monkeypatch, fault):
    import ot

    whole = ot.emd

    def wrong(a, b, cost, **options):
        plan, log = whole(a, b, cost, **options)
        u = log["u"].copy()
        if fault == "value":
            u -= 1e-6  # within every constraint, and below the primal's value
        else:
            u[0] += 1e-6  # of the same value: the weights are equal
            u[1] -= 1e-6
        return plan, {**log, "u": u}

    monkeypatch.setattr(ot, "emd", wrong)
    with pytest.raises(GandiagError, match="duality gap"):
        exact_wasserstein(normal(20, 3, 0), normal(20, 3, 1))


def test_costs_are_those_of_differences(monkeypatch):
    x = normal(50, 4, 0) + 100
    y = torch.cat([x[:20], x[:20] + 1e-7, normal(10, 4, 1)])
    slow = (x[:, None] - y).square().sum(dim=2)
    monkeypatch.setattr(costs, "AGAIN", 12)
    assert torch.allclose(costs.costs(x, y, 2), slow, rtol=1e-9, atol=0)
    assert torch.allclose(costs.costs(x, y, 1), slow.sqrt(), rtol=1e-9, atol=0)


def test_points_are_the_distinct_rows():
    points = Points.of(torch.tensor([[2.0, 1], [0, 5], [2, 1], [2, 0]]))
    assert points.rows[points.places].tolist() == [[2, 1], [0, 5], [2, 1], [2, 0]]
    assert points.rows.tolist() == [[0, 5], [2, 0], [2, 1]]
    assert points.weights.tolist() == [0.25, 0.25, 0.5]
    assert points.n == 4


def test_too_many_pairs_are_refused_before_any_memory_is_taken(monkeypatch):
    monkeypatch.setattr(costs, "CELLS", 99)
    with pytest.raises(GandiagError, match=r"10 x 10 are more than 99"):
        exact_wasserstein(normal(10, 2, 0), normal(10, 2, 1))
    # On a line, and of copies, there are none.
    exact_wasserstein(normal(10, 1, 0), normal(10, 1, 1))
    exact_wasserstein(torch.zeros(10, 2), normal(10, 2, 1))


def test_the_metric_says_how_many_rows_it_drew():
    given = {"real": Bank.of(normal(90, 2, 0)), "generated": Bank.of(normal(30, 2, 1))}
    score = ExactTransport(size=40)(**given)["emd"]
    far = {"real": Bank.of(normal(90, 2, 0)), "generated": Bank.of(normal(80, 2, 1) + 5)}
    assert "85 real and 80 generated" in ExactTransport(order=1, size=85)(**far)["emd"].method
    assert (score.extra["real rows"], score.extra["generated rows"]) == (40, 30)
    first = ExactTransport(size=20)(**given)["emd"]
    assert first == ExactTransport(size=20)(**given)["emd"]
    assert first != ExactTransport(size=20, seed=1)(**given)["emd"]


@pytest.mark.parametrize("size", [0, 10_001])
def test_a_size_that_cannot_be_is_refused(size):
    with pytest.raises(GandiagError, match=f"got size={size}"):
        ExactTransport(size=size)
    assert exact_transport.ITERATIONS > 10**8
