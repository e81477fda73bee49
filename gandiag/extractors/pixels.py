"""The picture itself as its features: no network, no weights."""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.extractors.base import Precision
from gandiag.extractors.preprocessing import Scaling, prepare
from gandiag.extractors.request import Request

UNIT_RANGE = Scaling((0.0,) * 3, (255.0,) * 3)


class Pixels:
    """Red, green and blue of each pixel in 0..1 after an antialiased resize to a fixed size.

    Distances between pixels see copies and colour, not content: a check, not a quality score.
    """

    name: str = "pixels"
    canonical: bool = False
    features: str = "features"
    logits: str | None = None
    classes: tuple[str, ...] = ()
    balanced: bool = False
    apart: bool = True

    def __init__(
        self,
        size: int = 32,
        *,
        device: torch.device,
        precision: Precision = "fp32",
        resize: str = "torch-antialias",
    ) -> None:
        if not 1 <= size <= 256:
            raise GandiagError(
                f"pixels:{size} would make features of width {3 * size * size}; "
                f"name a size from 1 to 256, as in pixels:32"
            )
        if size != 32:
            self.name = f"pixels:{size}"
        self.size = size
        self.input_size: int | None = size
        self.layers: Mapping[str, int] = {"features": 3 * size * size}
        self.device = device
        self.precision = precision
        self.resize = resize

    def provenance(self) -> Mapping[str, str]:
        """What pins the numbers."""
        return {
            "network": "none",
            "weights": "none",
            "weights_sha256": "none",
            "verified": "yes",
            "input": f"{self.size} x {self.size}",
            "resize": self.resize,
            "normalise": str(UNIT_RANGE),
            # There is nothing to compute that a lower precision would change.
            "precision": "fp32",
        }

    def prepare(self, images: Tensor) -> Tensor:
        """(batch, 3, height, width) uint8 => (batch, 3, size, size) float32 on `device`."""
        return prepare(images, self.size, self.resize, UNIT_RANGE, self.device)

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, 3, size, size) => {"features": (batch, 3 * size * size) float32}."""
        return {layer: prepared.to(self.device).flatten(1) for layer in layers}


def open_pixels(request: Request) -> Pixels:
    """``pixels`` or ``pixels:SIZE``.

    Raises:
        GandiagError: the size is no number from 1 to 256.
    """
    size = request.argument or "32"
    if not size.isdecimal():
        raise GandiagError(f"'pixels:{size}' does not name a size; write it as pixels:32")
    return Pixels(
        int(size),
        device=request.device,
        precision=request.precision,
        resize=request.resize("torch-antialias"),
    )
