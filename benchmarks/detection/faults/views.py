"""What a network is shown, and what becomes of what it says."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.detection.faults.fault import Fault
from reference_models.trainer import Trainer


def _steep(times: float, trainer: Trainer) -> None:
    def after(network: nn.Module, args: Any, logits: Tensor) -> Tensor:
        return times * logits

    trainer.discriminator.register_forward_hook(after)


def _half(trainer: Trainer) -> None:
    def before(network: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x = args[0]
        flat = x.flatten(1)
        seen = torch.arange(flat.shape[1], device=x.device) < flat.shape[1] // 2
        return (torch.where(seen, flat, 0).reshape(x.shape), *args[1:])

    trainer.discriminator.register_forward_pre_hook(before)


def _narrow(times: float, trainer: Trainer) -> None:
    def before(network: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (times * args[0], *args[1:])

    trainer.generator.register_forward_pre_hook(before)


def _blind(trainer: Trainer) -> None:
    def before(network: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (args[0], torch.zeros_like(args[1]))

    trainer.generator.register_forward_pre_hook(before)


STEEP = Fault(
    "logits x 10 behind the normalised layers",
    partial(_steep, 10.0),
    at=0.0,
    means=("lipschitz-violation",),
)
HALF = Fault("the discriminator sees half of each sample", _half, at=0.0)
NARROW = Fault(
    "latents x .001 from then on",
    partial(_narrow, 1e-3),
    means=("mode-collapse", "intra-mode-collapse"),
)
BLIND = Fault("the generator is told class 0 always", _blind, at=0.0, means=("label-ignored",))
