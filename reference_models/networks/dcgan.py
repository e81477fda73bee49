"""Convolutional networks after DCGAN (Radford et al. 2016), for images of 8 to 64 pixels."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from torch import Tensor, nn

from gandiag.errors import GandiagError
from reference_models.networks.conditioning import (
    Conditioning,
    Wrap,
    concatenate,
    normalisation,
    wrapping,
)


def halvings(resolution: int) -> tuple[int, int]:
    """How often a side can be halved before it is below 4, and what is left: 28 -> (2, 7).

    Raises:
        GandiagError: the side is not a power of two times 4, 5, 6 or 7, or is below 8.
    """
    base, count = resolution, 0
    while base % 2 == 0 and base >= 8:
        base, count = base // 2, count + 1
    if not (4 <= base <= 7 and count):
        raise GandiagError(
            f"a convolutional network cannot make {resolution}x{resolution} images; "
            "use a side of 4, 5, 6 or 7 times a power of two, such as 8, 28, 32, 48 or 64"
        )
    return count, base


class DCGANGenerator(nn.Module):
    """latent -> dense b x b -> (norm, ReLU, deconv 4x4 stride 2) until full size -> conv 3x3, tanh.

    The layout of Miyato et al. 2018, table 3. Radford et al. end in a strided deconvolution
    instead, so that theirs has one 3x3 layer less.

    Args:
        latent: width of the latent.
        shape: (c, h, w) of one image; h = w.
        width: channels of the last deconvolution; each earlier one has twice as many.
        norm: ``none``, ``batch`` or ``layer``.
        concat: classes whose one-hot label is appended to the latent; 0 for none.
        conditional: classes of conditional batch norm, with ``batch``; 0 for none.
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
    ):
        super().__init__()
        count, self.base = halvings(shape[-1])
        widths = [width << i for i in reversed(range(count + 1))]
        self.concat = concat
        self.dense = nn.Linear(latent + concat, widths[0] * self.base**2)
        self.norms = nn.ModuleList(
            normalisation(norm, w, classes=conditional, spatial=True) for w in widths
        )
        self.layers = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths)
        )
        self.last = nn.Conv2d(width, shape[0], 3, padding=1)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """(n, latent), (n,) -> (n, c, h, w) in [-1, 1]."""
        *_, x = self.maps(z, y)
        images: Tensor = self.last(x).tanh()
        return images

    def maps(self, z: Tensor, y: Tensor) -> Iterator[Tensor]:
        """Activations at each side, from `base` to the full one: (n, channels, side, side)."""
        x = self.dense(concatenate(z, y, self.concat)).unflatten(1, (-1, self.base, self.base))
        x = self.norms[0](x, y).relu()
        yield x
        for layer, norm in zip(self.layers, list(self.norms)[1:], strict=True):
            x = norm(layer(x), y).relu()
            yield x


POOLS: Mapping[str, type[nn.Module]] = {"max": nn.MaxPool2d, "mean": nn.AvgPool2d}


class DCGANDiscriminator(nn.Module):
    """image -> strided convolutions down to b x b -> head.

    Args:
        shape: (c, h, w) of one image; h = w.
        conditioning: how the label is used.
        width: channels of the first convolution; they double with each halving.
        norm: ``none``, ``batch``, ``layer`` or ``spectral``; but for ``spectral``, the first
            convolution has none (Radford et al. 2016).
        slope: of the leaky ReLU (DCGAN .2, SNGAN .1).
        dropout: share of channels that are dropped in training, after each convolution.
        interleave: a 3x3 convolution before each strided 4x4 one and one at the end (Miyato et al.
            2018, table 3); without it the strided ones alone (Radford et al. 2016).
        halve: by a ``stride``; or a 3x3 convolution whose output is pooled over 2x2, by ``max`` or
            by ``mean``.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        conditioning: Conditioning,
        *,
        width: int = 64,
        norm: str = "batch",
        slope: float = 0.2,
        dropout: float = 0.0,
        interleave: bool = False,
        halve: str = "stride",
    ):
        super().__init__()
        wrap = wrapping(norm)
        count, base = halvings(shape[-1])
        self.planes = conditioning.planes
        channels = shape[0] + self.planes
        plan: list[tuple[int, int]] = []  # (channels, stride)
        for i in range(count):
            plan += [(width << i, 1)] if interleave else []
            plan += [(width << i, 2)]
        plan += [(width << count, 1)] if interleave else []
        blocks: list[nn.Module] = []
        for i, (out, stride) in enumerate(plan):
            pooled = stride > 1 and halve != "stride"
            blocks.append(
                _Block(
                    channels,
                    out,
                    1 if pooled else stride,
                    norm if i else "none",
                    wrap,
                    slope,
                    dropout,
                )
            )
            blocks += [POOLS[halve](2)] if pooled else []
            channels = out
        self.blocks = nn.Sequential(*blocks)
        self.head = conditioning.head(channels * base**2, wrap)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, c, h, w), (n,) -> (n, 1 + k)."""
        features = self.blocks(concatenate(x, y, self.planes)).flatten(1)
        logits: Tensor = self.head(features, y)
        return logits


class _Block(nn.Module):
    """Convolution (3x3, or 4x4 with stride 2), norm, leaky ReLU, dropout."""

    def __init__(
        self, a: int, b: int, stride: int, norm: str, wrap: Wrap, slope: float, dropout: float
    ):
        super().__init__()
        self.conv = wrap(nn.Conv2d(a, b, 2 + stride, stride=stride, padding=1))
        self.norm = normalisation(norm, b, classes=0, spatial=True)
        self.activation = nn.LeakyReLU(slope)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = x.new_zeros(0)  # no label: the norms of a discriminator are never conditional
        result: Tensor = self.dropout(self.activation(self.norm(self.conv(x), y)))
        return result
