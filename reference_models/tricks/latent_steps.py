"""Latents that have taken a step towards what the discriminator takes for real."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reference_models.tricks.base import Trick

if TYPE_CHECKING:
    from reference_models.trainer import Trainer


def stepped(z: Tensor, gradient: Tensor, step: float, damping: float) -> Tensor:
    """z + step g / (damping + |g|^2): a step of natural gradient, (n, latent) -> the same.

    With the Fisher matrix g g^T + damping I, whose inverse times g is that by the
    Sherman-Morrison formula (Wu et al. 2019, LOGAN).
    """
    length = gradient.square().sum(dim=1, keepdim=True)
    return z + step * gradient / (damping + length)


@dataclass(frozen=True)
class LatentSteps(Trick):
    """Both networks train on samples of latents that took one step up the discriminator's logit.

    Wu et al. 2019 (LOGAN), without its penalty on long steps, its clipping to a cube and the share
    of latents that it leaves alone. The generator's gradient flows through the step; for the
    discriminator the samples are constants. What is sampled after training takes no step.
    """

    latent_step: float = 0.0
    """Length of the step of natural gradient that latents take (Wu et al. 2019)."""
    latent_damping: float = 1.0
    """What is added to the squared gradient below it."""

    def latent(self, z: Tensor, y: Tensor, trainer: "Trainer") -> Tensor:
        """One step."""
        learning = torch.is_grad_enabled()
        with torch.enable_grad(), torch.autocast(trainer.device.type, enabled=False):
            z = z.float().requires_grad_()
            logits = trainer.discriminator(trainer.generator(z, y), y)[:, 0]
            (gradient,) = torch.autograd.grad(logits.sum(), z, create_graph=learning)
        return stepped(z.detach(), gradient, self.latent_step, self.latent_damping)
