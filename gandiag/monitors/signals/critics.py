"""Slopes of the discriminator: of its scores, and of its layers. None of them touches `.grad`."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

Critic = Callable[[Tensor], Tensor]


def slopes(critic: Critic, points: Tensor) -> Tensor:
    """|| grad_x critic(x) || at each point: (n, ...) -> (n,)."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        (gradients,) = torch.autograd.grad(critic(points).sum(), points)
    norms: Tensor = torch.linalg.vector_norm(gradients.flatten(1), dim=1)
    return norms


def between(real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """Uniform points on the segments between pairs (Gulrajani et al. 2017, equation 3)."""
    n = min(len(real), len(fake))
    mix = torch.rand(n, *(1 for _ in real.shape[1:]), generator=rng).to(real)
    return mix * real[:n] + (1 - mix) * fake[:n]


def applied_weights(network: nn.Module) -> Iterator[Tensor]:
    """Each linear, convolution or embedding layer's weight as it is applied, (outputs, the rest).

    In evaluation mode torch's spectral normalisation divides by its last estimate.
    """
    kinds = (nn.Linear, nn.modules.conv._ConvNd, nn.Embedding)
    for module in network.modules():
        if isinstance(module, kinds) and isinstance(module.weight, Tensor):
            yield module.weight.detach().flatten(1)


def largest_singular_value(matrix: Tensor, rng: torch.Generator, iterations: int = 10) -> Tensor:
    """By power iteration from a random vector; a lower bound that is close after 10."""
    v = torch.randn(matrix.shape[1], generator=rng).to(matrix)
    for _ in range(iterations):
        v = matrix.T @ (matrix @ v)
        v = v / v.norm().clamp(min=1e-30)
    largest: Tensor = torch.linalg.vector_norm(matrix @ v)
    return largest
