"""Whatever a person names => what can be read of it, known before the long work."""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gandiag.errors import GandiagError
from gandiag.metrics import Role
from gandiag.scoring.options import Options
from gandiag.sources import (
    GeneratedImages,
    Generator,
    ImageSource,
    StatisticsFile,
    images_of,
    open_source,
)
from gandiag.sources.base import Points, points_of
from gandiag.sources.images import IndexedImages
from gandiag.statistics import SavedStatistics, load_statistics


@dataclass(frozen=True)
class Opened:
    """One input: images, saved statistics, or (ADM's reference files) both."""

    name: str
    images: ImageSource | None = None
    saved: SavedStatistics | None = None
    file: Path | None = None
    """Of the saved statistics."""

    @property
    def count(self) -> int | None:
        """How many images a pass will give, or statistics are of, where that is known."""
        if self.images is not None:
            return self.images.count()
        meta = self.saved.meta if self.saved is not None else {}
        n = meta.get("n")
        return n if isinstance(n, int) else None


def open_input(
    called: str, thing: Any, options: Options, generator: Generator | None = None
) -> Opened:
    """`open_source`, then the draw of `max_images`; statistics are read at once.

    Args:
        called: the name of what has none of its own, such as an array: its role, or a letter.
        thing: what `open_source` takes.
        options: how it is read.
        generator: of checkpoints.

    Raises:
        GandiagError: it cannot be read, or images are to be drawn from statistics.
    """
    source = open_source(
        thing,
        on_bad_image=options.on_bad_image,
        seed=options.seed,
        device=pick_device(options.device),
        name=None if isinstance(thing, str | os.PathLike) else f"{called} ({type(thing).__name__})",
        generator=generator,
        value_range=options.value_range,
    )
    if isinstance(source, StatisticsFile):
        images = images_of(source, on_bad_image=options.on_bad_image) if source.images else None
        if images is None and options.max_images is not None:
            raise GandiagError(
                f"{source.name} holds statistics: images cannot be drawn from it; "
                "leave --max-images out, or give the images"
            )
        if images is not None and options.max_images is not None:
            # Its statistics are of all images, not of those that are drawn.
            return Opened(source.name, _drawn(images, options))
        return Opened(source.name, images, load_statistics(source.path), source.path)
    return Opened(source.name, _drawn(source, options))


def _drawn(source: ImageSource, options: Options) -> ImageSource:
    if options.workers is not None and isinstance(source, IndexedImages) and source.threads:
        source = dataclasses.replace(source, threads=options.workers)
    if options.max_images is None:
        return source
    if options.draw == "first" and isinstance(source, IndexedImages):
        return source.first(options.max_images)
    return source.limit(options.max_images, options.seed)


def as_many(generated: Opened, real: Opened | None) -> Opened:
    """A generator that nobody limits makes as many samples as there are real images."""
    source = generated.images
    if not isinstance(source, GeneratedImages):
        return generated
    count = real.count if real is not None else None
    return dataclasses.replace(
        generated, images=source.limit(min(source.count(), count or source.count()), 0)
    )


def points_among(inputs: Mapping[Role, Opened]) -> Points | None:
    """What is known of the points that the sources hold, by role; None if they hold images.

    The real ones tell of mixture and labels, if there are any. Statistics go with either.

    Raises:
        GandiagError: one holds points and another images, or points of another width.
    """
    known = {
        role: points_of(each.images) for role, each in inputs.items() if each.images is not None
    }
    if len({points and (points.width, points.kind) for points in known.values()}) > 1:
        told = " and ".join(
            f"{inputs[role].name} holds {f'{points.width}-d {points.kind}' if points else 'images'}"
            for role, points in known.items()
        )
        raise GandiagError(f"{told}; give sources of one kind")
    return known.get("real", next(iter(known.values()), None))


def pick_device(device: str | torch.device | None) -> torch.device:
    """A device by name, or the best one there is.

    Raises:
        GandiagError: the device is unknown or not on this machine.

    """
    if device is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    there = ["cpu"]
    there += ["cuda", "cuda:N"] * torch.cuda.is_available()
    there += ["mps"] * torch.backends.mps.is_available()
    refused = GandiagError(
        f"the device {str(device)!r} cannot be used here; "
        f"name {' or '.join(there)}, or leave --device out"
    )
    try:
        picked = torch.device(device)
        torch.empty(1, device=picked).item()  # the device "meta" holds no number
    except (RuntimeError, AssertionError, TypeError) as error:
        raise refused from error
    return picked
