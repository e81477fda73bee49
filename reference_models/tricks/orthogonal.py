"""Weights whose rows are orthogonal."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from reference_models.randomness import Draws
from reference_models.tricks.base import Judged, Trick

if TYPE_CHECKING:
    from reference_models.trainer import Trainer


def orthogonal(network: nn.Module) -> Tensor:
    """Sum over weight matrices of ||W W^T o (1 - I)||_F^2 (Brock et al. 2019, equation 3).

    Rows are a layer's outputs. The diagonal is free: only the angles between rows are penalised,
    not their lengths. Vectors (biases, gains) are left alone. Embeddings are matrices and count.
    """
    total = next(network.parameters()).new_zeros(())
    for parameter in network.parameters():
        if parameter.ndim > 1:
            rows = parameter.flatten(1)
            gram = rows @ rows.T
            total = total + (gram - gram.diagonal().diag()).square().sum()
    return total


@dataclass(frozen=True)
class Orthogonal(Trick):
    """A term of either loss, see `orthogonal`."""

    orthogonal_g: float = 0.0
    """Weight of the generator's orthogonal regulariser (Brock et al. 2019: 1e-4)."""
    orthogonal_d: float = 0.0
    """And of the discriminator's."""

    def d_term(
        self, real: Judged, fake: Judged, trainer: "Trainer", draws: Draws
    ) -> Tensor | float:
        """Of the discriminator."""
        weight = self.orthogonal_d
        return weight * orthogonal(trainer.discriminator) if weight else 0.0

    def g_term(self, fake: Judged, trainer: "Trainer", draws: Draws) -> Tensor | float:
        """Of the generator."""
        weight = self.orthogonal_g
        return weight * orthogonal(trainer.generator) if weight else 0.0
