"""Flipped images."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from gandiag.errors import GandiagError
from reference_models.data.base import Batch
from reference_models.randomness import Draws
from reference_models.tricks.base import Shape, Trick

if TYPE_CHECKING:
    from reference_models.recipe import Recipe
    from reference_models.trainer import Trainer


@dataclass(frozen=True)
class Mirror(Trick):
    """A generator of flipped images is as good as one of others."""

    mirror: bool = False
    """Real images are flipped left to right half of the time."""

    def check(self, recipe: "Recipe", shape: Shape | None = None, processes: int = 1) -> None:
        """Refuse what is no image."""
        if shape is not None and len(shape) != 3:
            raise GandiagError(
                f"the recipe {recipe.name} mirrors images, and the data {recipe.data} has samples "
                f"of shape {shape}; set mirror to false"
            )

    def seen(self, batch: Batch, real: bool, trainer: "Trainer", draws: Draws) -> Batch:
        """Flip half of the real ones."""
        if not real:
            return batch
        turned = torch.rand(len(batch.x), generator=draws.own("mirror")) < 0.5
        turned = turned.to(batch.x.device)[:, None, None, None]
        return batch._replace(x=torch.where(turned, batch.x.flip(3), batch.x))
