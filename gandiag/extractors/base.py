"""What every feature extractor promises."""

from collections.abc import Collection, Mapping
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

Precision = Literal["fp32", "tf32", "bf16"]
"""Of the network's arithmetic; features come as float32."""


@runtime_checkable
class FeatureExtractor(Protocol):
    """A frozen network that owns its preprocessing.

    Preparing is a step of its own because a folder may hold images of many sizes: each is brought
    to the network's size alone, and the network then always runs on full batches.

    Five more attributes are read where an extractor has them; all of gandiag's own do:

    - ``classes: tuple[str, ...]``, the names of the class logits in their order; empty, which is
      what absence means, where they have none. With it the modes that samples cover can be counted.
    - ``balanced: bool``, whether those classes are equally frequent by construction; False if
      absent.
    - ``domain: str``, what it learned from: ``photographs`` for ImageNet and pictures of the web,
      of which grey images are told to be none; empty if absent.
    - ``input_size: int | None``, the side of the square that `prepare` brings images to, so that
      enlarged ones are told; None, which is what absence means, where it takes them as they are.
    - ``apart: bool``, whether `prepare` treats each image alone and may be called by several
      threads at once, so that those which read images do it; False if absent.
    """

    name: str
    """Short name, as in ``fd[NAME]``."""
    canonical: bool
    """Whether its numbers may bear the published names FID, IS and KID."""
    layers: Mapping[str, int]
    """Layer name -> width."""
    features: str
    """The layer that distances are taken in."""
    logits: str | None
    """The layer of class logits, if there is one."""
    device: torch.device

    def provenance(self) -> Mapping[str, str]:
        """What pins the numbers: weights digest, verified or not, resize, normalisation, dtype."""
        ...

    def prepare(self, images: Tensor) -> Tensor:
        """(batch, 3, height, width) uint8 => (batch, 3, size, size) float32 on `device`."""
        ...

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, 3, size, size) => {layer: (batch, width) float32}, on `device`."""
        ...
