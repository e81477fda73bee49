"""Where a label enters a network: its input, its batch norms, or its last layer."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.utils.parametrizations import spectral_norm

Wrap = Callable[[nn.Module], nn.Module]
"""What is done to each layer with weights: nothing, or spectral normalisation."""


def wrapping(normalisation: str) -> Wrap:
    """Spectral normalisation of each layer (Miyato et al. 2018) where it is asked for.

    Torch's own: one power iteration with each forward pass in training mode, on the weight reshaped
    to (outputs, the rest) as in the paper.
    """
    return spectral_norm if normalisation == "spectral" else lambda layer: layer


class Normalise(nn.Module):
    """A normalisation that does not look at the label: ``batch``, ``layer`` or nothing."""

    def __init__(self, kind: str, features: int, *, spatial: bool):
        super().__init__()
        self.norm: nn.Module = nn.Identity()
        if kind == "batch":
            self.norm = nn.BatchNorm2d(features) if spatial else nn.BatchNorm1d(features)
        elif kind == "layer":
            # One group over channels and pixels: the layer norm of Ba et al. 2016 with a gain and a
            # bias for each channel, which does not mix samples as a gradient penalty requires.
            self.norm = nn.GroupNorm(1, features)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, features, ...) -> the same shape."""
        result: Tensor = self.norm(x)
        return result


class ConditionalBatchNorm(nn.Module):
    """Batch norm with a gain and a bias for each class.

    Dumoulin et al. 2017 and de Vries et al. 2017; as Miyato and Koyama 2018 use it in the
    generator. It starts as plain batch norm: gains 1, biases 0.
    """

    def __init__(self, features: int, classes: int, *, spatial: bool):
        super().__init__()
        batch_norm = nn.BatchNorm2d if spatial else nn.BatchNorm1d
        self.norm = batch_norm(features, affine=False)
        self.gain = nn.Embedding(classes, features)
        self.bias = nn.Embedding(classes, features)
        nn.init.ones_(self.gain.weight)
        nn.init.zeros_(self.bias.weight)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, features, ...) -> the same shape."""
        shape = (*x.shape[:2], *(1 for _ in x.shape[2:]))
        normalised: Tensor = self.norm(x)
        gain: Tensor = self.gain(y)
        bias: Tensor = self.bias(y)
        return gain.view(shape) * normalised + bias.view(shape)


def normalisation(kind: str, features: int, *, classes: int, spatial: bool) -> nn.Module:
    """A module (x, y) -> x; with classes, batch norm becomes conditional batch norm."""
    if kind == "batch" and classes:
        return ConditionalBatchNorm(features, classes, spatial=spatial)
    return Normalise(kind, features, spatial=spatial)


def concatenate(x: Tensor, y: Tensor, classes: int) -> Tensor:
    """Append the one-hot label (Mirza and Osindero 2014).

    Vectors (n, d) become (n, d + classes); images (n, c, h, w) get `classes` constant planes.
    Without classes `x` comes back as it is.
    """
    if not classes:
        return x
    label = one_hot(y, classes).to(x.dtype)
    if x.ndim == 4:
        label = label[:, :, None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, label], dim=1)


class LinearHead(nn.Module):
    """A logit, and the logits of an auxiliary classifier if it has classes (Odena et al. 2017)."""

    def __init__(self, features: int, *, auxiliary: int = 0, wrap: Wrap):
        super().__init__()
        self.linear = wrap(nn.Linear(features, 1 + auxiliary))

    def forward(self, features: Tensor, y: Tensor) -> Tensor:
        """(n, features) -> (n, 1 + auxiliary)."""
        logits: Tensor = self.linear(features)
        return logits


class ProjectionHead(nn.Module):
    """f(x, y) = y^T V phi(x) + psi(phi(x)), psi linear (Miyato and Koyama 2018, equation 3)."""

    def __init__(self, features: int, classes: int, *, wrap: Wrap):
        super().__init__()
        self.linear = wrap(nn.Linear(features, 1))
        self.embedding = wrap(nn.Embedding(classes, features))

    def forward(self, features: Tensor, y: Tensor) -> Tensor:
        """(n, features) -> (n, 1)."""
        unconditional: Tensor = self.linear(features)
        projection: Tensor = (self.embedding(y) * features).sum(1, keepdim=True)
        return unconditional + projection


class Conditioning:
    """How a discriminator uses labels: ``none``, ``concat``, ``projection`` or ``auxiliary``."""

    def __init__(self, kind: str, classes: int):
        self.kind = kind
        self.classes = classes

    @property
    def planes(self) -> int:
        """How many inputs the label adds."""
        return self.classes if self.kind == "concat" else 0

    def head(self, features: int, wrap: Wrap) -> nn.Module:
        """The last layer: (n, features), (n,) -> (n, 1 + k)."""
        if self.kind == "projection":
            return ProjectionHead(features, self.classes, wrap=wrap)
        auxiliary = self.classes if self.kind == "auxiliary" else 0
        return LinearHead(features, auxiliary=auxiliary, wrap=wrap)
