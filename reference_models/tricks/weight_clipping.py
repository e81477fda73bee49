"""A bound on the critic's weights."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from reference_models.penalties import clip_weights
from reference_models.tricks.base import Trick

if TYPE_CHECKING:
    from reference_models.trainer import Trainer


@dataclass(frozen=True)
class WeightClipping(Trick):
    """After each update of the discriminator, see `clip_weights`."""

    weight_clip: float = 0.0
    """Bound on the discriminator's weights (Arjovsky et al. 2017: .01)."""

    def updated(self, network: nn.Module, trainer: "Trainer") -> None:
        """Clip the discriminator's weights."""
        if network is trainer.discriminator:
            clip_weights(network.parameters(), self.weight_clip)
