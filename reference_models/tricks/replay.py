"""Earlier generated samples for the discriminator."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from gandiag.errors import GandiagError
from reference_models.data.base import Batch
from reference_models.randomness import Draws
from reference_models.tricks.base import Shape, State, Trick

if TYPE_CHECKING:
    from reference_models.recipe import Recipe
    from reference_models.trainer import Trainer


def store(capacity: int, shape: Shape, device: torch.device | None = None) -> State:
    """An empty store: samples ``x``, their labels ``y``, and how many places are ``filled``."""
    return {
        "x": torch.zeros(capacity, *shape, device=device),
        "y": torch.zeros(capacity, dtype=torch.int64, device=device),
        "filled": torch.zeros((), dtype=torch.int64),
    }


def mix(state: State, fresh: Batch, rng: torch.Generator) -> Batch:
    """A batch as large as `fresh`, half of it from the store (Shrivastava et al. 2017, 2.3).

    As soon as the store holds as many; half of the fresh batch then takes random places in it.
    """
    x, y, filled = state["x"], state["y"], int(state["filled"])
    half = len(fresh.x) // 2
    if not half:
        return fresh
    mixed = fresh
    if filled >= half:
        old = torch.randperm(filled, generator=rng)[:half]
        mixed = Batch(torch.cat([x[old], fresh.x[half:]]), torch.cat([y[old], fresh.y[half:]]))
    room = min(half, len(x) - filled)
    places = torch.arange(filled, filled + room)
    if not room:
        places = torch.randperm(len(x), generator=rng)[:half]
    x[places], y[places] = fresh.x[: len(places)], fresh.y[: len(places)]
    state["filled"] += room
    return mixed


@dataclass(frozen=True)
class Replay(Trick):
    """The discriminator's generated samples are half old ones, see `mix`."""

    replay: int = 0
    """Capacity of the store of earlier generated samples (Shrivastava et al. 2017)."""

    def check(self, recipe: "Recipe", shape: Shape | None = None, processes: int = 1) -> None:
        """Refuse several processes."""
        if processes > 1:
            raise GandiagError(
                f"the recipe {recipe.name} stores samples for replay, which only one process can "
                "keep; set replay to 0 or use one process"
            )

    def state(self, trainer: "Trainer") -> State:
        """An empty store."""
        return store(self.replay, trainer.data.shape, trainer.device)

    def stored(self, fake: Batch, trainer: "Trainer", draws: Draws) -> Batch:
        """Half old ones."""
        return mix(trainer.states[self.name], fake, draws.own("replay"))
