"""Small stand-ins whose every number can be worked out by hand."""

from collections.abc import Mapping

import torch
from torch import Tensor


class Corners:
    """An extractor without a network: features are a few pixels, logits their differences."""

    canonical = False
    features: str = "pixels"
    logits: str | None = "contrast"
    layers: Mapping[str, int] = {"pixels": 6, "contrast": 5}
    device = torch.device("cpu")

    def __init__(self, name="corners", **pins):
        self.name = name
        self.pins = pins
        self.batches: list[int] = []

    def provenance(self):
        return {"weights": "none", "resize": "none", "precision": "fp32", **self.pins}

    def prepare(self, images: Tensor) -> Tensor:
        assert images.dtype == torch.uint8
        return images[:, :, :2, :1].float()

    def __call__(self, prepared, layers):
        self.batches.append(len(prepared))
        rows = prepared.flatten(1)
        whole = {"pixels": rows, "contrast": rows[:, 1:] - rows[:, :-1]}
        return {layer: whole[layer] for layer in layers}


def images(count, seed=0, size=(4, 4), low=0, high=256):
    """(count, 3, *size) uint8."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, high, (count, 3, *size), generator=generator).to(torch.uint8)
