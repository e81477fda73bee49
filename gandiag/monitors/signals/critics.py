"""Slopes of the discriminator: of its scores, and of its layers. None of them touches `.grad`."""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

Critic = Callable[[Tensor], Tensor]


def slopes(critic: Critic, points: Tensor) -> Tensor:
    """|| grad_x critic(x) || at each point: (n, ...) -> (n,)."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        (gradients,) = torch.autograd.grad(critic(points).sum(), points)
    norms: Tensor = torch.linalg.vector_norm(gradients.flatten(1).float(), dim=1)
    return norms


def between(real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """Uniform points on the segments between pairs (Gulrajani et al. 2017, equation 3)."""
    n = min(len(real), len(fake))
    mix = torch.rand(n, *(1 for _ in real.shape[1:]), generator=rng).to(real)
    return mix * real[:n] + (1 - mix) * fake[:n]


OWN = {"torch.nn.modules.linear", "torch.nn.modules.conv", "torch.nn.modules.sparse"}
ROWS = 256
"""Of an embedding that are compared."""
KINDS = (nn.Linear, nn.modules.conv._ConvNd, nn.Embedding)
SAME = 1e-3
"""Relative difference up to which a layer's own map is a multiple of its weight's."""


def applied_weights(network: nn.Module) -> list[Tensor] | None:
    """Each linear, convolution or embedding layer's weight as it is applied, (outputs, the rest).

    In evaluation mode torch's spectral normalisation divides by its last estimate. Layers with a
    forward of their own, as hand-written normalisation has, are asked what they do; None if one of
    them does something else than multiply its weight by a number.
    """
    found = []
    for module in network.modules():
        if not isinstance(module, KINDS) or not isinstance(module.weight, Tensor):
            continue
        factor = _factor(module)
        if factor is None:
            return None
        found.append(factor * module.weight.detach().flatten(1))
    return found


def _factor(module: nn.Module) -> Tensor | float | None:
    """The number c with layer(x) - layer(0) = c (weight x); None if there is none."""
    plain: Any = next(kind for kind in type(module).__mro__ if kind.__module__ in OWN)
    if "forward" not in vars(module) and type(module).forward is plain.forward:
        return 1.0
    weight = cast(Tensor, module.weight)
    if isinstance(module, nn.Embedding):
        rows = torch.arange(min(len(weight), ROWS), device=weight.device)
        given, raw = module.forward(rows), weight[rows]
    else:
        shape = [weight.shape[1]]
        if isinstance(module, nn.modules.conv._ConvNd):
            reach = [
                d * (k - 1) + 1 for d, k in zip(module.dilation, module.kernel_size, strict=True)
            ]
            shape = [module.in_channels, *(max(4, 2 * each) for each in reach)]
        rng = torch.Generator().manual_seed(0)
        x = torch.randn(2, *shape, generator=rng).to(weight)
        try:
            given = module.forward(x) - module.forward(torch.zeros_like(x))
            raw = plain.forward(module, x) - plain.forward(module, torch.zeros_like(x))
        except (TypeError, RuntimeError):  # it wants other arguments
            return None
    if given.shape != raw.shape:
        return None
    given, raw = given.detach(), raw.detach()
    factor = (given * raw).sum() / raw.square().sum().clamp(min=1e-30)
    alike = (given - factor * raw).norm() <= SAME * given.norm()
    return factor.abs() if bool(alike) else None


def largest_singular_value(matrix: Tensor, rng: torch.Generator, iterations: int = 10) -> Tensor:
    """By power iteration from a random vector; a lower bound that is close after 10."""
    v = torch.randn(matrix.shape[1], generator=rng).to(matrix)
    for _ in range(iterations):
        v = matrix.T @ (matrix @ v)
        v = v / v.norm().clamp(min=1e-30)
    largest: Tensor = torch.linalg.vector_norm(matrix @ v)
    return largest
