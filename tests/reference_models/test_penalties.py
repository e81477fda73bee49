"""Penalties of critics whose gradients are known."""

import math

import pytest
import torch
from torch import nn

from reference_models.penalties import (
    clip_weights,
    dragan,
    gradient_penalty,
    one_sided_gradient_penalty,
    r1,
    r2,
    slopes,
)
from reference_models.tricks.orthogonal import orthogonal

REAL = torch.randn(64, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
FAKE = torch.randn(64, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 2
W = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)


def rng():
    return torch.Generator().manual_seed(0)


def linear(scale):
    return lambda x: scale * (x @ W)


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_linear_critic(scale):
    """Its slope is |w| everywhere, so that every penalty has one value."""
    norm = scale * math.sqrt(1 + 4 + 0.25)
    critic = linear(scale)
    excess = (norm - 1) ** 2
    assert gradient_penalty(critic, REAL, FAKE, rng()).item() == pytest.approx(excess)
    assert dragan(critic, REAL, FAKE, rng()).item() == pytest.approx(excess)
    one_sided = max(0.0, norm - 1) ** 2
    assert one_sided_gradient_penalty(critic, REAL, FAKE, rng()).item() == pytest.approx(one_sided)
    assert r1(critic, REAL, FAKE, rng()).item() == pytest.approx(norm**2 / 2)
    assert r2(critic, REAL, FAKE, rng()).item() == pytest.approx(norm**2 / 2)


def test_quadratic_critic_shows_where_each_penalty_looks():
    """D(x) = |x|^2 / 2 has the gradient x."""

    def critic(x):
        return x.square().sum(1) / 2

    assert r1(critic, REAL, FAKE, rng()).item() == pytest.approx(
        float(REAL.square().sum(1).mean() / 2)
    )
    assert r2(critic, REAL, FAKE, rng()).item() == pytest.approx(
        float(FAKE.square().sum(1).mean() / 2)
    )


def test_gradient_penalty_looks_between_pairs():
    """D(x) = |x|^2 / 2 between 0 and b: slope e |b|, e ~ U(0, 1), so E (e|b| - 1)^2 is known."""
    n, length = 200_000, 3.0
    real = torch.zeros(n, 1, dtype=torch.float64)
    fake = torch.full((n, 1), length, dtype=torch.float64)
    value = gradient_penalty(lambda x: x.square().sum(1) / 2, real, fake, rng()).item()
    # E (e b - 1)^2 = b^2 / 3 - b + 1 = 1; the variance of (3e - 1)^2 is 1.2, so five sd are .012.
    assert value == pytest.approx(length**2 / 3 - length + 1, abs=0.013)


def test_each_sample_has_one_mixing_number():
    real, fake = torch.zeros(100, 2, 3, 3), torch.ones(100, 2, 3, 3)
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.flatten(1).sum(1)

    gradient_penalty(critic, real, fake, rng())
    (x,) = seen
    assert torch.equal(x, x[:, :1, :1, :1].expand_as(x))
    assert len(x[:, 0, 0, 0].unique()) == 100


def test_dragan_shifts_upwards_by_less_than_half_a_deviation():
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.sum(1)

    dragan(critic, REAL, FAKE, rng())
    shift = seen[0] - REAL
    assert (shift >= 0).all()
    assert (shift < REAL.std() / 2).all()
    assert shift.max() > REAL.std() / 4


def test_penalty_teaches_the_critic():
    """The gradient with respect to the weights of a linear critic, by hand: 2 (|w| - 1) w / |w|."""
    w = W.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(gradient_penalty(lambda x: x @ w, REAL, FAKE, rng()), w)
    torch.testing.assert_close(gradient, 2 * (W.norm() - 1) * W / W.norm())
    (gradient,) = torch.autograd.grad(r1(lambda x: x @ w, REAL, FAKE, rng()), w)
    torch.testing.assert_close(gradient, W)


def test_flat_critic_gives_no_nan():
    """sqrt has an infinite slope at 0; a critic of dead units is flat."""
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    value = gradient_penalty(lambda x: x @ w, REAL, FAKE, rng())
    (gradient,) = torch.autograd.grad(value, w)
    assert value.item() == 1
    assert gradient.isfinite().all()


def test_slopes_of_images_are_over_all_pixels():
    images = torch.rand(4, 2, 5, 5, generator=rng())
    assert torch.allclose(slopes(lambda x: x.flatten(1).sum(1), images), torch.tensor(50.0).sqrt())


def test_clip_weights():
    parameters = [torch.tensor([-3.0, 0.005, 2.0])]
    clip_weights(parameters, 0.0)
    assert parameters[0].tolist() == pytest.approx([-3, 0.005, 2])
    clip_weights(parameters, 0.01)
    assert parameters[0].tolist() == pytest.approx([-0.01, 0.005, 0.01])


def test_orthogonal_regulariser():
    layer = nn.Linear(3, 2, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[2.0, 0, 0], [0, 3.0, 0]]))
    assert orthogonal(layer).item() == 0  # lengths are free
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 1, 0], [1, 0, 0]]))
    assert orthogonal(layer).item() == 2  # the product 1, in both corners of the Gram matrix
