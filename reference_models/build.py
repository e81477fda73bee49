"""From a recipe's words to the objects that train: networks, penalties, optimizers."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gandiag.errors import GandiagError
from reference_models import penalties
from reference_models.networks.conditioning import Conditioning
from reference_models.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from reference_models.networks.mlp import MLPDiscriminator, MLPGenerator
from reference_models.networks.resnet import ResNetDiscriminator, ResNetGenerator
from reference_models.penalties import Penalty
from reference_models.recipe import Recipe
from reference_models.tricks import Packed

Builder = Callable[[Recipe, tuple[int, ...], int], nn.Module]


def generator(recipe: Recipe, shape: tuple[int, ...], classes: int) -> nn.Module:
    """A generator with random weights from the global generator of random numbers.

    Args:
        recipe: what to build.
        shape: of one sample.
        classes: of the data; 0 without labels.

    Raises:
        GandiagError: the recipe conditions on labels that the data does not have, or the network
            or a switch cannot do with this shape.
    """
    _check(recipe, shape, classes)
    network = NETWORKS[recipe.network][0](recipe, shape, classes)
    _initialise(network, recipe.initialisation)
    return network


def discriminator(recipe: Recipe, shape: tuple[int, ...], classes: int) -> nn.Module:
    """A discriminator, see `generator`; it packs its samples if the recipe says so."""
    _check(recipe, shape, classes)
    packed = (shape[0] * recipe.pack, *shape[1:])
    network = NETWORKS[recipe.network][1](recipe, packed, classes)
    _initialise(network, recipe.initialisation)
    return Packed(network, recipe.pack)


def _check(recipe: Recipe, shape: tuple[int, ...], classes: int) -> None:
    if recipe.conditional and not classes:
        raise GandiagError(
            f"the recipe {recipe.name} conditions on labels, which the data {recipe.data} does not "
            "have; use labelled data, or set condition_g and condition_d to none"
        )
    if len(shape) != 3 and recipe.network != "mlp":
        raise GandiagError(
            f"the network {recipe.network} makes images, and the data {recipe.data} has samples of "
            f"shape {shape}; use mlp"
        )
    if recipe.mirror and len(shape) != 3:
        raise GandiagError(
            f"the recipe {recipe.name} mirrors images, and the data {recipe.data} has samples of "
            f"shape {shape}; set mirror to false"
        )


def penalty(recipe: Recipe) -> Penalty:
    """The weighted sum of the penalties that a recipe switches on."""
    terms: list[tuple[float, Penalty]] = [
        (recipe.gradient_penalty, partial(penalties.gradient_penalty, one_sided=recipe.one_sided)),
        (recipe.r1, penalties.r1),
        (recipe.r2, penalties.r2),
        (recipe.dragan, penalties.dragan),
    ]
    active = [(weight * recipe.penalty_every, term) for weight, term in terms if weight]

    def total(critic: penalties.Critic, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
        values = (weight * term(critic, real, fake, rng) for weight, term in active)
        return sum(values, start=real.new_zeros(()))

    return total


def optimizer(
    recipe: Recipe, parameters: Iterable[nn.Parameter], rate: float
) -> torch.optim.Optimizer:
    """A fresh optimizer of the recipe's kind."""
    return OPTIMIZERS[recipe.optimizer](recipe, list(parameters), rate)


def _conditions(recipe: Recipe, classes: int) -> dict[str, int]:
    return {
        "concat": classes if recipe.condition_g == "concat" else 0,
        "conditional": classes if recipe.condition_g == "norm" else 0,
    }


def _mlp_generator(recipe: Recipe, shape: tuple[int, ...], classes: int) -> nn.Module:
    return MLPGenerator(
        recipe.latent,
        shape,
        width=recipe.width_g,
        depth=recipe.depth_g,
        norm=recipe.norm_g,
        **_conditions(recipe, classes),
    )


def _mlp_discriminator(recipe: Recipe, shape: tuple[int, ...], classes: int) -> nn.Module:
    return MLPDiscriminator(
        shape,
        Conditioning(recipe.condition_d, classes),
        width=recipe.width_d,
        depth=recipe.depth_d,
        norm=recipe.norm_d,
        dropout=recipe.dropout,
        slope=recipe.slope,
        pieces=recipe.pieces,
    )


def _dcgan_generator(recipe: Recipe, shape: tuple[int, ...], classes: int) -> nn.Module:
    return DCGANGenerator(
        recipe.latent,
        shape,
        width=recipe.width_g,
        norm=recipe.norm_g,
        **_conditions(recipe, classes),
    )


def _dcgan_discriminator(recipe: Recipe, shape: tuple[int, ...], classes: int) -> nn.Module:
    return DCGANDiscriminator(
        shape,
        Conditioning(recipe.condition_d, classes),
        width=recipe.width_d,
        norm=recipe.norm_d,
        slope=recipe.slope,
        dropout=recipe.dropout,
        interleave=recipe.interleave,
    )


def _resnet_generator(recipe: Recipe, shape: tuple[int, ...], classes: int) -> nn.Module:
    return ResNetGenerator(
        recipe.latent,
        shape,
        width=recipe.width_g,
        norm=recipe.norm_g,
        upsample=recipe.upsample,
        **_conditions(recipe, classes),
    )


def _resnet_discriminator(recipe: Recipe, shape: tuple[int, ...], classes: int) -> nn.Module:
    return ResNetDiscriminator(
        shape,
        Conditioning(recipe.condition_d, classes),
        width=recipe.width_d,
        norm=recipe.norm_d,
        pool=recipe.pool,
    )


NETWORKS: Mapping[str, tuple[Builder, Builder]] = {
    "mlp": (_mlp_generator, _mlp_discriminator),
    "dcgan": (_dcgan_generator, _dcgan_discriminator),
    "resnet": (_resnet_generator, _resnet_discriminator),
}

INITIALISATIONS: Mapping[str, Callable[[Tensor], object]] = {
    "normal": lambda weight: nn.init.normal_(weight, std=0.02),
    "orthogonal": nn.init.orthogonal_,
}


@torch.no_grad()
def _initialise(network: nn.Module, kind: str) -> None:
    """Weights of linear and convolutional layers, biases 0; ``torch`` leaves both as they are."""
    if kind not in INITIALISATIONS:
        return
    for layer in network.modules():
        if not isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        if not parametrize.is_parametrized(layer, "weight"):
            INITIALISATIONS[kind](layer.weight)
            continue
        INITIALISATIONS[kind](layer.parametrizations.weight.original)  # type: ignore[union-attr,arg-type]
        # The singular vectors belong to the weights before; each look at the weight in training
        # mode is a power iteration, and 15 are what torch itself begins with.
        for _ in range(15):
            layer.weight  # noqa: B018


def _adam(recipe: Recipe, parameters: list[nn.Parameter], rate: float) -> torch.optim.Optimizer:
    betas = (recipe.beta1, recipe.beta2)
    return torch.optim.Adam(parameters, rate, betas=betas, fused=_fusible(parameters))


def _rmsprop(recipe: Recipe, parameters: list[nn.Parameter], rate: float) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(parameters, rate, momentum=recipe.beta1)


def _sgd(recipe: Recipe, parameters: list[nn.Parameter], rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, rate, momentum=recipe.beta1)


def _fusible(parameters: list[nn.Parameter]) -> bool:
    """One kernel for all parameters: on small networks most of an update's time otherwise."""
    return all(p.device.type in ("cpu", "cuda") for p in parameters)


OPTIMIZERS: Mapping[str, Callable[[Recipe, list[nn.Parameter], float], torch.optim.Optimizer]] = {
    "adam": _adam,
    "rmsprop": _rmsprop,
    "sgd": _sgd,
}
