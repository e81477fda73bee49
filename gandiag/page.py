"""A report as one HTML file: scores, intervals, warnings, and the images themselves."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import jinja2
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from gandiag.report import Report, number
from gandiag.sources import ImageSource, StatisticsFile, open_source

COUNT = 40
"""Images shown of each source."""

SIDE = 64
"""Pixels of a thumbnail; smaller images are enlarged by whole pixels, so that they stay sharp."""


def previews(things: Mapping[str, Any]) -> dict[str, str]:
    """Role -> source, as given to `score`, => role -> a PNG of some of its images, as a data URL.

    Sources that hold no images, or can be read only once, are left out.
    """
    pictures = {}
    for role, thing in things.items():
        if thing is None:
            continue
        source = open_source(thing, on_bad_image="skip")
        if not isinstance(source, StatisticsFile) and source.count() is not None:
            pictures[role] = _data_url(contact_sheet(source))
    return pictures


def contact_sheet(source: ImageSource, columns: int = 20) -> Tensor:
    """A few images of `source`, drawn evenly at random => (3, height, width) uint8."""
    drawn = source.limit(COUNT, seed=0)
    tiles = [_tile(image) for batch in drawn.batches(COUNT) for image in batch.images]
    blank = torch.full((3, SIDE, SIDE), 255, dtype=torch.uint8)
    tiles += [blank] * (-len(tiles) % columns)
    rows = [torch.cat(tiles[i : i + columns], dim=2) for i in range(0, len(tiles), columns)]
    return torch.cat(rows, dim=1)


def page(report: Report, pictures: Mapping[str, str]) -> str:
    """A report and pictures by role => HTML that needs nothing from elsewhere."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gandiag"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["number"] = number
    return environment.get_template("report.html.j2").render(report=report, pictures=pictures)


def _tile(image: Tensor) -> Tensor:
    height, width = image.shape[1:]
    longest = max(height, width)
    if longest <= SIDE:
        times = SIDE // longest
        image = image.repeat_interleave(times, 1).repeat_interleave(times, 2)
    else:
        size = (max(1, height * SIDE // longest), max(1, width * SIDE // longest))
        smaller = interpolate(image[None].float(), size, mode="bilinear", antialias=True)[0]
        image = smaller.round().clamp(0, 255).to(torch.uint8)
    tile = torch.full((3, SIDE, SIDE), 255, dtype=torch.uint8)
    top, left = (SIDE - image.shape[1]) // 2, (SIDE - image.shape[2]) // 2
    tile[:, top : top + image.shape[1], left : left + image.shape[2]] = image
    return tile


def _data_url(image: Tensor) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
