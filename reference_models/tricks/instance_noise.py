"""Noise on all that the discriminator sees."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from reference_models.data.base import Batch
from reference_models.randomness import Draws
from reference_models.tricks.base import Trick

if TYPE_CHECKING:
    from reference_models.trainer import Trainer


def scale_of_noise(initial: float, step: int, total: int) -> float:
    """Standard deviation of instance noise, on a line to 0 (Sonderby et al. 2017)."""
    return initial * max(0.0, 1 - step / total) if total else initial


@dataclass(frozen=True)
class InstanceNoise(Trick):
    """x + N(0, sd^2 I) (Sonderby et al. 2017; Arjovsky and Bottou 2017)."""

    instance_noise: float = 0.0
    """Standard deviation of noise on all that the discriminator sees."""
    instance_noise_steps: int = 0
    """After so many steps that noise has decayed to 0; 0: it stays."""

    def seen(self, batch: Batch, real: bool, trainer: "Trainer", draws: Draws) -> Batch:
        """Add noise, until it has decayed."""
        sd = scale_of_noise(self.instance_noise, trainer.finished, self.instance_noise_steps)
        if not sd:
            return batch
        rng = draws.own("real noise" if real else "fake noise")
        noise = torch.randn(batch.x.shape, generator=rng).to(batch.x)
        return batch._replace(x=batch.x + sd * noise)
