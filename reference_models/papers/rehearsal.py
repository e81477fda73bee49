"""A few real steps of a recipe on random images: what a step of it costs on this device."""

from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

import torch

from gandiag.errors import GandiagError
from reference_models.data.table import look_up
from reference_models.recipe import Recipe, replace
from reference_models.trainer import prepare
from reference_models.tricks.packing import Packing

CLASSES = 1000
"""Of a folder that is not here: ImageNet's, which the recipes of a folder are of."""
FEW = 8
"""On a CPU, images are timed in batches of so many (packs), and the time is multiplied."""
STEPS = 3
PATIENCE = 60.0
"""Seconds of timed steps after which no further one is begun."""


class Timing(NamedTuple):
    """What the steps took."""

    seconds: float
    """Of one step, the fastest of those timed."""
    share: int
    """Into how many parts the batch was cut; the time is multiplied by it."""
    device: str
    threads: int

    def hours(self, steps: int) -> float:
        """Of all the training."""
        return steps * self.seconds / 3600


def rehearsed(recipe: Recipe, share: int = 1) -> Recipe:
    """The recipe on random pixels in the shape of its images, at a part of its batch.

    Points are drawn by formula and need no stand-in.
    """
    known = look_up(recipe.data, recipe.resolution)
    changes: dict[str, object] = {
        "batch": recipe.optimisation.batch // share,
        "batch_g": recipe.optimisation.batch_g // share,
    }
    if len(known.shape) == 3:
        classes = CLASSES if known.classes is None else known.classes
        changes |= {"data": f"noise:{classes}", "resolution": known.shape[-1]}
    return replace(recipe, changes)


def time_steps(
    recipe: Recipe, device: torch.device, advance: Callable[[int], None] = lambda _: None
) -> Timing:
    """Time a few steps, after one that is not counted.

    Args:
        recipe: of any data, which need not be here.
        device: where to.
        advance: told of each step.

    Raises:
        GandiagError: a step does not fit in the device's memory.
    """
    images = len(look_up(recipe.data, recipe.resolution).shape) == 3
    batch, pack = recipe.optimisation.batch, recipe.trick(Packing).pack
    share = batch // (FEW * pack) if images and device.type == "cpu" else 1
    took: list[float] = []
    try:
        trainer = prepare(rehearsed(recipe, share), device=device)
        _wait(trainer.step().g_loss)
        advance(1)
        while len(took) < STEPS and sum(took) < PATIENCE:
            begun = monotonic()
            _wait(trainer.step().g_loss)
            took.append(monotonic() - begun)
            advance(1)
    except torch.cuda.OutOfMemoryError as error:
        raise GandiagError(
            f"a step of {recipe.name} does not fit in the memory of {device}; use a larger card, "
            "or several processes"
        ) from error
    return Timing(share * min(took), share, str(device), torch.get_num_threads())


def _wait(loss: torch.Tensor) -> None:
    loss.item()  # the device has done all then
