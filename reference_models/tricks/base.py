"""The places in the loop where a trick may act."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor, nn

from reference_models.data.base import Batch
from reference_models.randomness import Draws

if TYPE_CHECKING:
    from reference_models.recipe import Recipe
    from reference_models.trainer import Trainer

Shape = tuple[int, ...]
State = dict[str, Tensor]
Make = Callable[[Shape], nn.Module]
"""Makes a network for samples of a shape."""
Judge = Callable[[Batch], Tensor]
"""(n, *shape), (n,) -> (n, 1 + k), logits in column 0."""


class Judged(NamedTuple):
    """Samples with what the discriminator says of them."""

    x: Tensor
    """(n, *shape)."""
    y: Tensor
    """(n,) int64."""
    out: Tensor
    """(n, 1 + k); of packs as many rows as there are packs."""


@dataclass(frozen=True)
class Trick:
    """What each place does where a trick does nothing.

    A trick's fields are its settings, and their names are those of no other setting. With all
    defaults it is off, and stands in no recipe. All that it remembers is in `Trainer.states`, under
    its name.
    """

    @property
    def name(self) -> str:
        """Of its file."""
        return type(self).__module__.rpartition(".")[2]

    def check(self, recipe: "Recipe", shape: Shape | None = None, processes: int = 1) -> None:
        """Whether it goes with the rest.

        Args:
            recipe: all other settings.
            shape: of one sample, as soon as it is known.
            processes: that train together.

        Raises:
            GandiagError: it does not.
        """

    def build_g(self, make: Make, recipe: "Recipe") -> Make:
        """How the generator is made."""
        return make

    def build_d(self, make: Make, recipe: "Recipe") -> Make:
        """How the discriminator is made."""
        return make

    def state(self, trainer: "Trainer") -> State:
        """Tensors that it will change in place; checkpoints keep them."""
        return {}

    def latent(self, z: Tensor, y: Tensor, trainer: "Trainer") -> Tensor:
        """(n, latent), (n,) -> the latents that the generator trains on; gradients pass."""
        return z

    def stored(self, fake: Batch, trainer: "Trainer", draws: Draws) -> Batch:
        """The generated samples that the discriminator learns from; they have no graph."""
        return fake

    def seen(self, batch: Batch, real: bool, trainer: "Trainer", draws: Draws) -> Batch:
        """What the discriminator sees of samples, in either update; gradients pass."""
        return batch

    def target(
        self, target: Tensor | float, real: bool, count: int, draws: Draws
    ) -> Tensor | float:
        """How far each of `count` samples counts as real, in [0, 1]; (count,) on the CPU."""
        return target

    def d_term(
        self, real: Judged, fake: Judged, trainer: "Trainer", draws: Draws
    ) -> Tensor | float:
        """A scalar that is added to the discriminator's loss."""
        return 0.0

    def g_term(self, fake: Judged, trainer: "Trainer", draws: Draws) -> Tensor | float:
        """A scalar that is added to the generator's loss."""
        return 0.0

    def judge(self, judge: Judge, fake: Batch, trainer: "Trainer", draws: Draws) -> Judge:
        """Whom the generator answers to."""
        return judge

    def updated(self, network: nn.Module, trainer: "Trainer") -> None:
        """After an update of this network, `trainer.generator` or `trainer.discriminator`."""
