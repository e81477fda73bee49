"""Features in which samples are compared beside their pixels: a function's, or a network's."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.monitors.guarding import in_a_line

if TYPE_CHECKING:
    from gandiag.extractors import FeatureExtractor

WAY = "give a function of images (n, c, h, w), as the discriminator sees them, to rows (n, width)"

Extract = Callable[[Tensor], Tensor]
"""Images in the monitor's range (n, c, h, w), on their device -> rows (n, d) on the CPU."""


def extraction(
    features: str | Extract | None, like: Tensor, ending: str | None = None
) -> Extract | None:
    """The function that gives rows of features; None if none are wanted.

    Args:
        features: a name, as ``lite0``, or a function.
        like: a few generated images.
        ending: ``tanh`` or ``sigmoid``, where they are known to come from one.

    Raises:
        GandiagError: it is unknown, or does not take such images.
    """
    if features is None:
        return None
    if isinstance(features, str):
        low = 0.0 if ending == "sigmoid" or (ending is None and float(like.min()) >= 0) else -1.0
        features = _named(features, like, low)
    if not callable(features):
        raise GandiagError(f"features is of type {type(features).__name__}; {WAY}, or a name")
    given: Extract = features

    def rows(images: Tensor) -> Tensor:
        found = given(images)
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(images):
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise GandiagError(f"features gives {shape} for {len(images)} images; {WAY}")
        return found.detach().float().cpu().clone()

    try:
        rows(like)
    except GandiagError:
        raise
    except Exception as error:
        raise GandiagError(f"features fails ({in_a_line(error)}); {WAY}") from error
    return rows


def _named(name: str, like: Tensor, low: float) -> Extract:
    """A network of `gandiag.extractors`, on images in [low, 1]."""
    # Here, where random states are put back: what it imports draws from Python's.
    from gandiag.extractors import open_extractor

    if like.ndim != 4 or like.shape[1] not in (1, 3):
        raise GandiagError(
            f"features={name!r} looks at images (n, 1 or 3, h, w), and samples have shape "
            f"{tuple(like.shape[1:])}; {WAY}"
        )
    network: FeatureExtractor = open_extractor(name, device=like.device)

    def rows(images: Tensor) -> Tensor:
        prepared = network.prepare(as_bytes(images, low))
        return network(prepared, [network.features])[network.features]

    return rows


def as_bytes(images: Tensor, low: float) -> Tensor:
    """(n, 1 or 3, h, w) floats in [low, 1] => (n, 3, h, w) uint8; bytes stay as they are."""
    if images.is_floating_point():
        images = ((images.float() - low) * (255 / (1 - low))).round().clamp(0, 255).to(torch.uint8)
    return images.expand(-1, 3, -1, -1).contiguous()
