"""Learning rates, and the state of optimizers."""

from functools import partial
from typing import Any

import torch

from benchmarks.detection.faults.fault import Fault
from reference_models.trainer import Trainer


def scaled(optimizer: torch.optim.Optimizer, times: float) -> None:
    """All later steps at so many times the rate that the trainer sets."""

    def before(used: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        for group in used.param_groups:
            group["lr"] *= times

    optimizer.register_step_pre_hook(before)


def _g(times: float, trainer: Trainer) -> None:
    scaled(trainer.g_optimizer, times)


def _d(times: float, trainer: Trainer) -> None:
    scaled(trainer.d_optimizer, times)


def _forgotten(trainer: Trainer) -> None:
    for optimizer in (trainer.g_optimizer, trainer.d_optimizer):
        optimizer.state.clear()


G_FAST = Fault("generator's rate x 100", partial(_g, 100.0))
D_FAST = Fault("discriminator's rate x 100", partial(_d, 100.0))
D_STILL = Fault("discriminator's rate 0", partial(_d, 0.0))
G_SLOW = Fault(
    "generator's rate / 1,000 from the start, as by a wrong exponent",
    partial(_g, 1e-3),
    at=0.0,
    means=("discriminator-overpowering", "saturated-gradients"),
)
FORGOTTEN = Fault("optimizers' state lost, as by a resume without it", _forgotten, at=0.5)
