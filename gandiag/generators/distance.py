"""How far two images look apart: what a path is measured by."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.extractors import FeatureExtractor, find_weights, open_extractor
from gandiag.extractors.resizing import RESIZES
from gandiag.generators.lpips import NVIDIA, Lpips, open_lpips

LPIPS = "lpips"
"""The name of `gandiag.generators.lpips`; all others are extractors'."""

EXACT = {"pil-bicubic-8bit": "pil-bicubic"}
"""Resizes that round => the same without rounding, in which a small step would be lost."""

LEVEL = 1.0
"""Of 0..255, by which a preparation of floats may miss that of bytes: what a resize rounds to."""


@runtime_checkable
class Distance(Protocol):
    """How far images are from one another, as a squared length.

    An attribute ``published`` says that it is to the last detail the distance of the paper, so that
    the number of a path may be called ``ppl``; absent, it is not.
    """

    name: str
    """Short, as in ``ppl[NAME]``."""

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        """Two of (n, 3, height, width) float32 in levels 0..255 => (n,)."""
        ...


class FeatureDistance:
    """The squared Euclidean distance of an extractor's features.

    Extractors read bytes, in which a step of 1e-4 along a path is lost. Here the resize that the
    extractor names is done on floats, and the scaling that follows is found from what it makes of
    black and of white. That this is the extractor's own preparation, but for rounding, is seen on
    the first images.

    Args:
        extractor: opened.
        layer: of it; None for the layer that distances are taken in.
    """

    def __init__(self, extractor: FeatureExtractor, layer: str | None = None) -> None:
        self.extractor = extractor
        self.layer = layer or extractor.features
        self.name = extractor.name
        named = str(extractor.provenance().get("resize"))
        self._resize = EXACT.get(named, named)
        self._seen = False

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        """Two of (n, 3, height, width) float32 in levels 0..255 => (n,) float64.

        Raises:
            GandiagError: the extractor does more to images than to resize and scale them.
        """
        both = torch.cat((one, other))
        if not self._seen:
            self._check(both[:1])
            self._seen = True
        rows = self.extractor(self._prepared(both), [self.layer])[self.layer].double()
        return (rows[: len(one)] - rows[len(one) :]).square().sum(dim=1)

    def _prepared(self, levels: Tensor) -> Tensor:
        extractor = self.extractor
        size = getattr(extractor, "input_size", None)
        sides = levels.shape[2:] if size is None else (size, size)
        if size is not None:
            resize = RESIZES.get(self._resize, RESIZES["torch-antialias"])
            levels = resize(levels.float(), size, extractor.device)
        ends = torch.tensor([0, 255], dtype=torch.uint8)[:, None, None, None]
        black, white = extractor.prepare(ends.expand(2, 3, *sides)).float()
        levels = levels.to(black)[:, : len(black)]
        prepared: Tensor = black + (white - black) * (levels / 255)
        return prepared

    def _check(self, levels: Tensor) -> None:
        """Compare with the extractor's own preparation of bytes."""
        rounded = levels.round().clamp(0, 255).to(torch.uint8).cpu()
        own = self.extractor.prepare(rounded).float()
        try:
            ours = self._prepared(rounded.to(levels.device))
            missed = (ours - own).abs()
            ends = self._prepared(torch.full_like(rounded, 255)) - self._prepared(rounded * 0)
            same = bool((missed <= LEVEL / 255 * ends.abs() + 1e-6).all())
        except RuntimeError:  # how torch says that shapes differ
            same = False
        if not same:
            raise GandiagError(
                f"{self.name} does more to images than to resize and scale them, which cannot be "
                f"done to the floats of a path; choose {LPIPS}, lite0 or pixels"
            )


class PointDistance:
    """The squared Euclidean distance of points."""

    name = "points"

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        """Two of (n, d) => (n,) float64."""
        return (one.double() - other.double()).square().sum(dim=1)


class Named:
    """A function of two batches of images as a `Distance` of its name."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], name: str) -> None:
        self.function = function
        self.name = name

    def __call__(self, one: Tensor, other: Tensor) -> Tensor:
        """What the function gives."""
        return self.function(one, other)


def open_distance(given: Any, *, device: torch.device, allow_unverified: bool = False) -> Distance:
    """A distance by name.

    Args:
        given: ``lpips``; what `gandiag.extractors.open_extractor` takes; a `Distance`; or a
            function of two batches of images.
        device: where a network runs.
        allow_unverified: accept weights with another digest than the published one.

    Raises:
        GandiagError: there is none of that name, or its weights are not here.
    """
    if isinstance(given, Distance) and not isinstance(given, FeatureExtractor):
        return given
    if given == LPIPS:
        return _lpips(device, allow_unverified)
    if callable(given) and not isinstance(given, FeatureExtractor | torch.nn.Module):
        return Named(given, getattr(given, "__name__", type(given).__name__))
    extractor = open_extractor(given, device=device, allow_unverified=allow_unverified)
    return FeatureDistance(extractor)


def _lpips(device: torch.device, allow_unverified: bool) -> Lpips:
    found = find_weights(NVIDIA, allow_unverified=allow_unverified)
    return open_lpips(found.path, verified=found.verified, device=device)


def reduced(levels: Tensor, side: int | None) -> Tensor:
    """Images of `side` pixels or more than twice that are averaged over boxes of whole pixels.

    (n, 3, height, width) => the same, or sides divided by height // `side`: 1024 to 256. As
    StyleGAN does before it compares, for the networks were made for such sides.

    Raises:
        GandiagError: the sides are no multiples of the factor.
    """
    if side is None or levels.ndim != 4:
        return levels
    factor = levels.shape[2] // side
    if factor < 2:
        return levels
    height, width = levels.shape[2:]
    if height % factor or width % factor:
        raise GandiagError(
            f"images of {width} x {height} cannot be averaged over boxes of {factor} x {factor}; "
            "choose another side, or none"
        )
    return F.avg_pool2d(levels, factor)
