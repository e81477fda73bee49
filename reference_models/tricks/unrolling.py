"""A generator that answers to the discriminator of some updates later."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gandiag.errors import GandiagError
from reference_models.data.base import Batch
from reference_models.randomness import Draws
from reference_models.tricks.base import Judge, Judged, Shape, Trick

if TYPE_CHECKING:
    from reference_models.recipe import Recipe
    from reference_models.trainer import Trainer


class AdamState(NamedTuple):
    """What Adam remembers of the parameters by name, as constants."""

    step: int
    mean: Mapping[str, Tensor]
    square: Mapping[str, Tensor]


def adam_update(
    parameters: Mapping[str, Tensor],
    gradients: Iterable[Tensor],
    state: AdamState,
    *,
    rate: float,
    betas: tuple[float, float],
    eps: float = 1e-8,
) -> tuple[dict[str, Tensor], AdamState]:
    """One step of Adam (Kingma and Ba 2015, algorithm 1) that gradients flow through."""
    b1, b2 = betas
    step = state.step + 1
    updated, mean, square = {}, {}, {}
    for (name, value), gradient in zip(parameters.items(), gradients, strict=True):
        mean[name] = b1 * state.mean[name] + (1 - b1) * gradient
        square[name] = b2 * state.square[name] + (1 - b2) * gradient.square()
        # sqrt(v + tiny): the root has no gradient at 0, where an unused unit's second moment is.
        root = (square[name] / (1 - b2**step) + 1e-24).sqrt()
        updated[name] = value - rate * (mean[name] / (1 - b1**step)) / (root + eps)
    return updated, AdamState(step, mean, square)


def unroll(
    loss: Callable[[Mapping[str, Tensor]], Tensor],
    parameters: Mapping[str, Tensor],
    state: AdamState,
    steps: int,
    *,
    rate: float,
    betas: tuple[float, float],
) -> dict[str, Tensor]:
    """The discriminator's parameters after `steps` further updates, as a function of the generator.

    theta_{k+1} = theta_k - Adam(d loss(theta_k) / d theta_k)  (Metz et al. 2017; Adam in place of
    the plain gradient, as in their published notebook). Gradients flow through all steps.

    Args:
        loss: the discriminator's loss as a function of its parameters; it may carry the generator's
            graph.
        parameters: where to start, by name.
        state: of the optimizer there.
        steps: how many updates.
        rate: learning rate.
        betas: of Adam.
    """
    current = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    for _ in range(steps):
        gradients = torch.autograd.grad(loss(current), list(current.values()), create_graph=True)
        current, state = adam_update(current, gradients, state, rate=rate, betas=betas)
    return current


def adam_state(
    optimizer: torch.optim.Optimizer, parameters: Mapping[str, nn.Parameter]
) -> AdamState:
    """What torch's Adam remembers; zeros before its first step."""
    states = {name: optimizer.state.get(value, {}) for name, value in parameters.items()}
    zeros = {name: torch.zeros_like(value) for name, value in parameters.items()}
    return AdamState(
        step=max((int(state["step"]) for state in states.values() if state), default=0),
        mean={name: state.get("exp_avg", zeros[name]) for name, state in states.items()},
        square={name: state.get("exp_avg_sq", zeros[name]) for name, state in states.items()},
    )


@dataclass(frozen=True)
class Unrolling(Trick):
    """The generator's loss is of the discriminator that `unroll` gives (Metz et al. 2017)."""

    unroll: int = 0
    """Discriminator updates that the generator looks ahead."""

    def check(self, recipe: "Recipe", shape: Shape | None = None, processes: int = 1) -> None:
        """Refuse other optimizers than Adam."""
        kind = recipe.optimisation.discriminators
        if kind != "adam":
            raise GandiagError(
                f"the recipe {recipe.name} unrolls {kind}; only adam can be unrolled"
            )

    def judge(self, judge: Judge, fake: Batch, trainer: "Trainer", draws: Draws) -> Judge:
        """Look ahead on the next real samples and these generated ones."""
        network, optimizer = trainer.discriminator, trainer.d_optimizer
        how = trainer.recipe.optimisation
        real = trainer.real(how.batch, draws)
        parameters = dict(network.named_parameters())
        buffers = {name: value.clone() for name, value in network.named_buffers()}

        def out_of(weights: Mapping[str, Tensor], batch: Batch) -> Tensor:
            with torch.autocast(trainer.device.type, enabled=False):
                out: Tensor = functional_call(network, ({**weights}, buffers), tuple(batch))
            return out.float()

        def loss(weights: Mapping[str, Tensor]) -> Tensor:
            a, b = (Judged(*batch, out_of(weights, batch)) for batch in (real, fake))
            return trainer.d_loss(a, b, draws)

        with torch.autocast(trainer.device.type, enabled=False):
            ahead = unroll(
                loss,
                parameters,
                adam_state(optimizer, parameters),
                self.unroll,
                rate=optimizer.param_groups[0]["lr"],
                betas=(how.beta1, how.beta2),
            )
        return lambda batch: out_of(ahead, batch)
