"""Points, or features that are already extracted, as their own features: nothing is computed."""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.extractors.request import Request


class Identity:
    """The coordinates of points, for sources that hold points and not images.

    Args:
        width: how many there are.
        name: of the extractor: ``identity`` for points, ``features`` for features that are already
            extracted.
        device: where they go.
    """

    canonical: bool = False
    features: str = "values"
    logits: str | None = None
    classes: tuple[str, ...] = ()
    balanced: bool = False
    apart: bool = True
    input_size: int | None = None

    def __init__(self, width: int, *, device: torch.device, name: str = "identity") -> None:
        if width < 1:
            raise GandiagError(f"{name}:{width} names no width; write it as {name}:2")
        self.name = name
        self.layers: Mapping[str, int] = {"values": width}
        self.device = device

    def provenance(self) -> Mapping[str, str]:
        """What pins the numbers."""
        return {
            "network": "none",
            "weights": "none",
            "weights_sha256": "none",
            "verified": "yes",
            "width": str(self.layers["values"]),
            "resize": "none",
            "normalise": "none",
            "precision": "fp32",
        }

    def prepare(self, images: Tensor) -> Tensor:
        """(batch, width) float32 => the same on `device`.

        Raises:
            GandiagError: these are images, or points of another width.
        """
        width = self.layers["values"]
        if images.ndim != 2 or images.shape[1] != width:
            came = f"{images.shape[1]}-d points" if images.ndim == 2 else "images"
            raise GandiagError(
                f"{self.name} reads {width}-d points and was given {came}; "
                "choose other features, or give such points"
            )
        return images.to(self.device)

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, width) => {"values": (batch, width) float32}."""
        return dict.fromkeys(layers, prepared)


def open_identity(request: Request) -> Identity:
    """``identity:WIDTH`` or ``features:WIDTH``.

    Raises:
        GandiagError: no width is named.
    """
    name, width = request.name, request.argument
    if not width.isdecimal():
        spec = f"{name}:{width}" if width else name
        raise GandiagError(
            f"{spec!r} is for points and does not say how many coordinates they have; "
            f"write it as {name}:2, or choose features of images"
        )
    return Identity(int(width), device=request.device, name=name)
