"""Multi-layer perceptrons, for points and for small images laid out flat."""

from itertools import pairwise
from math import prod

from torch import Tensor, nn

from reference_models.networks.conditioning import (
    Conditioning,
    concatenate,
    normalisation,
    wrapping,
)


class MLPGenerator(nn.Module):
    """latent -> depth x (linear, norm, ReLU) -> linear -> points, or tanh -> images.

    Args:
        latent: width of the latent.
        shape: of one sample, (d,) for points or (c, h, w) for images.
        width: of each hidden layer.
        depth: hidden layers.
        norm: ``none``, ``batch`` or ``layer``.
        concat: classes whose one-hot label is appended to the latent; 0 for none.
        conditional: classes of conditional batch norm, with ``batch``; 0 for none.
    """

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        *,
        width: int = 128,
        depth: int = 3,
        norm: str = "none",
        concat: int = 0,
        conditional: int = 0,
    ):
        super().__init__()
        self.shape = shape
        self.concat = concat
        widths = [latent + concat, *(width for _ in range(depth))]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(
            normalisation(norm, width, classes=conditional, spatial=False) for _ in range(depth)
        )
        self.last = nn.Linear(width, prod(shape))
        self.squash = nn.Tanh() if len(shape) == 3 else nn.Identity()

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """(n, latent), (n,) -> (n, *shape); images in [-1, 1]."""
        x = concatenate(z, y, self.concat)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = norm(layer(x), y).relu()
        samples: Tensor = self.squash(self.last(x))
        return samples.reshape(-1, *self.shape)


class MLPDiscriminator(nn.Module):
    """sample -> depth x (linear, norm, activation, dropout) -> head.

    Args:
        shape: of one sample, (d,) for points or (c, h, w) for images.
        conditioning: how the label is used.
        width: of each hidden layer.
        depth: hidden layers.
        norm: ``none``, ``batch``, ``layer`` or ``spectral``.
        dropout: share of activations that are dropped in training.
        slope: of the leaky ReLU; 0 is ReLU.
        pieces: above 1, maxout over so many linear pieces takes the place of the leaky ReLU
            (Goodfellow et al. 2013; PacGAN's synthetic experiments use 5).
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        conditioning: Conditioning,
        *,
        width: int = 128,
        depth: int = 3,
        norm: str = "none",
        dropout: float = 0.0,
        slope: float = 0.0,
        pieces: int = 1,
    ):
        super().__init__()
        wrap = wrapping(norm)
        self.planes = conditioning.planes
        widths = [prod(shape) + self.planes, *(width for _ in range(depth))]
        self.layers = nn.ModuleList(wrap(nn.Linear(a, b * pieces)) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(
            normalisation(norm, width * pieces, classes=0, spatial=False) for _ in range(depth)
        )
        self.activation = Maxout(pieces) if pieces > 1 else nn.LeakyReLU(slope)
        self.dropout = nn.Dropout(dropout)
        self.head = conditioning.head(width, wrap)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, *shape), (n,) -> (n, 1 + k)."""
        x = concatenate(x.flatten(1), y, self.planes)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = self.dropout(self.activation(norm(layer(x), y)))
        logits: Tensor = self.head(x, y)
        return logits


class Maxout(nn.Module):
    """The largest of `pieces` neighbouring values: (n, d * pieces) -> (n, d)."""

    def __init__(self, pieces: int):
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """(n, d * pieces) -> (n, d)."""
        return x.reshape(len(x), -1, self.pieces).amax(2)
