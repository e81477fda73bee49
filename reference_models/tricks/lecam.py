"""A discriminator whose logits stay near those of the other kind of sample so far."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import relu

from gandiag.errors import GandiagError
from reference_models.randomness import Draws
from reference_models.tricks.base import Judged, Shape, State, Trick

if TYPE_CHECKING:
    from reference_models.recipe import Recipe
    from reference_models.trainer import Trainer


def lecam_term(real: Tensor, fake: Tensor, real_mean: Tensor, fake_mean: Tensor) -> Tensor:
    """E relu(D(x) - a_F)^2 + E relu(a_R - D(G(z)))^2, a scalar.

    Tseng et al. 2021, in the form of their code, which counts only logits that are
    beyond the other kind's mean.

    Args:
        real: (n,), logits on real samples.
        fake: (m,), on generated ones.
        real_mean: a_R, a moving average of the logits on real samples.
        fake_mean: a_F, the same of generated ones.
    """
    return relu(real - fake_mean).square().mean() + relu(real_mean - fake).square().mean()


@dataclass(frozen=True)
class LeCam(Trick):
    """A term of the discriminator's loss, see `lecam_term` (Tseng et al. 2021)."""

    lecam: float = 0.0
    """Weight of the LeCam regulariser (Tseng et al. 2021)."""
    lecam_decay: float = 0.99
    """Of the moving averages of logits (Tseng et al. 2021: .99)."""
    lecam_start: int = 0
    """Steps before it acts, in which the averages are of one batch (Tseng et al. 2021's code:
    1000)."""

    def check(self, recipe: "Recipe", shape: Shape | None = None, processes: int = 1) -> None:
        """Refuse several processes, whose averages would differ, and decays from 1 on."""
        if processes > 1:
            raise GandiagError(
                f"the recipe {recipe.name} averages logits for lecam, which only one process can "
                "keep; set lecam to 0 or use one process"
            )
        if self.lecam_decay >= 1:
            raise GandiagError(
                f"lecam_decay is {self.lecam_decay} in the recipe {recipe.name}; it must be below 1"
            )

    def state(self, trainer: "Trainer") -> State:
        """Both averages."""
        return {role: torch.zeros((), device=trainer.device) for role in ("real", "fake")}

    def d_term(
        self, real: Judged, fake: Judged, trainer: "Trainer", draws: Draws
    ) -> Tensor | float:
        """With averages that have seen this batch."""
        kept, early = trainer.states[self.name], trainer.finished < self.lecam_start
        first = trainer.finished == 0
        for role, judged in (("real", real), ("fake", fake)):
            share = 1.0 if early or first else 1 - self.lecam_decay
            kept[role].lerp_(judged.out[:, 0].detach().mean(), share)
        if early:
            return 0.0
        return self.lecam * lecam_term(real.out[:, 0], fake.out[:, 0], kept["real"], kept["fake"])
