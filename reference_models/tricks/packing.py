"""A discriminator that judges several samples at once."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from gandiag.errors import GandiagError
from reference_models.tricks.base import Shape, Trick

if TYPE_CHECKING:
    from reference_models.recipe import Recipe


class Packed(nn.Module):
    """A discriminator that judges m samples at once, stacked as channels (Lin et al. 2018, PacGAN).

    Consecutive samples make a pack, so n of them get n / m rows of logits. With m = 1 it is the
    discriminator itself. A gradient penalty sees the slope of a pack's logit at each sample.
    """

    def __init__(self, discriminator: nn.Module, samples: int):
        super().__init__()
        self.discriminator = discriminator
        self.samples = samples

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, c, ...), (n,) -> (n / m, 1 + k)."""
        packs = x.reshape(x.shape[0] // self.samples, -1, *x.shape[2:])
        logits: Tensor = self.discriminator(packs, y[:: self.samples])
        return logits


@dataclass(frozen=True)
class Packing(Trick):
    """The discriminator is `Packed` (Lin et al. 2018)."""

    pack: int = 1
    """Samples that the discriminator judges together (Lin et al. 2018, PacGAN)."""

    def check(self, recipe: "Recipe", shape: Shape | None = None, processes: int = 1) -> None:
        """Refuse batches that do not divide into packs, and labels, of which a pack has several."""
        if self.pack < 1:
            raise GandiagError(
                f"pack is {self.pack} in the recipe {recipe.name}; it must be at least 1"
            )
        how = recipe.optimisation
        unit = how.accumulate * self.pack * processes
        if how.batch % unit or how.batch_g % unit:
            among = f", among {processes} processes" if processes > 1 else ""
            raise GandiagError(
                f"the batches of {how.batch} and {how.batch_g} in the recipe {recipe.name} do not "
                f"divide into {how.accumulate} x {self.pack} (accumulate x pack){among}; "
                f"use multiples of {unit}"
            )
        if recipe.networks.condition_d != "none":
            raise GandiagError(
                f"the recipe {recipe.name} packs samples of different labels; "
                "set pack to 1 or condition_d to none"
            )
