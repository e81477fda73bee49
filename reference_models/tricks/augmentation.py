"""Augmentations of all that the discriminator sees, through which gradients pass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from gandiag.errors import GandiagError
from reference_models.data.base import Batch
from reference_models.randomness import Draws
from reference_models.tricks.base import Shape, Trick

if TYPE_CHECKING:
    from reference_models.recipe import Recipe
    from reference_models.trainer import Trainer


def colour(x: Tensor, rng: torch.Generator) -> Tensor:
    """Brightness, saturation, contrast of each image: (n, c, h, w) -> the same shape.

    Brightness moves by U(-.5, .5); distances of the channels from their mean are multiplied by
    U(0, 2), and of all values from theirs by U(.5, 1.5).
    """
    brightness, saturation, contrast = torch.rand(3, len(x), 1, 1, 1, generator=rng).to(x)
    x = x + brightness - 0.5
    grey = x.mean(dim=1, keepdim=True)
    x = grey + 2 * saturation * (x - grey)
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    coloured: Tensor = mean + (contrast + 0.5) * (x - mean)
    return coloured


def translation(x: Tensor, rng: torch.Generator) -> Tensor:
    """Each image moved by up to an eighth of its sides, 0 where it was: (n, c, h, w) -> the same.

    0 is mid-grey for images in [-1, 1].
    """
    n, _, height, width = x.shape
    reach = [int(side / 8 + 0.5) for side in (height, width)]
    down, right = (torch.randint(0, 2 * r + 1, (n,), generator=rng).to(x.device) for r in reach)
    padded = pad(x, (reach[1], reach[1], reach[0], reach[0]))
    rows = down[:, None] + torch.arange(height, device=x.device)
    columns = right[:, None] + torch.arange(width, device=x.device)
    which = torch.arange(n, device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


def cutout(x: Tensor, rng: torch.Generator) -> Tensor:
    """A rectangle of half the sides set to 0, its centre anywhere: (n, c, h, w) -> the same."""
    n, _, height, width = x.shape
    masks = []
    for side in (height, width):
        length = int(side / 2 + 0.5)
        first = torch.randint(0, side + 1 - length % 2, (n, 1), generator=rng) - length // 2
        at = torch.arange(side)
        masks.append((at >= first) & (at < first + length))
    hidden = masks[0][:, None, :, None] & masks[1][:, None, None, :]
    return x.masked_fill(hidden.to(x.device), 0.0)


AUGMENTATIONS: Mapping[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "color": colour,
    "translation": translation,
    "cutout": cutout,
}


@dataclass(frozen=True)
class Augmentation(Trick):
    """Images are augmented before the discriminator, in both updates (Zhao et al. 2020)."""

    diff_augment: str = "none"
    """``color``, ``translation``, ``cutout`` in this order with commas between, or ``none``, as in
    the code of Zhao et al. 2020 (DiffAugment)."""

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "diff_augment": (
            "none",
            "color",
            "translation",
            "cutout",
            "color,translation",
            "color,cutout",
            "translation,cutout",
            "color,translation,cutout",
        )
    }

    def check(self, recipe: "Recipe", shape: Shape | None = None, processes: int = 1) -> None:
        """Refuse what is no image."""
        if shape is not None and len(shape) != 3:
            raise GandiagError(
                f"the recipe {recipe.name} augments images, and the data {recipe.data} has samples "
                f"of shape {shape}; set diff_augment to none"
            )

    def seen(self, batch: Batch, real: bool, trainer: "Trainer", draws: Draws) -> Batch:
        """Each image by itself."""
        x, rng = batch.x, draws.own(f"augmentation {real}")
        for name in self.diff_augment.split(","):
            x = AUGMENTATIONS[name](x, rng)
        return batch._replace(x=x)
