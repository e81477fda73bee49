"""A generator whose samples have the discriminator's mean features of real ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from reference_models.data.base import Batch
from reference_models.randomness import Draws
from reference_models.tricks.base import Judged, Trick

if TYPE_CHECKING:
    from reference_models.trainer import Trainer


def features(discriminator: nn.Module, batch: Batch) -> Tensor:
    """What the discriminator's last layer reads: (n, width)."""
    seen: list[Tensor] = []
    head = discriminator.get_submodule("discriminator.head")
    handle = head.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    try:
        discriminator(*batch)
    finally:
        handle.remove()
    return seen[0].float()


def matching(real: Tensor, generated: Tensor) -> Tensor:
    """||mean of the real - mean of the generated||^2: (n, width), (m, width) -> a scalar.

    Salimans et al. 2016, section 3.1.
    """
    return (real.mean(dim=0) - generated.mean(dim=0)).square().sum()


@dataclass(frozen=True)
class FeatureMatching(Trick):
    """A term of the generator's loss, see `matching`; for Salimans et al. it is the whole loss."""

    feature_matching: float = 0.0
    """Weight of the distance of mean features in the generator's loss (Salimans et al. 2016)."""

    def g_term(self, fake: Judged, trainer: "Trainer", draws: Draws) -> Tensor:
        """Against the next real samples."""
        how = trainer.recipe.optimisation
        real = trainer.real(how.batch_g or how.batch, draws)
        wanted = features(trainer.discriminator, real).detach()
        found = features(trainer.discriminator, Batch(fake.x, fake.y))
        return self.feature_matching * matching(wanted, found)
