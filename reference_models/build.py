"""From a recipe's words to the objects that train: networks, penalties, optimizers."""

import math
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
from reference_models.settings import Networks, Objective, Optimisation
from reference_models.tricks.base import Make
from reference_models.tricks.packing import Packed, Packing

Builder = Callable[[Networks, tuple[int, ...], int], nn.Module]


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
    make = _maker(recipe, classes, NETWORKS[recipe.networks.network][0])
    for trick in recipe.tricks:
        make = trick.build_g(make, recipe)
    return make(shape)


def discriminator(recipe: Recipe, shape: tuple[int, ...], classes: int) -> nn.Module:
    """A discriminator, see `generator`; `Packed`, if only in packs of 1."""
    _check(recipe, shape, classes)
    make = _maker(recipe, classes, NETWORKS[recipe.networks.network][1])
    for trick in recipe.tricks:
        make = trick.build_d(make, recipe)
    pack = recipe.trick(Packing).pack
    return Packed(make((shape[0] * pack, *shape[1:])), pack)


def _maker(recipe: Recipe, classes: int, build: Builder) -> Make:
    def make(shape: tuple[int, ...]) -> nn.Module:
        network = build(recipe.networks, shape, classes)
        _initialise(network, recipe.networks.initialisation)
        return network

    return make


def _check(recipe: Recipe, shape: tuple[int, ...], classes: int) -> None:
    if recipe.networks.conditional and not classes:
        raise GandiagError(
            f"the recipe {recipe.name} conditions on labels, which the data {recipe.data} does not "
            "have; use labelled data, or set condition_g and condition_d to none"
        )
    if len(shape) != 3 and recipe.networks.network != "mlp":
        raise GandiagError(
            f"the network {recipe.networks.network} makes images, and the data {recipe.data} "
            f"has samples of shape {shape}; use mlp"
        )
    for trick in recipe.tricks:
        trick.check(recipe, shape)


def penalty(objective: Objective) -> Penalty:
    """The weighted sum of the penalties that a objective switches on."""
    terms: list[tuple[float, Penalty]] = [
        (
            objective.gradient_penalty,
            partial(penalties.gradient_penalty, one_sided=objective.one_sided),
        ),
        (objective.r1, penalties.r1),
        (objective.r2, penalties.r2),
        (objective.dragan, penalties.dragan),
    ]
    active = [(weight * objective.penalty_every, term) for weight, term in terms if weight]

    def total(critic: penalties.Critic, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
        values = (weight * term(critic, real, fake, rng) for weight, term in active)
        return sum(values, start=real.new_zeros(()))

    return total


def optimizer(
    how: Optimisation, kind: str, parameters: Iterable[nn.Parameter], rate: float
) -> torch.optim.Optimizer:
    """A fresh optimizer of a kind, with the record's momenta."""
    return OPTIMIZERS[kind](how, list(parameters), rate)


def scale_of_rate(kind: str, step: int, total: int) -> float:
    """What to multiply a learning rate with: ``none`` 1; ``linear`` or ``cosine`` from 1 to 0."""
    if kind == "linear":
        return max(0.0, 1 - step / total)
    if kind == "cosine":
        return 0.5 * (1 + math.cos(math.pi * min(1.0, step / total)))
    return 1.0


def _conditions(networks: Networks, classes: int) -> dict[str, int]:
    return {
        "concat": classes if networks.condition_g == "concat" else 0,
        "conditional": classes if networks.condition_g == "norm" else 0,
    }


def _mlp_generator(networks: Networks, shape: tuple[int, ...], classes: int) -> nn.Module:
    return MLPGenerator(
        networks.latent,
        shape,
        width=networks.width_g,
        depth=networks.depth_g,
        norm=networks.norm_g,
        **_conditions(networks, classes),
    )


def _mlp_discriminator(networks: Networks, shape: tuple[int, ...], classes: int) -> nn.Module:
    return MLPDiscriminator(
        shape,
        Conditioning(networks.condition_d, classes),
        width=networks.width_d,
        depth=networks.depth_d,
        norm=networks.norm_d,
        dropout=networks.dropout,
        slope=networks.slope,
        pieces=networks.pieces,
    )


def _dcgan_generator(networks: Networks, shape: tuple[int, ...], classes: int) -> nn.Module:
    return DCGANGenerator(
        networks.latent,
        shape,
        width=networks.width_g,
        norm=networks.norm_g,
        **_conditions(networks, classes),
    )


def _dcgan_discriminator(networks: Networks, shape: tuple[int, ...], classes: int) -> nn.Module:
    return DCGANDiscriminator(
        shape,
        Conditioning(networks.condition_d, classes),
        width=networks.width_d,
        norm=networks.norm_d,
        slope=networks.slope,
        dropout=networks.dropout,
        interleave=networks.interleave,
        halve=networks.halve,
    )


def _resnet_generator(networks: Networks, shape: tuple[int, ...], classes: int) -> nn.Module:
    return ResNetGenerator(
        networks.latent,
        shape,
        width=networks.width_g,
        norm=networks.norm_g,
        upsample=networks.upsample,
        **_conditions(networks, classes),
    )


def _resnet_discriminator(networks: Networks, shape: tuple[int, ...], classes: int) -> nn.Module:
    return ResNetDiscriminator(
        shape,
        Conditioning(networks.condition_d, classes),
        width=networks.width_d,
        norm=networks.norm_d,
        pool=networks.pool,
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


def _adam(how: Optimisation, parameters: list[nn.Parameter], rate: float) -> torch.optim.Optimizer:
    betas = (how.beta1, how.beta2)
    return torch.optim.Adam(parameters, rate, betas=betas, fused=_fusible(parameters))


def _rmsprop(
    how: Optimisation, parameters: list[nn.Parameter], rate: float
) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(parameters, rate, momentum=how.beta1)


def _sgd(how: Optimisation, parameters: list[nn.Parameter], rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, rate, momentum=how.beta1)


def _fusible(parameters: list[nn.Parameter]) -> bool:
    """One kernel for all parameters: on small networks most of an update's time otherwise."""
    return all(p.device.type in ("cpu", "cuda") for p in parameters)


OPTIMIZERS: Mapping[
    str, Callable[[Optimisation, list[nn.Parameter], float], torch.optim.Optimizer]
] = {
    "adam": _adam,
    "rmsprop": _rmsprop,
    "sgd": _sgd,
}
