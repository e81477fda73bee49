"""Training that begins as Gulrajani et al.'s code does: with the weights of He et al. 2015."""

import torch
from torch import nn

from reference_models import build
from reference_models.data import Data
from reference_models.losses import LOSSES
from reference_models.randomness import generator, seeded
from reference_models.recipe import Recipe
from reference_models.trainer import Trainer


def trained(recipe: Recipe, data: Data, seed: int, fixed: nn.Module | None = None) -> Trainer:
    """A trainer at its last step, its linear layers drawn by He et al. 2015.

    Args:
        recipe: of the networks and their training.
        data: to learn.
        seed: of all that is drawn.
        fixed: in place of the recipe's generator.
    """
    with seeded(torch.device("cpu"), "weights that are drawn anew"):
        generating = fixed or build.generator(recipe, data.shape, 0)
        networks = generating, build.discriminator(recipe, data.shape, 0)
    rng = generator("He", seed)
    for network in networks:
        for layer in network.modules():
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=rng)
                nn.init.zeros_(layer.bias)
    loss, penalty = LOSSES[recipe.objective.loss], build.penalty(recipe.objective)
    trainer = Trainer(recipe, data, *networks, loss=loss, penalty=penalty, seed=seed)
    for _ in trainer.steps():
        pass
    return trainer
