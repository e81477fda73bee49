"""The Dirac-GAN of Mescheder et al. 2018: which rows circle and which settle is known.

p = delta_theta, data delta_0, D(x) = psi x, h = 0.2, 500 steps from (1, 1), as in the notebook of
GAN_stability. The linearised field has eigenvalues -g/2 +- sqrt(g^2/4 - f'(0)^2): it turns if they
are complex, and settles if the real part is negative.
"""

import math

import pytest
import torch
from small_gan import Rows
from torch import nn
from torch.nn.functional import softplus

import gandiag

H, STEPS = 0.2, 500


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


def play(loss, schedule, *, r1=0.0, gp=0.0, clip=0.0, consensus=0.0, start=1.0, steps=STEPS):
    """Distances to the equilibrium after each step, and the monitor's rows."""
    generator, discriminator = Theta(start), Psi(start)
    theta, psi = generator.theta, discriminator.psi
    opt_g = torch.optim.SGD([theta], H)
    opt_d = torch.optim.SGD([psi], H)
    d_loss, g_loss = GAMES[loss]

    def gradient(of, wanted):
        t = psi * theta
        value = (d_loss if of == "d" else g_loss)(t).sum()
        if of == "d":
            value = value + (r1 / 2 * psi**2 + gp / 2 * (psi.abs() - 1) ** 2).sum()
        if consensus:
            # Half of the squared length of the field, which both players descend.
            slope = torch.sigmoid(-t)
            value = value + consensus / 2 * (slope**2 * (psi**2 + theta**2)).sum()
        (wanted.grad,) = torch.autograd.grad(value, wanted)

    sink, distances = Rows(), []
    with gandiag.Monitor(
        generator, discriminator, opt_g=opt_g, opt_d=opt_d, loss=loss, every=10, sinks=[sink]
    ) as monitor:
        for _ in range(steps):
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
            monitor.step(loss_d=d_loss((psi * theta).detach()))
            distances.append(math.hypot(theta.item(), psi.item()))
    return distances, sink.rows


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
    ("minimax", {"consensus": 1.0}, 1e-9),
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


@pytest.mark.parametrize("schedule", ["simultaneous", 1, 5])
@pytest.mark.parametrize(("loss", "changes", "bound"), SETTLING)
def test_with_damping_it_settles(loss, changes, bound, schedule):
    if changes.keys() == {"consensus"} and schedule == 5:
        pytest.skip("from (1, 1) five steps lead to where the field is flat, not to 0")
    distances, rows = play(loss, schedule, **changes)
    assert distances[-1] < 1.1 * bound
    assert settles(rows)


def test_it_turns_if_the_eigenvalues_are_complex():
    _, turning = play("minimax", "simultaneous", r1=0.3)
    assert turning[15][1]["rotation"] > 0.3
    # Critical damping: both eigenvalues are real.
    _, straight = play("minimax", "simultaneous", r1=1.0)
    assert straight[15][1]["rotation"] < 0.1


def test_simultaneous_steps_grow_by_the_known_factor():
    distances, _ = play("minimax", "simultaneous", start=1e-4, steps=100)
    # |1 + h lambda| with lambda = +- i / 2; the next term of the field is of order 1e-8.
    assert distances[-1] / distances[-2] == pytest.approx(math.sqrt(1 + H**2 / 4), abs=1e-6)


def test_damped_steps_shrink_by_the_known_factor():
    distances, _ = play("minimax", "simultaneous", r1=0.3)
    rate = (distances[-1] / distances[-201]) ** (1 / 200)
    eigenvalue = complex(-0.15, math.sqrt(0.25 - 0.3**2 / 4))
    # Turns are ellipses of axes sqrt(1.3 / 0.7) = 1.36 to 1; over 200 steps log(1.36) / 200.
    assert rate == pytest.approx(abs(1 + H * eigenvalue), abs=1.6e-3)
