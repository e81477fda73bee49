"""A discriminator of patches beside the one of whole images."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gandiag.errors import GandiagError
from reference_models.networks.conditioning import wrapping
from reference_models.tricks.base import Make, Shape, Trick

if TYPE_CHECKING:
    from reference_models.recipe import Recipe


class PatchDiscriminator(nn.Module):
    """image -> layers x (3x3, leaky ReLU .2) -> 1x1 -> the mean logit of all patches.

    A patch has 2 layers + 1 pixels a side; Isola et al. 2017 have 4x4 layers with strides and
    patches of 70. It has no norms but spectral normalisation, if the recipe's discriminator does.
    """

    def __init__(self, channels: int, width: int, layers: int, norm: str):
        super().__init__()
        wrap = wrapping(norm)

        def blocks() -> Iterator[nn.Module]:
            for a, b in pairwise([channels, *(width for _ in range(layers))]):
                yield wrap(nn.Conv2d(a, b, 3))
                yield nn.LeakyReLU(0.2)
            yield wrap(nn.Conv2d(width, 1, 1))

        self.blocks = nn.Sequential(*blocks())

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, 1)."""
        logits: Tensor = self.blocks(x).mean(dim=(2, 3))
        return logits


class WithPatches(nn.Module):
    """Half the sum of a discriminator's first logit and of the mean logit of patches."""

    def __init__(self, whole: nn.Module, patches: PatchDiscriminator):
        super().__init__()
        self.whole = whole
        self.patches = patches

    @property
    def head(self) -> nn.Module:
        """The last layer of the one that sees the whole."""
        return self.whole.get_submodule("head")

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, c, h, w), (n,) -> (n, 1 + k)."""
        out: Tensor = self.whole(x, y)
        return torch.cat([(out[:, :1] + self.patches(x)) / 2, out[:, 1:]], dim=1)


@dataclass(frozen=True)
class Patches(Trick):
    """The discriminator also judges patches (Isola et al. 2017, PatchGAN), beside the whole."""

    patch_layers: int = 0
    """3x3 layers of a discriminator of patches of 2 n + 1 pixels."""

    def check(self, recipe: "Recipe", shape: Shape | None = None, processes: int = 1) -> None:
        """Refuse what is no image, and patches that are larger than it."""
        if shape is None:
            return
        side = 2 * self.patch_layers + 1
        if len(shape) != 3 or side > min(shape[1:]):
            raise GandiagError(
                f"the recipe {recipe.name} judges patches of {side} pixels, and the data "
                f"{recipe.data} has samples of shape {shape}; set patch_layers to 0 or lower"
            )

    def build_d(self, make: Make, recipe: "Recipe") -> Make:
        """Put it beside the whole one."""
        networks = recipe.networks

        def both(shape: Shape) -> nn.Module:
            patches = PatchDiscriminator(
                shape[0], networks.width_d, self.patch_layers, networks.norm_d
            )
            return WithPatches(make(shape), patches)

        return both
