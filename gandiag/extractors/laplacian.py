"""Patches of a Laplacian pyramid as features: no network, no weights."""

import hashlib
from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.extractors.request import Request

SIDE, PATCHES = 7, 128
COARSEST, LARGEST = 16, 1024
TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


class Laplacian:
    """128 patches of 7 x 7 pixels from each level of the Laplacian pyramid of an image.

    What the sliced Wasserstein distance of Karras et al. 2018 ("Progressive Growing of GANs",
    section 5) is computed of, see the metric ``swd_patches``: levels from the image's own side down
    to 16 pixels, each the difference between an image and its half, enlarged again (Burt & Adelson
    1983), the coarsest the image itself. The filter is (1, 4, 6, 4, 1) / 16 along rows and columns,
    four times that where rows of zeros were put between; borders mirror without repeating the edge.
    Levels are 0..255, float.

    The layer ``patches`` has those of all levels, the finest first, so 18,816 numbers a level: 301
    KB an image of side 128, 4.9 GB for the published 16,384 images. Every level is a layer, too,
    named by its side. Of no other use: patches are in no order.

    Departure: the paper draws positions anew, here they are drawn by what is in the image, so that
    features depend neither on the order of images nor on the run. Copies have equal patches.

    Images are taken as they are, for a resize would make or take away what is to be measured.
    """

    canonical: bool = False
    features: str = "patches"
    logits: str | None = None
    classes: tuple[str, ...] = ()
    balanced: bool = False
    apart: bool = True
    input_size: int | None = None

    def __init__(self, size: int = 128, *, device: torch.device) -> None:
        if not COARSEST <= size <= LARGEST or size & (size - 1):
            raise GandiagError(
                f"laplacian:{size} is no side of a pyramid; name a power of two from {COARSEST} to "
                f"{LARGEST}, as in laplacian:128"
            )
        self.name = "laplacian" if size == 128 else f"laplacian:{size}"
        self.size = size
        self.device = device
        self.sides = [size >> i for i in range(size.bit_length() - COARSEST.bit_length() + 1)]
        width = PATCHES * 3 * SIDE * SIDE
        self.layers: Mapping[str, int] = {
            "patches": width * len(self.sides),
            **{str(side): width for side in self.sides},
        }

    def provenance(self) -> Mapping[str, str]:
        """What pins the numbers."""
        return {
            "network": "none",
            "weights": "none",
            "weights_sha256": "none",
            "verified": "yes",
            "input": f"{self.size} x {self.size}",
            "resize": "none",
            "normalise": "0..255",
            "precision": "fp32",
        }

    def prepare(self, images: Tensor) -> Tensor:
        """(batch, 3, size, size) uint8 => the same in float32 0..255 on `device`.

        Raises:
            GandiagError: points, or images of another size.
            ValueError: anything else that is not uint8 with three channels.
        """
        if images.ndim != 4 or images.shape[2:] != (self.size, self.size):
            came = "points"
            if images.ndim == 4:
                came = f"an image of {images.shape[3]} x {images.shape[2]} pixels"
            raise GandiagError(
                f"{self.name} takes images of {self.size} x {self.size} pixels as they are and was "
                f"given {came}; name their side if it is a power of two, as in laplacian:32, or "
                "resize them first"
            )
        if images.dtype != torch.uint8 or images.shape[1] != 3:
            raise ValueError(
                f"images must be uint8 of shape (batch, 3, height, width), not {images.dtype} of "
                f"shape {tuple(images.shape)}"
            )
        return images.to(self.device, non_blocking=True).float()

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, 3, size, size) => {layer: (batch, width) float32}, on `device`.

        A level's row is (patch, channel, y, x).
        """
        with torch.inference_mode():
            levels = prepared.to(self.device)
            places = self._places(levels)
            found = {
                str(side): _patches(level, place.to(self.device))
                for side, level, place in zip(
                    self.sides, pyramid(levels, len(self.sides)), places, strict=True
                )
            }
            found["patches"] = torch.cat([found[str(side)] for side in self.sides], dim=1)
        return {layer: found[layer] for layer in layers}

    def _places(self, levels: Tensor) -> list[Tensor]:
        """For each level (batch, 2, 128): the upper left corners, y and x."""
        drawn = []
        for image in levels.to("cpu", torch.uint8).numpy():
            seed = hashlib.blake2b(image.tobytes(), digest_size=7).digest()
            rng = torch.Generator().manual_seed(int.from_bytes(seed, "little"))
            drawn.append(
                [torch.randint(side - SIDE + 1, (2, PATCHES), generator=rng) for side in self.sides]
            )
        return [torch.stack(each) for each in zip(*drawn, strict=True)]


def pyramid(images: Tensor, count: int) -> list[Tensor]:
    """(batch, c, s, s) float => `count` levels of side s, s / 2, ..., the finest first."""
    levels = []
    for _ in range(count - 1):
        half = _smooth(images)[..., ::2, ::2]
        spread = torch.zeros_like(images)
        spread[..., ::2, ::2] = half
        levels.append(images - 4 * _smooth(spread))
        images = half
    return [*levels, images]


def _smooth(images: Tensor) -> Tensor:
    # By sums: a convolution's precision is a switch of the process.
    for dim, pad in ((2, (0, 0, 2, 2)), (3, (2, 2, 0, 0))):
        padded, length = F.pad(images, pad, mode="reflect"), images.shape[dim]
        parts = [padded.narrow(dim, i, length) * tap for i, tap in enumerate(TAPS)]
        images = parts[0] + parts[1] + parts[2] + parts[3] + parts[4]
    return images


def _patches(level: Tensor, corners: Tensor) -> Tensor:
    """(batch, 3, s, s), (batch, 2, 128) => (batch, 128 * 3 * 7 * 7)."""
    windows = level.unfold(2, SIDE, 1).unfold(3, SIDE, 1)
    image = torch.arange(len(level), device=level.device)[:, None]
    return windows[image, :, corners[:, 0], corners[:, 1]].flatten(1)


def open_laplacian(request: Request) -> Laplacian:
    """``laplacian`` or ``laplacian:SIDE``.

    Raises:
        GandiagError: the side is no power of two from 16 to 1024.
    """
    size = request.argument or "128"
    if not size.isdecimal():
        raise GandiagError(f"'laplacian:{size}' does not name a side; write it as laplacian:128")
    return Laplacian(int(size), device=request.device)
