"""LPIPS on VGG-16 from NVIDIA's file: the distance of StyleGAN's path length.

Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", 2018, eq. 1:

    d(x, y) = sum over layers l of  mean over places of  sum over channels c of
              w_lc (f_lc(x) - f_lc(y))^2,

f_l the activations after the last ReLU before each of the five poolings, divided at each place by
their length over the channels.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from gandiag.extractors.precision import fast_format, running
from gandiag.extractors.preprocessing import IMAGENET
from gandiag.extractors.torchscript import read_weights
from gandiag.extractors.vgg16 import WHAT_NVIDIA
from gandiag.state_dicts import unfit

NVIDIA = "vgg16-nvidia"
"""The row of `gandiag.extractors.WEIGHTS` whose file has the weights."""

BLOCKS = ((1, 2), (3, 4), (5, 6, 7), (8, 9, 10), (11, 12, 13))
"""The convolutions between two poolings, counted from 1."""

TINY = 1e-10
"""Added to lengths, as LPIPS does."""

PIXELS = 1 << 21
"""Of one pass on a CPU: 32 images of 256 x 256, half a gigabyte in the widest layer."""


class Lpips:
    """LPIPS of images as they are, of any size from 16 pixels.

    The names of the file's tensors, and that its ``lpips0`` to ``lpips4`` are the w above, are
    second-hand, from projects that read the file; so numbers are not called the paper's.

    Args:
        state: tensors by the names of NVIDIA's file, ``layers.conv1.weight`` ... ``lpips4``.
        device: where it runs, in true float32.
        verified: whether the file is the published one.
    """

    published = False

    def __init__(
        self, state: Mapping[str, Tensor], *, device: torch.device, verified: bool = True
    ) -> None:
        self.name = "lpips" if verified else "lpips-unverified"
        self.device = device
        layout = fast_format(device)
        self._convolutions = {
            n: (
                state[f"layers.conv{n}.weight"].float().to(device, memory_format=layout),
                state[f"layers.conv{n}.bias"].float().to(device),
            )
            for block in BLOCKS
            for n in block
        }
        self._weights = [
            state[f"lpips{k}"].float().to(device).reshape(1, -1, 1, 1) for k in range(len(BLOCKS))
        ]

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        """Two of (n, 3, height, width) float32 in levels 0..255 => (n,) float64."""
        at_once = max(1, PIXELS // (2 * one.shape[2] * one.shape[3]))
        pairs = zip(torch.split(one, at_once), torch.split(other, at_once), strict=True)
        with running("fp32", self.device):
            return torch.cat([self._of_pair(*pair) for pair in pairs])

    def _of_pair(self, one: Tensor, other: Tensor) -> Tensor:
        both = IMAGENET(torch.cat((one, other)).to(self.device).float())
        both = both.contiguous(memory_format=fast_format(self.device))
        total = torch.zeros(len(one), dtype=torch.float64)
        for weight, maps in zip(self._weights, self._maps(both), strict=True):
            unit = maps / (torch.linalg.vector_norm(maps, dim=1, keepdim=True) + TINY)
            apart = (weight * (unit[: len(one)] - unit[len(one) :]).square()).sum(dim=1)
            total += apart.flatten(1).mean(dim=1).cpu().double()
        return total

    def _maps(self, x: Tensor) -> Iterator[Tensor]:
        for index, block in enumerate(BLOCKS):
            if index:
                x = F.max_pool2d(x, 2)
            for n in block:
                x = F.conv2d(x, *self._convolutions[n], padding=1).relu()
            yield x


def open_lpips(path: Path, *, device: torch.device, verified: bool = True) -> Lpips:
    """From NVIDIA's TorchScript file, read as data, or a state dict with its names.

    Raises:
        GandiagError: the file lacks a tensor, or one has another shape.
    """
    state = read_weights(path, WHAT_NVIDIA)
    width = 3
    for block, k in zip(BLOCKS, range(len(BLOCKS)), strict=True):
        out = min(64 << k, 512)
        for n in block:
            _require(state, path, f"layers.conv{n}.weight", (out, width, 3, 3))
            _require(state, path, f"layers.conv{n}.bias", (out,))
            width = out
        _require(state, path, f"lpips{k}", (out,), squeezed=True)
    return Lpips(state, device=device, verified=verified)


def _require(
    state: Mapping[str, Tensor],
    path: Path,
    name: str,
    shape: tuple[int, ...],
    *,
    squeezed: bool = False,
) -> None:
    if name not in state:
        raise unfit(path, WHAT_NVIDIA, f"it lacks {name}")
    there = state[name].squeeze() if squeezed else state[name]
    if tuple(there.shape) != shape:
        size = " x ".join(map(str, there.shape))
        raise unfit(path, WHAT_NVIDIA, f"{name} is {size}, not {' x '.join(map(str, shape))}")
