"""Ways between latents as pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.files import write_output
from gandiag.generators.interpolation import find_interpolation
from gandiag.generators.opening import open_generator
from gandiag.generators.space import LatentSpace, Space
from gandiag.reporting.plots import figure, png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALLEST, LARGEST = 64, 256
"""Pixels of an image on the sheet; smaller ones are enlarged by whole pixels."""

GAP = 2
"""White pixels between images."""


def interpolations(
    generator: Any,
    *,
    rows: int = 8,
    columns: int = 9,
    interpolation: str = "lerp",
    space: Space = "z",
    label: str | None = None,
    seed: int = 0,
) -> Tensor:
    """Samples at even steps between pairs of latents.

    Args:
        generator: what `open_generator` takes, or what it gives.
        rows: of pairs; pair i depends on the seed and i alone.
        columns: of steps, both ends among them.
        interpolation: ``lerp``, ``slerp`` or ``slerp-unit``, see
            `gandiag.generators.interpolation`.
        space: ``z``, or ``w`` of a generator that has a mapping.
        label: a class, for a conditional generator; None draws one for each row.
        seed: of the pairs.

    Returns:
        (rows, columns, 3, height, width) uint8; or points, (rows, columns, d) float32.

    Raises:
        GandiagError: something asked for cannot be had.
    """
    opened = open_generator(generator).sure()
    opened.check(space, label)
    between = find_interpolation(interpolation)
    if rows < 1 or columns < 2:
        raise GandiagError(
            f"a sheet of {rows} rows and {columns} columns shows no way; "
            "give a row or more and 2 columns or more"
        )
    labels = opened.labels(seed, range(rows), label)
    twice = None if labels is None else labels.repeat_interleave(2)
    ends = opened.in_space(opened.latents(seed, range(2 * rows)), twice, space)
    steps = torch.linspace(0, 1, columns, dtype=torch.float64)
    given = []
    for row in range(rows):
        start, end = (each.expand(columns, *each.shape) for each in ends[2 * row : 2 * row + 2])
        of_row = None if labels is None else labels[row].expand(columns)
        given.append(opened.samples(between(start, end, steps), of_row, space).cpu())
    made = opened.pictures(torch.cat(given))
    return made.reshape(rows, columns, *made.shape[1:])


def sheet(images: Tensor) -> Tensor:
    """(rows, columns, 3, height, width) uint8 => one picture of all, (3, height, width) uint8."""
    rows, columns, channels, height, width = images.shape
    longest = max(height, width)
    flat = images.flatten(0, 1)
    if longest < SMALLEST:
        times = -(-SMALLEST // longest)
        flat = flat.repeat_interleave(times, 2).repeat_interleave(times, 3)
    elif longest > LARGEST:
        size = (max(1, height * LARGEST // longest), max(1, width * LARGEST // longest))
        smaller = F.interpolate(flat.float(), size, mode="bilinear", antialias=True)
        flat = smaller.round().clamp(0, 255).to(torch.uint8)
    flat = F.pad(flat, (0, GAP, 0, GAP), value=255)
    grid = flat.reshape(rows, columns, *flat.shape[1:]).permute(2, 0, 3, 1, 4)
    whole = grid.reshape(channels, rows * flat.shape[2], columns * flat.shape[3])
    return whole[:, :-GAP, :-GAP].contiguous()


def ways(points: Tensor) -> "Figure":
    """(rows, columns, 2) => each row as a line through its points, which begins at a dot.

    Raises:
        GandiagError: the points have not two coordinates.
    """
    if points.shape[2] != 2:
        raise GandiagError(
            f"ways between points of {points.shape[2]} coordinates cannot be drawn; "
            "use a generator of images, or of points in the plane"
        )
    drawing = figure(6, 6)
    axes = drawing.add_subplot(aspect="equal")
    for row in points.tolist():
        (line,) = axes.plot(*zip(*row, strict=True), marker=".", markersize=4, linewidth=1)
        axes.plot(*row[0], marker="o", color=line.get_color())
    return drawing


def write_interpolations(path: str | Path, generator: Any, **how: Any) -> None:
    """Write `interpolations` as a PNG: a sheet of images, or ways in the plane for points.

    Args:
        path: the file, which is replaced whole or not at all.
        generator: as in `interpolations`.
        how: its other arguments.

    Raises:
        GandiagError: something asked for cannot be had, or the file cannot be written.
    """
    opened: LatentSpace = open_generator(generator)
    made = interpolations(opened, **how)
    write_output(Path(path), png(sheet(made) if made.ndim == 5 else ways(made), dpi=150))
