"""The Dirac-GAN (Mescheder et al. 2018): our losses and penalties do what its eigenvalues say.

The generator is a point theta, the discriminator D(x) = psi x, the data is at 0. The paper's logit
is high on generated samples and ours on real ones, so that its psi is our -psi.
"""

import math

import pytest
import torch

from reference_models.losses import LOSSES, Loss
from reference_models.penalties import r1

H = 0.2


def play(loss: Loss, gamma: float, steps: int, *, start: float, h: float = H, alternating=False):
    """Gradient play of both, by autograd on the package's losses; distances from 0 after each."""
    theta = torch.tensor([[start]], dtype=torch.float64, requires_grad=True)
    psi = torch.tensor([[-start]], dtype=torch.float64, requires_grad=True)
    data = torch.zeros(1, 1, dtype=torch.float64)
    rng = torch.Generator()
    distances = []
    for _ in range(steps):

        def critic(x, psi=psi):
            return (x @ psi)[:, 0]

        d_loss = loss.d_loss(critic(data), critic(theta)) + gamma * r1(critic, data, theta, rng)
        (d_psi,) = torch.autograd.grad(d_loss, psi)
        (d_theta,) = torch.autograd.grad(loss.g_loss(critic(theta)), theta)
        if alternating:
            psi = (psi - h * d_psi).detach().requires_grad_()
            (d_theta,) = torch.autograd.grad(loss.g_loss((theta @ psi)[:, 0]), theta)
            theta = (theta - h * d_theta).detach().requires_grad_()
        else:
            psi = (psi - h * d_psi).detach().requires_grad_()
            theta = (theta - h * d_theta).detach().requires_grad_()
        distances.append(math.hypot(theta.item(), psi.item()))
    return distances


def test_minimax_spirals_outwards():
    """Eigenvalues +-i/2: simultaneous descent grows by sqrt(1 + h^2 / 4) a step."""
    distances = play(LOSSES["minimax"], 0.0, 100, start=1e-4)
    growth = (distances[-1] / distances[-51]) ** (1 / 50)
    # The eigenvalues hold at 0; at 1e-4 the next order is 1e-8.
    assert growth == pytest.approx(math.sqrt(1 + H**2 / 4), abs=1e-7)


@pytest.mark.parametrize("name", ["minimax", "non-saturating"])
def test_r1_converges_at_the_rate_of_its_eigenvalues(name):
    """lambda = -g/2 +- sqrt(g^2/4 - 1/4); a step multiplies by |1 + h lambda|."""
    gamma = 0.3
    distances = play(LOSSES[name], gamma, 400, start=1e-4)
    rate = (distances[-1] / distances[-201]) ** (1 / 200)
    eigenvalue = complex(-gamma / 2, math.sqrt(1 / 4 - gamma**2 / 4))
    # The distance of a spiral wobbles within a turn; over 200 steps that is 1e-3 of the rate.
    assert rate == pytest.approx(abs(1 + H * eigenvalue), abs=1e-3)


@pytest.mark.parametrize("h", [0.1, 0.4])
def test_non_saturating_ends_on_a_circle(h):
    """Simultaneous descent with step h has a stable cycle of radius sqrt(2 h), to first order."""
    # It settles over some 1 / h^2 steps, so a small h takes more of them.
    steps = 500 + int(40 / h**2)
    distances = play(LOSSES["non-saturating"], 0.0, steps, start=1.3 * math.sqrt(h), h=h)
    # The cycle is a little off round, by 2 % at .4, so the mean; its next order is h^2 / 40.
    assert sum(distances[-500:]) / 500 == pytest.approx(math.sqrt(2 * h), rel=0.006)


@pytest.mark.parametrize(
    ("name", "gamma", "expected"),
    [("minimax", 0.0, 3.10), ("non-saturating", 0.0, 0.640), ("minimax", 1.0, 1e-21)],
)
def test_published_setting(name, gamma, expected):
    """h = .2, 500 steps from (1, 1), as in the paper's notebook: distance at the end."""
    distance = play(LOSSES[name], gamma, 500, start=1.0)[-1]
    # Three digits of what the notebook's fields give; the last only by its size.
    assert distance == pytest.approx(expected, rel=2e-3 if expected > 1e-3 else 1)


def test_alternating_minimax_stays_on_its_circle():
    distances = play(LOSSES["minimax"], 0.0, 500, start=1.0, alternating=True)
    assert 1.2 < min(distances[-100:]) <= max(distances[-100:]) < 1.6
