"""Losses against the published equations, in closed form and by hand-derived gradients."""

import math

import pytest
import torch
from torch import Tensor

from reference_models.losses import LOSSES, auxiliary_loss

LOGITS = torch.linspace(-6, 6, 25, dtype=torch.float64)


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


# What the papers write, with D(x) = sigmoid(logit) where they speak of probabilities:
# (cost of a real logit, cost of a fake logit, generator's cost of a fake logit).
PUBLISHED = {
    "minimax": lambda x: (-sigmoid(x).log(), -(1 - sigmoid(x)).log(), (1 - sigmoid(x)).log()),
    "non-saturating": lambda x: (-sigmoid(x).log(), -(1 - sigmoid(x)).log(), -sigmoid(x).log()),
    "wasserstein": lambda x: (-x, x, -x),
    "hinge": lambda x: (-torch.minimum(0 * x, x - 1), -torch.minimum(0 * x, -x - 1), -x),
    "least-squares": lambda x: ((x - 1) ** 2 / 2, x**2 / 2, (x - 1) ** 2 / 2),
}
# d cost / d logit, by hand.
SLOPES = {
    "minimax": lambda x: (sigmoid(x) - 1, sigmoid(x), -sigmoid(x)),
    "non-saturating": lambda x: (sigmoid(x) - 1, sigmoid(x), sigmoid(x) - 1),
    "wasserstein": lambda x: (-1 + 0 * x, 1 + 0 * x, -1 + 0 * x),
    "hinge": lambda x: (-(x < 1).double(), (x > -1).double(), -1 + 0 * x),
    "least-squares": lambda x: (x - 1, x, x - 1),
}


SEPARATE = [name for name, loss in LOSSES.items() if not loss.needs_real]


def costs(name):
    loss = LOSSES[name]
    return loss.real, loss.fake, loss.generator


def test_tables_cover_every_loss():
    assert set(SEPARATE) == set(PUBLISHED) == set(SLOPES)
    assert set(LOSSES) == {*SEPARATE, "relativistic"}


@pytest.mark.parametrize("name", SEPARATE)
def test_values_are_the_papers(name):
    for ours, theirs in zip(costs(name), PUBLISHED[name](LOGITS), strict=True):
        # Float64 rounding of log(1 - sigmoid(6)), which loses three digits where softplus does not.
        torch.testing.assert_close(ours(LOGITS), theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SEPARATE)
def test_gradients_are_the_papers(name):
    # The hinge has a kink at +-1, which these logits avoid.
    x = (LOGITS + 0.01).requires_grad_()
    for ours, theirs in zip(costs(name), SLOPES[name](x.detach()), strict=True):
        (gradient,) = torch.autograd.grad(ours(x).sum(), x)
        torch.testing.assert_close(gradient, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SEPARATE)
def test_means_over_both_batches(name):
    loss = LOSSES[name]
    real, fake = LOGITS[:7], LOGITS[7:]
    expected = sum(map(float, loss.real(real))) / 7 + sum(map(float, loss.fake(fake))) / 18
    assert float(loss.d_loss(real, fake)) == pytest.approx(expected, rel=1e-12)
    expected = sum(map(float, loss.generator(fake))) / 18
    assert float(loss.g_loss(fake)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["minimax", "non-saturating"])
def test_undecided_discriminator_costs_twice_log_two(name):
    zeros = torch.zeros(5, dtype=torch.float64)
    assert float(LOSSES[name].d_loss(zeros, zeros)) == pytest.approx(2 * math.log(2), rel=1e-15)


def test_optimum_of_the_minimax_game_is_minus_log_four():
    # V at p_g = p_data is -log 4 (Goodfellow et al. 2014, theorem 1); d_loss is -V.
    zeros = torch.zeros(3, dtype=torch.float64)
    assert -float(LOSSES["minimax"].d_loss(zeros, zeros)) == pytest.approx(-math.log(4), rel=1e-15)


@pytest.mark.parametrize("name", ["minimax", "non-saturating", "hinge", "wasserstein"])
def test_finite_where_a_sigmoid_saturates(name):
    x = torch.tensor([-1e4, 1e4], requires_grad=True)
    for cost in costs(name):
        value = cost(x)
        (gradient,) = torch.autograd.grad(value.sum(), x)
        assert value.isfinite().all()
        assert gradient.isfinite().all()


def test_soft_targets_are_cross_entropy():
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(50, dtype=torch.float64, generator=rng)
    target = torch.rand(50, dtype=torch.float64, generator=rng)
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
    for name in ("minimax", "non-saturating"):
        ours = LOSSES[name].d_loss(logits, logits, target, target) / 2
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)


def test_soft_targets_of_least_squares_move_its_minimum():
    x = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    loss = LOSSES["least-squares"].d_loss(x, x.detach(), 0.9)
    (gradient,) = torch.autograd.grad(loss, x)
    assert float(gradient) == pytest.approx(0.3 - 0.9, rel=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_flipped_labels_swap_the_roles(name):
    real, fake = LOGITS[:9], LOGITS[9:18]
    loss = LOSSES[name]
    torch.testing.assert_close(loss.d_loss(real, fake, 0.0, 1.0), loss.d_loss(fake, real))


def test_auxiliary_loss_of_uniform_logits_is_log_classes():
    loss = auxiliary_loss(torch.zeros(6, 10), torch.arange(6))
    assert float(loss) == pytest.approx(math.log(10), rel=1e-6)


def test_the_relativistic_loss_is_of_pairs():
    """-log sigmoid of the difference of each pair (Jolicoeur-Martineau 2019; Huang et al. 2024)."""
    real, fake = LOGITS[:12], LOGITS[13:].flip(0)
    loss, ahead = LOSSES["relativistic"], real - fake
    assert float(loss.d_loss(real, fake)) == pytest.approx(float(-sigmoid(ahead).log().mean()))
    assert float(loss.g_loss(fake, real)) == pytest.approx(float(-sigmoid(-ahead).log().mean()))
    # What both logits gain together changes nothing, as it does for the other losses.
    torch.testing.assert_close(loss.d_loss(real + 5, fake + 5), loss.d_loss(real, fake))
    assert float(loss.d_loss(real, real)) == pytest.approx(math.log(2))


def test_the_relativistic_loss_by_finite_differences():
    real, fake = (LOGITS[i : i + 5].clone().requires_grad_() for i in (2, 9))
    loss = LOSSES["relativistic"]
    torch.autograd.gradcheck(lambda a, b: loss.d_loss(a, b, 0.9, 0.2), (real, fake))
    torch.autograd.gradcheck(lambda a, b: loss.g_loss(b, a), (real, fake))


def test_pairs_that_nobody_can_tell_apart_teach_nothing():
    """Equal targets: a pair's label is one half, and its cost least where both logits are equal."""
    x = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(LOSSES["relativistic"].d_loss(x, 0 * LOGITS[:4], 0.5, 0.5), x)
    assert slope.abs().max() == 0


def test_pairs_need_real_logits():
    with pytest.raises(ValueError, match="real_logits"):
        LOSSES["relativistic"].g_loss(LOGITS)
