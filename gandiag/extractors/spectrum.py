"""The power spectrum of the picture as its features: no network, no weights."""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.extractors.request import Request

LUMINANCE = (0.299, 0.587, 0.114)
"""Of red, green and blue (ITU-R BT.601), what Pillow calls ``L``."""
SMALLEST, LARGEST = 4, 1024
AT_ONCE = 1 << 21
"""Pixels transformed at once: 32 MB of complex numbers in double precision."""


class Spectrum:
    """Log power by spatial frequency, averaged over directions: what up-sampling leaves behind.

    After Durall, Keuper & Keuper, "Watch your Up-Convolution: CNN Based Generative Deep Neural
    Networks are Failing to Reproduce Spectral Distributions", CVPR 2020: samples that were enlarged
    by interpolation have less at high frequencies than pictures taken at full size, those from
    uneven transposed convolutions have more. Networks that know classes hardly see it, and a resize
    would take away what is to be measured. So there is none: a square of `size` pixels is cut from
    the middle of each image.

    With y the luminance of the N x N crop in levels 0..255 (float, not rounded), and u, v from -N/2
    up to N/2 in cycles per crop,

        P(u, v) = |sum_{a,b} y(a, b) exp(-2 pi i (u a + v b) / N)|^2 / N^2
        feature r = mean of log(1 + P(u, v)) over all u, v with round(sqrt(u^2 + v^2)) = r

    for r = 0 .. round(sqrt(2) floor(N/2)), where r is r/N cycles per pixel. P is in levels^2: it
    sums to the sum of y^2, and white noise has its variance at every frequency. Rounding to whole
    levels is noise of 1/12, which the 1 in the logarithm keeps small. The logarithm is natural.

    The radii go on past N/2, which is as far as the rows and the columns reach, into the corners:
    a checkerboard is at the last of them (N even) and at no other. As in the authors' code the
    logarithm is averaged, not the power, and nothing tapers the crop to its edges. Theirs centres
    the rings half a frequency off zero.
    """

    canonical: bool = False
    features: str = "features"
    logits: str | None = None
    classes: tuple[str, ...] = ()
    balanced: bool = False
    apart: bool = True
    input_size: int | None = None

    def __init__(self, size: int = 64, *, device: torch.device) -> None:
        if not SMALLEST <= size <= LARGEST:
            raise GandiagError(
                f"spectrum:{size} is no square to take a spectrum of; "
                f"name a side from {SMALLEST} to {LARGEST} pixels, as in spectrum:64"
            )
        self.name = "spectrum" if size == 64 else f"spectrum:{size}"
        self.size = size
        self.device = device
        # MPS has no float64; features then differ by some 1e-5.
        self.dtype = torch.float32 if device.type == "mps" else torch.float64
        frequencies = (torch.fft.fftfreq(size, dtype=torch.float64) * size).square()
        # No tie to round: (r + 1/2)^2 is no sum of two squares.
        radii = (frequencies[:, None] + frequencies).sqrt().round().long().flatten()
        self.order = radii.argsort(stable=True).to(device)
        self.counts = torch.bincount(radii).tolist()
        self.layers: Mapping[str, int] = {"features": len(self.counts)}

    def provenance(self) -> Mapping[str, str]:
        """What pins the numbers."""
        return {
            "network": "none",
            "weights": "none",
            "weights_sha256": "none",
            "verified": "yes",
            "input": f"{self.size} x {self.size}",
            "resize": "none, a crop from the middle",
            "normalise": "luminance of BT.601, 0..255",
            "precision": "fp32" if self.dtype == torch.float32 else "fp64",
        }

    def prepare(self, images: Tensor) -> Tensor:
        """(batch, 3, height, width) uint8 => (batch, 3, size, size) float32 0..255 on `device`.

        Where the crop cannot be in the middle, it is half a pixel up or to the left.

        Raises:
            GandiagError: points, or images with a side shorter than the crop's.
            ValueError: anything else that is not uint8 with three channels.
        """
        if images.ndim != 4 or min(images.shape[2:]) < self.size:
            came = "points"
            if images.ndim == 4:
                came = f"an image of {images.shape[3]} x {images.shape[2]} pixels"
            raise GandiagError(
                f"{self.name} reads {self.size} x {self.size} pixels of each image and was given "
                f"{came}; choose a size that every image has, as in spectrum:{SMALLEST * 2}"
            )
        if images.dtype != torch.uint8 or images.shape[1] != 3:
            raise ValueError(
                f"images must be uint8 of shape (batch, 3, height, width), not {images.dtype} of "
                f"shape {tuple(images.shape)}"
            )
        top, left = ((side - self.size) // 2 for side in images.shape[2:])
        crop = images[..., top : top + self.size, left : left + self.size]
        return crop.to(self.device, non_blocking=True).float()

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, 3, size, size) => {"features": (batch, radii) float32}, on `device`."""
        with torch.inference_mode():
            parts = torch.split(prepared.to(self.device), max(1, AT_ONCE // self.size**2))
            found = torch.cat([self._profile(part.to(self.dtype)) for part in parts])
        return dict.fromkeys(layers, found.float())

    def _profile(self, levels: Tensor) -> Tensor:
        red, green, blue = (levels[:, c] * weight for c, weight in enumerate(LUMINANCE))
        waves = torch.fft.fft2(red + green + blue, norm="ortho")
        power = torch.view_as_real(waves).square().sum(dim=-1).flatten(1)
        rings = torch.split(power.log1p()[:, self.order], self.counts, dim=1)
        return torch.stack([ring.mean(dim=1) for ring in rings], dim=1)


def open_spectrum(request: Request) -> Spectrum:
    """``spectrum`` or ``spectrum:SIZE``.

    Raises:
        GandiagError: the size is no number from 4 to 1024.
    """
    size = request.argument or "64"
    if not size.isdecimal():
        raise GandiagError(f"'spectrum:{size}' does not name a size; write it as spectrum:64")
    return Spectrum(int(size), device=request.device)
