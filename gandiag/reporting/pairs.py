"""Samples beside the real images that they are nearest to, as pictures."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from gandiag.reporting.html import thumbnail
from gandiag.reporting.plots import data_url
from gandiag.reporting.report import Report
from gandiag.sources.base import ImageSource

BATCH = 64
"""Images read at once."""


class Beside(NamedTuple):
    """A sample and the real image that it is nearest to."""

    picture: str
    """The two of them, the sample on the left, as a data URL."""
    generated: str
    """The name of the sample."""
    real: str
    """The name of the real image."""
    distance: float
    """Between their features."""


def closest(
    report: Report, sources: Mapping[str, ImageSource | None]
) -> dict[str, tuple[Beside, ...]]:
    """Score -> the pairs that it names; none where one of the sources cannot be read again.

    Args:
        report: of images.
        sources: what was scored, by role.
    """
    generated, real = sources.get("generated"), sources.get("real")
    named = {row.name: row.score.pairs for row in report.rows if row.score.pairs}
    if not named or generated is None or real is None:
        return {}
    if generated.count() is None or real.count() is None:
        return {}
    pairs = [pair for each in named.values() for pair in each]
    left = images_at(generated, {pair.generated for pair in pairs})
    right = images_at(real, {pair.real for pair in pairs})
    return {
        name: tuple(
            Beside(
                data_url(side_by_side(left[pair.generated][0], right[pair.real][0])),
                left[pair.generated][1],
                right[pair.real][1],
                pair.distance,
            )
            for pair in found
            if pair.generated in left and pair.real in right
        )
        for name, found in named.items()
    }


def images_at(source: ImageSource, places: set[int]) -> dict[int, tuple[Tensor, str]]:
    """Place -> its image (3, height, width) uint8 and its name within the source.

    `source` is read up to the last of them.
    """
    found: dict[int, tuple[Tensor, str]] = {}
    for place, image, name in _numbered(source):
        if place in places:
            found[place] = image, name.removeprefix(f"{source.name}/")
            if len(found) == len(places):
                break
    return found


def _numbered(source: ImageSource) -> Iterator[tuple[int, Tensor, str]]:
    place = 0
    for batch in source.batches(BATCH):
        for image, name in zip(batch.images, batch.names, strict=True):
            yield place, image, name
            place += 1


def side_by_side(left: Tensor, right: Tensor) -> Tensor:
    """Two images of any size => (3, height, width) uint8 with a white line between them."""
    a, b = thumbnail(left), thumbnail(right)
    line = torch.full((3, a.shape[1], 2), 255, dtype=torch.uint8)
    return torch.cat((a, line, b), dim=2)
