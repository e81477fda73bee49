"""Weights that are drawn to their own past mean."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from reference_models.randomness import Draws
from reference_models.tricks.base import Judged, State, Trick

if TYPE_CHECKING:
    from reference_models.trainer import Trainer


@dataclass(frozen=True)
class Historical(Trick):
    """A term ||theta - mean of theta so far||^2 in either loss (Salimans et al. 2016, section 3.3).

    The mean is over the weights after each update of the network, and its first ones.
    """

    historical_g: float = 0.0
    """Weight of the generator's historical averaging (Salimans et al. 2016, who print none)."""
    historical_d: float = 0.0
    """And of the discriminator's."""

    def state(self, trainer: "Trainer") -> State:
        """Each weight's mean, and how many it is of; of networks that have a weight for it."""
        kept: State = {}
        for role, network, weight in self._networks(trainer):
            if weight:
                for name, value in network.named_parameters():
                    kept[f"{role}.{name}"] = value.detach().clone()
                kept[f"{role} count"] = torch.ones((), dtype=torch.int64)
        return kept

    def d_term(
        self, real: Judged, fake: Judged, trainer: "Trainer", draws: Draws
    ) -> Tensor | float:
        """Of the discriminator."""
        return self._term("d", trainer.discriminator, self.historical_d, trainer)

    def g_term(self, fake: Judged, trainer: "Trainer", draws: Draws) -> Tensor | float:
        """Of the generator."""
        return self._term("g", trainer.generator, self.historical_g, trainer)

    @torch.no_grad()
    def updated(self, network: nn.Module, trainer: "Trainer") -> None:
        """Take the new weights into the mean."""
        kept = trainer.states[self.name]
        for role, each, weight in self._networks(trainer):
            if each is network and weight:
                kept[f"{role} count"] += 1
                share = 1 / int(kept[f"{role} count"])
                for name, value in network.named_parameters():
                    kept[f"{role}.{name}"].lerp_(value, share)

    def _term(
        self, role: str, network: nn.Module, weight: float, trainer: "Trainer"
    ) -> Tensor | float:
        if not weight:
            return 0.0
        means = trainer.states[self.name]
        moved = (
            (value - means[f"{role}.{name}"]).square().sum()
            for name, value in network.named_parameters()
        )
        return weight * sum(moved, start=torch.zeros((), device=trainer.device))

    def _networks(self, trainer: "Trainer") -> Iterator[tuple[str, nn.Module, float]]:
        yield "g", trainer.generator, self.historical_g
        yield "d", trainer.discriminator, self.historical_d
