"""Noise in each layer of the generator."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from reference_models.networks.conditioning import ConditionalBatchNorm, Normalise
from reference_models.tricks.base import Make, Shape, Trick

if TYPE_CHECKING:
    from reference_models.recipe import Recipe


def add_noise(sd: float, module: nn.Module, given: object, found: Tensor) -> Tensor:
    """A forward hook: found + N(0, sd^2 I) in training; nothing in evaluation, as dropout."""
    return found + sd * torch.randn_like(found) if module.training else found


@dataclass(frozen=True)
class LayerNoise(Trick):
    """N(0, sd^2) on every hidden unit of the generator, after its norm.

    ganhacks 13, after Zhao et al. 2017 (EBGAN). The average, which is what gets sampled, has none.
    """

    layer_noise: float = 0.0
    """Standard deviation of noise in each layer of the generator."""

    def build_g(self, make: Make, recipe: "Recipe") -> Make:
        """Hook each norm, of which every hidden layer has one, if only an empty one."""

        def noisy(shape: Shape) -> nn.Module:
            network = make(shape)
            for module in network.modules():
                if isinstance(module, Normalise | ConditionalBatchNorm):
                    module.register_forward_hook(partial(add_noise, self.layer_noise))
            return network

        return noisy
