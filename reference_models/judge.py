"""The score that picks a run's best checkpoint, from images that training never sees."""

from collections.abc import Callable

from torch import Tensor

import gandiag
from gandiag.sources import GeneratedImages
from reference_models.data import open_data
from reference_models.data.images import to_bytes
from reference_models.generator import Sampler
from reference_models.recipe import Recipe

COUNT = 2000
"""Samples of either side at most. The bias of a small sample is the same at every checkpoint."""


def held_out_distance(
    recipe: Recipe, *, features: str | None = None, device: str = "cpu"
) -> Callable[[Sampler], float]:
    """Frechet distance of a generator's samples to the held-out split of the recipe's data.

    Args:
        recipe: whose data is opened.
        features: as `gandiag.score` takes them. By default coordinates for points; for images lite0
            from 32 pixels up, and below, where a network for photographs sees little, their pixels
            (shrunk to 16 x 16, so that there are fewer of them than of images).
        device: where the features are computed.

    Raises:
        GandiagError: the data is not there.
    """
    data = open_data(recipe.data, recipe.resolution)
    real = data.split("heldout", COUNT).x
    if len(data.shape) == 3:
        side = data.shape[-1]
        features = features or ("lite0" if side >= 32 else f"pixels:{min(side, 16)}")
        real = _pictures(real)
    scorer = gandiag.Scorer(
        real, features=features, metrics=("fid",), device=device, max_images=len(real)
    )

    def score(sampler: Sampler) -> float:
        return scorer(GeneratedImages(recipe.name, sampler))["fid"].value

    return score


def _pictures(x: Tensor) -> Tensor:
    return to_bytes(x).expand(-1, 3, -1, -1)
