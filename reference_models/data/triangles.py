"""Random triangles on a white ground, images whose manifold is known (Lucic et al. 2018)."""

import math

import torch
from torch import Tensor

from reference_models.data.base import Batch


def triangle_vertices(
    count: int, rng: torch.Generator, *, side: int = 28, smallest: float = 20.0, scale: float = 0.75
) -> Tensor:
    """Corners of random triangles in pixels: (count, 3, 2), centred on the image.

    After the notebook that Lucic et al. published: a third of a circle for each corner, a random
    turn, then the mean of the corners moved to the middle. Two things there are not what they are
    called, and are kept, since they decide what the data is: corners are at least half of
    `smallest` degrees apart, and the turn, converted to radians twice, is below 6.3 degrees.
    """
    third = 360 / 3
    offset = torch.rand(count, 3, generator=rng) * (third - smallest / 2)
    angles = (torch.arange(3) * third + smallest / 2 + offset) * (math.pi / 180)
    turn = torch.rand(count, 1, generator=rng) * 2 * math.pi * (math.pi / 180)
    x, y = (angles.cos() + 1) / 2, (angles.sin() + 1) / 2
    turned = torch.stack([x * turn.cos() + y * turn.sin(), y * turn.cos() - x * turn.sin()], dim=2)
    corners = turned * side * scale
    return corners + side / 2 - corners.mean(dim=1, keepdim=True)


def rasterise(corners: Tensor, *, side: int = 28, subpixels: int = 8) -> Tensor:
    """Triangles (n, 3, 2) in pixels -> images (n, 1, side, side) in [-1, 1], black on white.

    Each pixel is the share of its `subpixels` squared sample points that the triangle covers. The
    corners must run in one direction, as they do from increasing angles.
    """
    ticks = (torch.arange(side * subpixels) + 0.5) / subpixels
    following = corners.roll(-1, dims=1)
    edge = following - corners
    # A point is inside if it lies left of all three edges: cross(edge, point - corner) >= 0.
    inside = None
    for k in range(3):
        cx, cy = corners[:, k, 0, None, None], corners[:, k, 1, None, None]
        ex, ey = edge[:, k, 0, None, None], edge[:, k, 1, None, None]
        left = ex * (ticks[None, :, None] - cy) >= ey * (ticks[None, None, :] - cx)
        inside = left if inside is None else inside & left
    assert inside is not None
    cover = torch.nn.functional.avg_pool2d(inside[:, None].float(), subpixels)
    return 1 - 2 * cover


def triangles(count: int, rng: torch.Generator) -> Batch:
    """Images of `count` random triangles, 28 x 28, one class."""
    corners = triangle_vertices(count, rng)
    # 50,176 sample points an image: a thousand images at a time stay below 200 MB.
    images = [rasterise(some) for some in torch.split(corners, 256)]
    return Batch(torch.cat(images), torch.zeros(count, dtype=torch.int64))
