"""VGG-16 with random weights that keep activations alive, small in memory."""

import math

import torch
from torch import Tensor

WIDTHS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


def random_vgg16(seed: int = 0) -> dict[str, Tensor]:
    """A state dict under torchvision's names, He weights.

    The rows of the first fully connected layer, 100 million numbers, are windows of one vector.
    """
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return (2 / math.prod(shape[1:])) ** 0.5 * torch.randn(shape, generator=generator)

    state: dict[str, Tensor] = {}
    width = 3
    for at, out in zip(CONVOLUTIONS, WIDTHS, strict=True):
        state[f"features.{at}.weight"] = drawn(out, width, 3, 3)
        state[f"features.{at}.bias"] = torch.zeros(out)
        width = out
    into, hidden = 512 * 7 * 7, 4096
    long = (2 / into) ** 0.5 * torch.randn(into + 7 * hidden, generator=generator)
    state["classifier.0.weight"] = long.as_strided((hidden, into), (7, 1))
    state["classifier.3.weight"] = drawn(hidden, hidden)
    state["classifier.6.weight"] = drawn(1000, hidden)
    for name, out in (("0", hidden), ("3", hidden), ("6", 1000)):
        state[f"classifier.{name}.bias"] = torch.zeros(out)
    return state
