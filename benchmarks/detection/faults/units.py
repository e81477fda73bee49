"""Weights."""

import torch
from torch import nn

from benchmarks.detection.faults.fault import Fault
from reference_models.trainer import Trainer

LINEAR = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@torch.no_grad()
def _dead(network: nn.Module, shift: float = 20.0) -> None:
    """Biases in front of the activations far below 0: of the norms if there are, else of layers."""
    norms = [each for each in network.modules() if isinstance(each, NORMS) and each.affine]
    layers = [each for each in network.modules() if isinstance(each, LINEAR)][:-1]
    for each in norms or layers:
        if each.bias is not None:
            each.bias -= shift


def _dead_g(trainer: Trainer) -> None:
    _dead(trainer.generator)


def _dead_d(trainer: Trainer) -> None:
    _dead(trainer.discriminator)


@torch.no_grad()
def _thrown(trainer: Trainer) -> None:
    """Its last bias far out: samples are away from the data, or at the bound of their tanh."""
    last = [each for each in trainer.generator.modules() if isinstance(each, LINEAR)][-1]
    assert last.bias is not None
    last.bias += 5.0


DEAD_G = Fault("hidden units of the generator shut", _dead_g, means=("dead-units",))
DEAD_D = Fault("hidden units of the discriminator shut", _dead_d, means=("dead-units",))
THROWN = Fault("the generator's last bias 5 too high", _thrown)
