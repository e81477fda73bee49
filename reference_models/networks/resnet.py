"""Residual networks after SNGAN (Miyato et al. 2018, tables 4 and 5), for 32 to 128 pixels."""

from collections.abc import Mapping
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from gandiag.errors import GandiagError
from reference_models.networks.conditioning import (
    Conditioning,
    Wrap,
    concatenate,
    normalisation,
    wrapping,
)

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)

# Channels, in units of `width`: after the dense layer and each up-sampling block of the generator.
GENERATOR: Mapping[int, tuple[int, ...]] = {
    32: (4, 4, 4, 4),
    48: (8, 4, 2, 1),
    64: (16, 8, 4, 2, 1),
    128: (16, 16, 8, 4, 2, 1),
}
# After each block of the discriminator, and how many of the blocks, from the first, halve the side.
DISCRIMINATOR: Mapping[int, tuple[tuple[int, ...], int]] = {
    32: ((2, 2, 2, 2), 2),
    48: ((1, 2, 4, 8, 16), 4),
    64: ((1, 2, 4, 8, 16), 5),
    128: ((1, 2, 4, 8, 16, 16), 5),
}


def _check(resolution: int) -> None:
    if resolution not in GENERATOR:
        raise GandiagError(
            f"the residual networks make 32, 48, 64 or 128 pixels a side, not {resolution}; "
            "set the resolution to one of these or use dcgan"
        )


class ResNetGenerator(nn.Module):
    """latent -> dense -> residual blocks that double the side -> norm, ReLU, conv 3x3, tanh.

    Args:
        latent: width of the latent.
        shape: (c, h, w) of one image, h = w of 32, 48, 64 or 128.
        width: a quarter of the channels at 32 pixels; the channels of the last block otherwise. The
            published networks have 64.
        norm: ``none``, ``batch`` or ``layer``.
        concat: classes whose one-hot label is appended to the latent; 0 for none.
        conditional: classes of conditional batch norm in the blocks, with ``batch``; 0 for none.
            The last norm has no classes, as in the code of Mimicry and StudioGAN.
        upsample: ``nearest`` (SNGAN) or ``bilinear`` (Mimicry).
    """

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        *,
        width: int = 64,
        norm: str = "batch",
        concat: int = 0,
        conditional: int = 0,
        upsample: str = "nearest",
    ):
        super().__init__()
        _check(shape[-1])
        widths = [width * m for m in GENERATOR[shape[-1]]]
        self.base = shape[-1] >> (len(widths) - 1)
        self.concat = concat
        self.dense = _glorot(nn.Linear(latent + concat, widths[0] * self.base**2), 1.0)
        self.blocks = nn.ModuleList(
            _UpBlock(a, b, norm, conditional, upsample) for a, b in pairwise(widths)
        )
        self.norm = normalisation(norm, widths[-1], classes=0, spatial=True)
        self.last = _glorot(nn.Conv2d(widths[-1], shape[0], 3, padding=1), 1.0)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """(n, latent), (n,) -> (n, c, h, w) in [-1, 1]."""
        x = self.dense(concatenate(z, y, self.concat)).unflatten(1, (-1, self.base, self.base))
        for block in self.blocks:
            x = block(x, y)
        images: Tensor = self.last(self.norm(x, y).relu()).tanh()
        return images


class ResNetDiscriminator(nn.Module):
    """image -> residual blocks -> ReLU -> sum or mean over the pixels -> head.

    Args:
        shape: (c, h, w) of one image, h = w of 32, 48, 64 or 128.
        conditioning: how the label is used.
        width: half the channels at 32 pixels; the channels of the first block otherwise. The
            published networks have 64.
        norm: ``none``, ``batch``, ``layer`` or ``spectral``.
        pool: ``sum`` (SNGAN) or ``mean`` (WGAN-GP).
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        conditioning: Conditioning,
        *,
        width: int = 64,
        norm: str = "spectral",
        pool: str = "sum",
    ):
        super().__init__()
        _check(shape[-1])
        wrap = wrapping(norm)
        multiples, halved = DISCRIMINATOR[shape[-1]]
        self.planes = conditioning.planes
        widths = [shape[0] + self.planes, *(width * m for m in multiples)]
        self.blocks = nn.Sequential(
            *(
                _DownBlock(a, b, norm, wrap, halve=i < halved, first=i == 0)
                for i, (a, b) in enumerate(pairwise(widths))
            )
        )
        self.pool = torch.sum if pool == "sum" else torch.mean
        self.head = conditioning.head(widths[-1], wrap)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, c, h, w), (n,) -> (n, 1 + k)."""
        maps = self.blocks(concatenate(x, y, self.planes)).relu()
        logits: Tensor = self.head(self.pool(maps, dim=(2, 3)), y)
        return logits


class _UpBlock(nn.Module):
    """norm, ReLU, up, conv, norm, ReLU, conv; beside it up and a 1x1 convolution."""

    def __init__(self, a: int, b: int, norm: str, classes: int, upsample: str):
        super().__init__()
        self.mode = upsample
        self.norm1 = normalisation(norm, a, classes=classes, spatial=True)
        self.conv1 = _glorot(nn.Conv2d(a, b, 3, padding=1), 2**0.5)
        self.norm2 = normalisation(norm, b, classes=classes, spatial=True)
        self.conv2 = _glorot(nn.Conv2d(b, b, 3, padding=1), 2**0.5)
        self.shortcut = _glorot(nn.Conv2d(a, b, 1), 1.0)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        inner = self.conv1(self._double(self.norm1(x, y).relu()))
        inner = self.conv2(self.norm2(inner, y).relu())
        result: Tensor = inner + self.shortcut(self._double(x))
        return result

    def _double(self, x: Tensor) -> Tensor:
        return interpolate(x, scale_factor=2, mode=self.mode)


class _DownBlock(nn.Module):
    """ReLU, conv, ReLU, conv, halve; beside it a 1x1 convolution, where the shape changes.

    The first block has no ReLU before its first convolution, since pixels are no activations, and
    halves before its shortcut's convolution, which is the same map for less work.
    """

    def __init__(self, a: int, b: int, norm: str, wrap: Wrap, *, halve: bool, first: bool):
        super().__init__()
        self.first, self.halve = first, halve
        hidden = b if first else a
        self.norm1 = normalisation("none" if first else norm, a, classes=0, spatial=True)
        self.conv1 = wrap(_glorot(nn.Conv2d(a, hidden, 3, padding=1), 2**0.5))
        self.norm2 = normalisation(norm, hidden, classes=0, spatial=True)
        self.conv2 = wrap(_glorot(nn.Conv2d(hidden, b, 3, padding=1), 2**0.5))
        self.shortcut = wrap(_glorot(nn.Conv2d(a, b, 1), 1.0)) if halve or a != b else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = x.new_zeros(0)  # no label: the norms of a discriminator are never conditional
        inner = x if self.first else self.norm1(x, y).relu()
        inner = self.conv2(self.norm2(self.conv1(inner), y).relu())
        if not self.halve:
            result: Tensor = inner + self.shortcut(x)
        elif self.first:
            result = avg_pool2d(inner, 2) + self.shortcut(avg_pool2d(x, 2))
        else:
            result = avg_pool2d(inner + self.shortcut(x), 2)
        return result


def _glorot(layer: Layer, gain: float) -> Layer:
    nn.init.xavier_uniform_(layer.weight, gain)
    return layer
