"""Terms of the losses that are missing, wrong or too many."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.detection.faults.fault import Fault
from reference_models.losses import Loss
from reference_models.trainer import Trainer


class Reworded:
    """A loss whose generator's part is another function of it."""

    def __init__(self, loss: Loss, change: Callable[[Tensor], Tensor]):
        self.loss, self.change = loss, change
        self.needs_real, self.d_loss = loss.needs_real, loss.d_loss

    def g_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """See `Loss.g_loss`."""
        return self.change(self.loss.g_loss(fake_logits, real_logits))


def _unpenalised(trainer: Trainer) -> None:
    trainer.penalty = lambda critic, real, fake, rng: torch.zeros((), device=real.device)


def _wrong_sign(trainer: Trainer) -> None:
    trainer.loss = Reworded(trainer.loss, torch.neg)


def _pulled(weight: float, trainer: Trainer) -> None:
    """The squared distance of samples from their mean, with a weight, in the generator's loss."""
    last: list[Tensor] = []

    def after(network: nn.Module, args: Any, samples: Tensor) -> None:
        last[:] = [samples]

    def change(loss: Tensor) -> Tensor:
        return loss + weight * last[0].flatten(1).var(0).mean()

    trainer.generator.register_forward_hook(after)
    trainer.loss = Reworded(trainer.loss, change)


def _pulled_together(trainer: Trainer) -> None:
    _pulled(30.0, trainer)


UNPENALISED = Fault(
    "the gradient penalty is left out",
    _unpenalised,
    at=0.0,
    means=("lipschitz-violation", "divergence"),
)
WRONG_SIGN = Fault("the generator's loss has the wrong sign", _wrong_sign)
PULLED = Fault(
    "the generator is also trained to be near its mean",
    _pulled_together,
    means=("mode-collapse", "intra-mode-collapse"),
)
