"""The Dirac-GAN of Mescheder et al. 2018: which rows circle and which settle is known.

p = delta_theta, data delta_0, D(x) = psi x, h = 0.2, 500 steps from (1, 1), as in the notebook of
GAN_stability. Near (0, 0) the eigenvalues of the update say what happens; further out the rows of
the notebook are played with the monitor attached.
"""

import cmath
import math

import numpy as np
import pytest
import torch
from small_gan import Rows
from torch import nn
from torch.autograd.functional import jacobian
from torch.nn.functional import softplus

import gandiag

H, STEPS = 0.2, 500
# Instance noise is averaged, not drawn: 20 nodes of Gauss-Hermite, exact up to degree 39.
NODES, WEIGHTS = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(20))
WEIGHTS = WEIGHTS / WEIGHTS.sum()


class Theta(nn.Module):
    def __init__(self, start):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([start], dtype=torch.float64))

    def forward(self, z):
        return self.theta.expand(len(z), 1)


class Psi(nn.Module):
    def __init__(self, start):
        super().__init__()
        self.psi = nn.Parameter(torch.tensor([start], dtype=torch.float64))

    def forward(self, x):
        return self.psi * x


# loss -> (discriminator's, generator's) as functions of t = psi theta, without constants.
GAMES = {
    "minimax": (lambda t: softplus(-t), lambda t: -softplus(-t)),
    "non-saturating": (lambda t: softplus(-t), lambda t: softplus(t)),
    "wasserstein": (lambda t: -t, lambda t: t),
}


def objective(player, theta, psi, loss, *, r1=0.0, gp=0.0, consensus=0.0, noise=0.0):
    """What the player ("d" or "g") takes down, shape (1,)."""
    of = GAMES[loss][player == "g"]
    if noise:
        value = (WEIGHTS * of(psi * (theta + noise * NODES))).sum(0, keepdim=True)
        if player == "d":
            value = value + (WEIGHTS * of(-psi * noise * NODES)).sum()
    else:
        value = of(psi * theta)
    if player == "d" and (r1 or gp):
        value = value + r1 / 2 * psi**2 + gp / 2 * (psi.abs() - 1) ** 2
    if consensus:
        # Half of the squared length of the field, which both players descend.
        slope = torch.sigmoid(-psi * theta)
        value = value + consensus / 2 * slope**2 * (psi**2 + theta**2)
    return value


def update(state, schedule, loss, **changes):
    """The same step as a differentiable function of (theta, psi)."""

    def slope(player, theta, psi):
        # Copies: the critic's slope must not pass through the generator's step to where psi was.
        theta, psi = theta.clone(), psi.clone()
        value = objective(player, theta, psi, loss, **changes)
        return torch.autograd.grad(value, theta if player == "g" else psi, create_graph=True)[0]

    theta, psi = state[:1], state[1:]
    moved = theta - H * slope("g", theta, psi)
    if schedule == "simultaneous":
        return torch.cat([moved, psi - H * slope("d", theta, psi)])
    for _ in range(schedule):
        psi = psi - H * slope("d", moved, psi)
    return torch.cat([moved, psi])


def trajectory(start, steps, schedule, loss, **changes):
    states = [torch.tensor(start, dtype=torch.float64)]
    for _ in range(steps):
        states.append(update(states[-1].requires_grad_(), schedule, loss, **changes).detach())
    return torch.stack(states)


def play(loss, schedule, *, clip=0.0, start=1.0, **changes):
    """Distances to the equilibrium after each step, and the monitor's rows."""
    generator, discriminator = Theta(start), Psi(start)
    theta, psi = generator.theta, discriminator.psi
    opt_g = torch.optim.SGD([theta], H)
    opt_d = torch.optim.SGD([psi], H)

    def gradient(of, wanted):
        (wanted.grad,) = torch.autograd.grad(objective(of, theta, psi, loss, **changes), wanted)

    sink, distances = Rows(), []
    with gandiag.Monitor(
        generator, discriminator, opt_g=opt_g, opt_d=opt_d, loss=loss, every=10, sinks=[sink]
    ) as monitor:
        for _ in range(STEPS):
            if schedule == "simultaneous":
                gradient("g", theta)
                gradient("d", psi)
                opt_g.step()
                opt_d.step()
            else:
                gradient("g", theta)
                opt_g.step()
                for _ in range(schedule):
                    gradient("d", psi)
                    opt_d.step()
            if clip:
                with torch.no_grad():
                    psi.clamp_(-clip, clip)
            monitor.step(loss_d=objective("d", theta, psi, loss).detach())
            distances.append(math.hypot(theta.item(), psi.item()))
    return distances, sink.rows


SCHEDULES = ("simultaneous", 1, 5)
UNDAMPED = ("grows", "circles", "circles")
DAMPED = ("settles",) * 3
# (loss, changes), (A, B, turn) of the field's Jacobian [[A, -turn], [turn, B]] at (0, 0), and what
# each schedule does there. turn = f'(0), 1/2 for the logistic losses. R1 gives B = -gamma, instance
# noise B = 2 f''(0) s^2 = -s^2 / 2, consensus A = B = -gamma f'(0)^2. Clipping acts only far out.
AT_EQUILIBRIUM = [
    (("minimax", {}), (0.0, 0.0, 0.5), UNDAMPED),
    (("non-saturating", {}), (0.0, 0.0, 0.5), UNDAMPED),
    (("wasserstein", {}), (0.0, 0.0, 1.0), UNDAMPED),
    (("minimax", {"noise": 0.7}), (0.0, -0.245, 0.5), DAMPED),
    (("minimax", {"r1": 0.3}), (0.0, -0.3, 0.5), DAMPED),
    (("minimax", {"r1": 1.0}), (0.0, -1.0, 0.5), DAMPED),
    (("non-saturating", {"r1": 0.3}), (0.0, -0.3, 0.5), DAMPED),
    (("minimax", {"consensus": 1.0}), (-0.25, -0.25, 0.5), DAMPED),
]
CELLS = [
    pytest.param(loss, changes, field, schedule, outcome, id=f"{loss} {changes} {schedule}")
    for (loss, changes), field, outcomes in AT_EQUILIBRIUM
    for schedule, outcome in zip(SCHEDULES, outcomes, strict=True)
]


def eigenvalues_by_hand(field, schedule):
    """Of the update: those of I + h J, or of the generator's step and then n of the critic."""
    a, b, turn = field
    p, q = 1 + H * a, 1 + H * b
    if schedule == "simultaneous":
        trace, det = p + q, p * q + (H * turn) ** 2
    else:
        pushes = sum(q**k for k in range(schedule))
        trace, det = p + q**schedule - (H * turn) ** 2 * pushes, p * q**schedule
    root = cmath.sqrt(trace**2 / 4 - det)
    return trace / 2 - root, trace / 2 + root


@pytest.mark.parametrize(("loss", "changes", "field", "schedule", "outcome"), CELLS)
def test_near_the_equilibrium_the_eigenvalues_tell(loss, changes, field, schedule, outcome):
    here = torch.zeros(2, dtype=torch.float64)
    matrix = jacobian(lambda state: update(state, schedule, loss, **changes), here)
    wanted = eigenvalues_by_hand(field, schedule)
    # R1 of 1 is critical: rounding of 1e-16 splits a double root by its square root, 1e-8.
    order = {"key": lambda z: (round(z.imag, 6), z.real)}
    found = sorted(torch.linalg.eigvals(matrix).tolist(), **order)
    assert found == pytest.approx(sorted(wanted, **order), abs=1e-7)
    radius = max(map(abs, wanted))
    assert outcome == (
        "circles" if abs(radius - 1) < 1e-12 else "settles" if radius < 1 else "grows"
    )

    states = trajectory([0.0, 1e-4], 100, schedule, loss, **changes)
    linear = torch.linalg.matrix_power(matrix, 100) @ states[0]
    # What is not linear is r^2 of it, 1e-8 to 1e-7, at each of 100 steps; rounding of the average
    # over the noise does not shrink with the state.
    close = 1e-5 * linear.norm().item() + 1e-15
    assert states[-1].tolist() == pytest.approx(linear.tolist(), abs=close)
    ratio = (states[-1].norm() / states[0].norm()).item()
    # The slowest shrink by .9803^100 = .14, the slowest growth is 1.005^100 = 1.65, and circles
    # start almost at the long end of an ellipse with axes of at most sqrt(5) = 2.24 to 1.
    assert outcome == ("settles" if ratio < 0.3 else "grows" if ratio > 1.4 else "circles")


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_gradient_penalty_around_one_kicks_out(schedule):
    # No eigenvalues: the field jumps at psi = 0. From psi > 0 each critic step is psi -> q psi +
    # h (theta + g) with q = 1 - h g, so n steps from almost 0 lead to h g (1 + q + ...) = 1 - q^n.
    g, n = 0.7, 1 if schedule == "simultaneous" else schedule
    kicked = trajectory([1e-6, 1e-6], 1, schedule, "wasserstein", gp=g)[1].norm().item()
    # The start moves it by less than 1e-6 (1 + n h).
    assert kicked == pytest.approx(1 - (1 - H * g) ** n, abs=2e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_non_saturating_loss_turns_slower_than_any_rate(schedule):
    """Its eigenvalues are minimax's; the next order, averaged over a turn, is E' = -E^2 / 8."""
    theta, psi = trajectory([1.0, 1.0], STEPS, schedule, "non-saturating").T
    if schedule == "simultaneous":
        # E = r^2 gains h E / 4 as well: a limit cycle. The mean is over a turn, 2 pi / (h / 2).
        mean = (theta**2 + psi**2)[-63:].mean().sqrt().item()
        # tanh's next term is (theta psi)^2 / 12 < h^2 / 12 = .4 % of the first.
        assert mean == pytest.approx(math.sqrt(2 * H), rel=1e-2)
    else:
        # What the linear update keeps.
        energy = schedule * theta**2 + psi**2 - schedule * H / 2 * theta * psi
        time = H * STEPS
        # E starts at 2 or 6, where one more order counts; it is forgotten as 1 / time.
        wanted = 1 / (1 / energy[0].item() + time / 8)
        assert energy[-1].item() == pytest.approx(wanted, rel=3e-2)


# Lowest and highest distance of the last 100 steps, of an independent integration by hand.
CIRCLING = {
    ("minimax", "simultaneous"): ({}, None, 3.10),
    ("minimax", 1): ({}, 1.34, 1.42),
    ("minimax", 5): ({}, 1.03, 2.42),
    ("non-saturating", "simultaneous"): ({}, 0.626, 0.644),
    ("non-saturating", 1): ({}, 0.274, 0.314),
    ("non-saturating", 5): ({}, 0.126, 0.309),
    ("wasserstein", "simultaneous"): ({"clip": 1.0}, 1.00, 1.27),
    ("wasserstein", 1): ({"clip": 1.0}, 0.949, 1.05),
    ("wasserstein", 5): ({"clip": 1.0}, 0.435, 1.01),
}
WITH_GP = {"simultaneous": (1.62, 1.97), 1: (1.14, 1.44), 5: (0.675, 1.50)}
SETTLING = [
    ("minimax", {"r1": 0.3}, 2.6e-6),
    ("minimax", {"r1": 1.0}, 1e-11),
    ("non-saturating", {"r1": 0.3}, 2.2e-6),
    ("minimax", {"noise": 0.7}, 5.73e-5),
    # From (1, 1) five critic steps overshoot to where the field is flat: the theorem is local.
    ("minimax", {"consensus": 1.0, "start": 0.5}, 1e-9),
]


def settles(rows):
    """By the monitor's own signal."""
    norms = [row["g_grad_norm"] for _, row in rows if "g_grad_norm" in row]
    return norms[-1] < 1e-3 * norms[0]


@pytest.mark.parametrize(("loss", "schedule"), CIRCLING)
def test_without_damping_it_circles(loss, schedule):
    changes, low, high = CIRCLING[loss, schedule]
    distances, rows = play(loss, schedule, **changes)
    if low is not None:
        assert min(distances[-100:]) == pytest.approx(low, rel=5e-3)
    assert max(distances[-100:]) == pytest.approx(high, rel=5e-3)
    assert not settles(rows)
    # Not at the end of the widest circle: a turn is then longer than the monitor's memory.
    assert max(row.get("rotation", 0) for _, row in rows) > 0.3


@pytest.mark.parametrize("schedule", WITH_GP)
def test_a_gradient_penalty_around_one_circles(schedule):
    low, high = WITH_GP[schedule]
    distances, rows = play("wasserstein", schedule, gp=0.7)
    assert (min(distances[-100:]), max(distances[-100:])) == pytest.approx((low, high), rel=5e-3)
    assert not settles(rows)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("loss", "changes", "bound"), SETTLING)
def test_with_damping_it_settles(loss, changes, bound, schedule):
    distances, rows = play(loss, schedule, **changes)
    assert distances[-1] < 1.1 * bound
    assert settles(rows)


def test_it_turns_if_the_eigenvalues_are_complex():
    _, turning = play("minimax", "simultaneous", r1=0.3)
    assert turning[15][1]["rotation"] > 0.3
    # Critical damping: both eigenvalues are real.
    _, straight = play("minimax", "simultaneous", r1=1.0)
    assert straight[15][1]["rotation"] < 0.1
