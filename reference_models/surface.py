"""What the discriminator of a checkpoint says of each place in the plane."""

from pathlib import Path

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from reference_models import build
from reference_models.checkpoints import load_weights, read_head, read_recipe


@torch.no_grad()
def surface(
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
