"""A discriminator that sees how much the samples of a batch differ."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from reference_models.networks.conditioning import wrapping
from reference_models.tricks.base import Make, Shape, Trick

if TYPE_CHECKING:
    from reference_models.recipe import Recipe


def spread(features: Tensor, group: int) -> Tensor:
    """How much neighbours differ: (n, width) -> (n, 1), the same for all of a group.

    The standard deviation of each feature over the group, averaged over features (Karras et al.
    2018, section 3). Groups have the largest size up to `group` that divides n, so that every batch
    has them. The deviation is sqrt(variance + 1e-8), variance with n in the denominator, as in
    their code, so that it has a gradient where all are equal.
    """
    n = len(features)
    size = next(size for size in range(min(group, n), 0, -1) if n % size == 0)
    groups = features.reshape(-1, size, features.shape[1])
    deviations: Tensor = (groups.var(dim=1, correction=0) + 1e-8).sqrt().mean(dim=1)
    return deviations.repeat_interleave(size)[:, None]


class SpreadHead(nn.Module):
    """A last layer whose logits also have a weight for the spread of the features it reads.

    That is a linear layer on the features with the spread beside them. Karras et al. put it before
    their last convolution.
    """

    def __init__(self, head: nn.Module, outputs: int, group: int, norm: str):
        super().__init__()
        self.head = head
        self.weigh = wrapping(norm)(nn.Linear(1, outputs, bias=False))
        self.group = group

    def forward(self, features: Tensor, y: Tensor) -> Tensor:
        """(n, width), (n,) -> (n, outputs)."""
        logits: Tensor = self.head(features, y) + self.weigh(spread(features, self.group))
        return logits


@dataclass(frozen=True)
class MinibatchSpread(Trick):
    """The discriminator's last layer sees the `spread` of its batch (Karras et al. 2018)."""

    minibatch_std: int = 0
    """Samples whose standard deviation the discriminator sees, "minibatch stddev" (Karras et al.
    2018: 4 in their code)."""

    def build_d(self, make: Make, recipe: "Recipe") -> Make:
        """Put it beside the last layer."""

        def seeing(shape: Shape) -> nn.Module:
            network = make(shape)
            head = network.get_submodule("head")
            outputs = head.get_submodule("linear").out_features
            assert isinstance(outputs, int)
            network.head = SpreadHead(head, outputs, self.minibatch_std, recipe.networks.norm_d)
            return network

        return seeing
