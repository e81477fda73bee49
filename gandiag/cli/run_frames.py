"""What the checkpoints of a run make, from the first to the last."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from gandiag.cli.terminal import bar
from gandiag.errors import GandiagError
from gandiag.live.still import Plane, Points, Sheets
from gandiag.reporting.html import contact_sheet
from gandiag.sources import ImageSource, StatisticsFile, dataset_names, open_source, points_of

FRAMES = 40
"""Checkpoints shown of a run, evenly spread, and the last."""
DOTS = 500
"""Points drawn at each."""
CELLS = 48
"""Along a side of the discriminator's surface."""
MARGIN = 0.25
"""Of the real points' extent, on every side."""

Advance = Callable[[int], None]


def made(run: Path) -> Plane | Sheets | None:
    """Samples of the same latents at each checkpoint.

    None of a run without checkpoints of `reference_models`, or of points not in the plane.

    Raises:
        GandiagError: a checkpoint cannot be read.
    """
    from reference_models import checkpoints

    found = checkpoints.find(run) if run.is_dir() else []
    if not found:
        return None
    chosen = found[:: -(-len(found) // FRAMES)]
    chosen += found[-1:] if chosen[-1] != found[-1] else []
    sources = [_opened(str(each)) for each in chosen]
    points = points_of(sources[0])
    if points is not None and points.width != 2:
        return None
    steps = [int(checkpoints.read_head(each)["step"]) for each in chosen]
    with bar(f"checkpoints of {run}", len(chosen)) as advance:
        if points is not None:
            return _plane(chosen, steps, sources, advance)
        sheets = []
        for step, source in zip(steps, sources, strict=True):
            sheets.append((step, contact_sheet(source, columns=10)))
            advance(1)
    return Sheets(tuple(sheets))


def _plane(
    folders: Sequence[Path], steps: Sequence[int], sources: Sequence[ImageSource], advance: Advance
) -> Plane | None:
    from reference_models.checkpoints import read_recipe

    data = read_recipe(folders[0]).data
    if data not in dataset_names():
        return None
    real = _drawn(_opened(f"dataset:{data}"))
    low, high = real.amin(dim=0), real.amax(dim=0)
    side = float((high - low).max()) * (1 + 2 * MARGIN)
    middle = ((low + high) / 2).tolist()
    corner = middle[0] - side / 2, middle[1] - side / 2
    frames = []
    for folder, step, source in zip(folders, steps, sources, strict=True):
        frames.append(Points(step, _drawn(source), _surface(folder, corner, side, CELLS)))
        advance(1)
    return Plane(real, corner, side, tuple(frames))


@torch.no_grad()
def _surface(
    checkpoint: Path, corner: tuple[float, float], side: float, cells: int
) -> Tensor | None:
    """(cells, cells) float32 scores, from the top left; None where it judges more than a point.

    A conditional discriminator judges a point with its label, a packed one several at once, and one
    that a trick builds may be another altogether.

    Args:
        checkpoint: of a recipe whose data are points in the plane.
        corner: the least x and y.
        side: of the square.
        cells: along a side.
    """
    from reference_models import build
    from reference_models.checkpoints import load_weights, read_head, read_recipe

    recipe = read_recipe(checkpoint)
    if recipe.networks.conditional:
        return None
    with torch.random.fork_rng(devices=[]):
        network = build.discriminator(recipe, (2,), len(read_head(checkpoint)["classes"])).eval()
    try:
        load_weights(network, checkpoint / "discriminator.safetensors")
    except GandiagError:
        return None
    places = (torch.arange(cells) + 0.5) / cells * side
    y, x = torch.meshgrid(corner[1] + side - places, corner[0] + places, indexing="ij")
    points = torch.stack([x, y], dim=2).view(-1, 2)
    labels = torch.zeros(len(points), dtype=torch.int64)
    scores: Tensor = network(points / recipe.scale, labels)
    return scores[:, 0].view(cells, cells)


def _opened(name: str) -> ImageSource:
    found = open_source(name)
    assert not isinstance(found, StatisticsFile)
    return found


def _drawn(source: ImageSource) -> Tensor:
    return torch.cat([batch.images for batch in source.limit(DOTS, seed=0).batches(DOTS)])
