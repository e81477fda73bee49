"""A generator that makes an image at each of its scales, and a discriminator that sees them all."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from gandiag.errors import GandiagError
from reference_models.data.base import Batch
from reference_models.networks.dcgan import DCGANGenerator, halvings
from reference_models.randomness import Draws
from reference_models.tricks.base import Make, Shape, Trick

if TYPE_CHECKING:
    from reference_models.recipe import Recipe
    from reference_models.trainer import Trainer


def pyramid(images: Tensor, halved: int) -> Tensor:
    """(n, c, h, w) -> (n, c (1 + halved), h, w): the images, and means of 2x2, 4x4, ... pixels.

    Each repeated up to the full side.
    """
    levels = [images]
    for i in range(1, 1 + halved):
        small = avg_pool2d(images, 2**i)
        levels.append(interpolate(small, scale_factor=2**i, mode="nearest"))
    return torch.cat(levels, dim=1)


class ManyScales(nn.Module):
    """In training the images with a layer's own below them, stacked as `pyramid` does.

    A 1x1 convolution and a tanh make the images of a smaller side (Karnewar and Wang 2020,
    MSG-GAN). In evaluation it is the generator.
    """

    def __init__(self, network: DCGANGenerator):
        super().__init__()
        self.network = network
        channels = network.last.out_channels
        # From the side next to the full one downwards.
        self.to_image = nn.ModuleList(
            nn.Conv2d(layer.in_channels, channels, 1)  # type: ignore[arg-type]
            for layer in reversed(network.layers)
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """(n, latent), (n,) -> (n, c, h, w), or in training (n, c (1 + halvings), h, w)."""
        if not self.training:
            images: Tensor = self.network(z, y)
            return images
        *smaller, full = self.network.maps(z, y)
        levels = [self.network.last(full).tanh()]
        for i, (maps, layer) in enumerate(zip(reversed(smaller), self.to_image, strict=True), 1):
            small = layer(maps).tanh()
            levels.append(interpolate(small, scale_factor=2**i, mode="nearest"))
        return torch.cat(levels, dim=1)


class OfScales(nn.Module):
    """A discriminator of stacks, which makes one of plain images."""

    def __init__(self, discriminator: nn.Module, channels: int, halved: int):
        super().__init__()
        self.discriminator = discriminator
        self.channels, self.halved = channels, halved

    @property
    def head(self) -> nn.Module:
        """Its last layer."""
        return self.discriminator.get_submodule("head")

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, c, h, w) or (n, c (1 + halved), h, w), (n,) -> (n, 1 + k)."""
        if x.shape[1] == self.channels:
            x = pyramid(x, self.halved)
        logits: Tensor = self.discriminator(x, y)
        return logits


@dataclass(frozen=True)
class Scales(Trick):
    """Gradients reach each layer of the generator at its own scale (Karnewar and Wang 2020).

    The discriminator sees all scales at its input, where theirs sees each at the layer of its side.
    """

    multi_scale: bool = False
    """A ``dcgan`` generator makes images of every side (Karnewar and Wang 2020, MSG-GAN)."""

    def check(self, recipe: "Recipe", shape: Shape | None = None, processes: int = 1) -> None:
        """Refuse other networks, and tricks that know nothing of stacks."""
        if recipe.networks.network != "dcgan":
            raise GandiagError(
                f"the recipe {recipe.name} makes images at many scales with "
                f"{recipe.networks.network}; set network to dcgan, or multi_scale to false"
            )
        plain = ("replay", "packing", "augmentation")
        clash = next((each.name for each in recipe.tricks if each.name in plain), None)
        if clash:
            raise GandiagError(
                f"the recipe {recipe.name} has multi_scale and {clash}, which takes plain images; "
                "keep one of them"
            )

    def build_g(self, make: Make, recipe: "Recipe") -> Make:
        """Give it an output at each side."""

        def many(shape: Shape) -> nn.Module:
            network = make(shape)
            assert isinstance(network, DCGANGenerator)
            return ManyScales(network)

        return many

    def build_d(self, make: Make, recipe: "Recipe") -> Make:
        """Give it as many channels."""

        def stacked(shape: Shape) -> nn.Module:
            halved, _ = halvings(shape[-1])
            return OfScales(make((shape[0] * (1 + halved), *shape[1:])), shape[0], halved)

        return stacked

    def seen(self, batch: Batch, real: bool, trainer: "Trainer", draws: Draws) -> Batch:
        """Real images get their own smaller ones."""
        if not real:
            return batch
        halved, _ = halvings(batch.x.shape[-1])
        return batch._replace(x=pyramid(batch.x, halved))
