"""Terms of the losses that are missing, wrong or too many."""

from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.detection.faults.fault import Fault
from reference_models.trainer import Trainer


class Reworded:
    """A loss whose generator's part is another function of it."""

    def __init__(self, loss: Any, change: Any):
        self.loss, self.change = loss, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loss, name)

    def g_loss(self, *outputs: Tensor) -> Tensor:
        """See `reference_models.losses`."""
        changed: Tensor = self.change(self.loss.g_loss(*outputs))
        return changed


def _unpenalised(trainer: Trainer) -> None:
    trainer.penalty = lambda critic, real, fake, rng: torch.zeros((), device=real.device)


def _wrong_sign(trainer: Trainer) -> None:
    trainer.loss = Reworded(trainer.loss, torch.neg)  # type: ignore[assignment]


def _pulled(weight: float, trainer: Trainer) -> None:
    """The squared distance of samples from their mean, with a weight, in the generator's loss."""
    last: list[Tensor] = []

    def after(network: nn.Module, args: Any, samples: Tensor) -> None:
        last[:] = [samples]

    def change(loss: Tensor) -> Tensor:
        return loss + weight * last[0].flatten(1).var(0).mean()

    trainer.generator.register_forward_hook(after)
    trainer.loss = Reworded(trainer.loss, change)  # type: ignore[assignment]


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
