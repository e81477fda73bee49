"""How many of torch's threads small trainings take."""

import math
import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from gandiag.metrics.threads import one_thread

if TYPE_CHECKING:
    from reference_models.recipe import Recipe

SMALL = 32 * 32
"""Pixels from which on a training step is worth sharing among threads."""


def one_unless_told() -> AbstractContextManager[None]:
    """One thread, unless ``OMP_NUM_THREADS`` says how many.

    Small steps are a few thousand short parallel parts: several threads gain a fifth on an idle
    machine, and on a busy one wait for each other, by up to twenty times the processor's time.
    """
    return nullcontext() if "OMP_NUM_THREADS" in os.environ else one_thread()


def threads_for(recipe: "Recipe", device: str) -> AbstractContextManager[None]:
    """The same for points and small images on a CPU; what torch takes for others."""
    from reference_models.data.table import look_up

    pixels = math.prod(look_up(recipe.data, recipe.resolution).shape[1:])
    return one_unless_told() if device == "cpu" and pixels < SMALL else nullcontext()
