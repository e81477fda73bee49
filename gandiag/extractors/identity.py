"""Points as their own features: nothing is computed."""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from gandiag.errors import GandiagError


class Identity:
    """The coordinates of points, for sources that hold points and not images."""

    name: str = "identity"
    canonical: bool = False
    features: str = "values"
    logits: str | None = None

    def __init__(self, width: int, *, device: torch.device) -> None:
        if width < 1:
            raise GandiagError(f"identity:{width} names no width; write it as identity:2")
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
                f"identity reads {width}-d points and was given {came}; "
                "choose other features, or give such points"
            )
        return images.to(self.device)

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, width) => {"values": (batch, width) float32}."""
        return dict.fromkeys(layers, prepared)
