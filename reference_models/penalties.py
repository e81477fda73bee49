"""Terms that a discriminator's loss may carry, and bounds on its weights, as pure functions.

A penalty takes the critic (samples -> logits), real and generated samples of one shape (n, ...),
and a generator of random numbers; it gives a scalar without its weight. Gradients with respect to
the critic's parameters flow through.
"""

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]
Penalty = Callable[[Critic, Tensor, Tensor, torch.Generator], Tensor]


def slopes(critic: Critic, points: Tensor) -> Tensor:
    """|| grad_x critic(x) ||_2 at each point: (n, ...) -> (n,)."""
    # vector_norm has the subgradient 0 at 0, where sqrt(sum(g^2)) would give the critic NaN.
    norms: Tensor = torch.linalg.vector_norm(_gradients(critic, points), dim=1)
    return norms


def _gradients(critic: Critic, points: Tensor) -> Tensor:
    points = points.detach().requires_grad_()
    (gradients,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradients.flatten(1)


def _uniform(like: Tensor, rng: torch.Generator) -> Tensor:
    """One number in [0, 1) for each sample, shaped to multiply it."""
    n, *rest = like.shape
    return torch.rand(n, *(1 for _ in rest), generator=rng).to(like)


def gradient_penalty(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    rng: torch.Generator,
    *,
    centre: float = 1.0,
    one_sided: bool = False,
) -> Tensor:
    """E (||grad f(x^)|| - 1)^2 with x^ = e x + (1 - e) G(z), e ~ U[0, 1].

    Gulrajani et al. 2017, equation 3. One-sided: E max(0, ||grad f(x^)|| - 1)^2 (their section 4,
    "One-sided penalty"). The published weight is 10.
    """
    mix = _uniform(real, rng)
    excess = slopes(critic, mix * real + (1 - mix) * fake) - centre
    return (excess.clamp(min=0) if one_sided else excess).square().mean()


def r1(critic: Critic, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """1/2 E ||grad D(x)||^2 on real samples (Mescheder et al. 2018, equation 9, without gamma)."""
    return 0.5 * _gradients(critic, real).square().sum(1).mean()


def r2(critic: Critic, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """1/2 E ||grad D(x)||^2 on generated samples (Mescheder et al. 2018, equation 10)."""
    return 0.5 * _gradients(critic, fake).square().sum(1).mean()


def dragan(critic: Critic, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """E (||grad D(x + d)|| - 1)^2 around the data (Kodali et al. 2017).

    With the perturbation of their published code, not their text's Gaussian one: d = e s u / 2, s
    the standard deviation over all values of the batch, u uniform in [0, 1) for each value and e
    for each sample; it is never negative. The published weight is 10.
    """
    shift = 0.5 * real.std() * torch.rand(real.shape, generator=rng).to(real)
    excess = slopes(critic, real + _uniform(real, rng) * shift) - 1
    return excess.square().mean()


one_sided_gradient_penalty = partial(gradient_penalty, one_sided=True)


@torch.no_grad()
def clip_weights(parameters: Iterable[Tensor], bound: float) -> None:
    """Clip each w to [-c, c] in place, after a critic's step (Arjovsky et al. 2017, algorithm 1).

    A bound of 0 leaves the weights alone.
    """
    if not bound:
        return
    for parameter in parameters:
        parameter.clamp_(-bound, bound)
