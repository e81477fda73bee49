"""Whatever a person names => a generator whose latents can be chosen."""

import os
from pathlib import Path
from typing import Any, get_args

import torch

from gandiag.errors import GandiagError
from gandiag.generators.space import LatentSpace, Prior
from gandiag.sources import GeneratedImages, Generator, ValueRange, open_source
from gandiag.sources.generated import LATENTS, told_of
from gandiag.state_dicts import read_state


def open_generator(
    thing: Any,
    *,
    generator: Generator | None = None,
    device: str | torch.device = "cpu",
    value_range: ValueRange | None = None,
    name: str | None = None,
) -> LatentSpace:
    """A generator whose latents can be chosen.

    Args:
        thing: a checkpoint or a run of an installed package in the group ``gandiag.generators``
            whose samples have an attribute `latent`; a `LatentGenerator`, such as an ``nn.Module``
            with `z_dim`; or, with `generator`, a file of weights.
        generator: a function of a state dict and a device that gives a `LatentGenerator`.
        device: where a checkpoint or `generator` runs; a module runs where its weights are.
        value_range: what is black and what is white in its floats, for others than [-1, 1]. Once
            it is stated, values outside are taken as they are by a path.
        name: what to call it.

    Raises:
        GandiagError: it is none of these, or it hides its latents.
    """
    if isinstance(thing, LatentSpace):
        return thing
    place = torch.device(device)
    shown = name or (str(thing) if isinstance(thing, str | os.PathLike) else type(thing).__name__)
    if generator is not None:
        if not isinstance(thing, str | os.PathLike) or not Path(thing).expanduser().is_file():
            raise GandiagError(f"{shown} is no file, and --generator needs one of weights; name it")
        state = read_state(Path(thing).expanduser(), "a generator's weights")
        with told_of(shown):
            thing = generator(state, place)
    elif isinstance(thing, str | os.PathLike):
        shown, thing = _of_checkpoint(thing, shown, place)
    return _latent_space(thing, shown, place, value_range)


def _of_checkpoint(
    thing: str | os.PathLike[str], shown: str, device: torch.device
) -> tuple[str, Any]:
    """The name and the generator of a checkpoint."""
    source = open_source(thing, device=device, name=shown)
    if not isinstance(source, GeneratedImages):
        raise GandiagError(
            f"{shown} is no generator; name a checkpoint, a run, or with --generator a file of "
            "weights"
        )
    latent = getattr(source.draw, "latent", None)
    if latent is None:
        raise GandiagError(
            f"the package that reads {source.name} gives samples and hides their latents; "
            "use --generator with code of your own"
        )
    return source.name, latent


def _latent_space(
    network: Any, name: str, device: torch.device, value_range: ValueRange | None
) -> LatentSpace:
    sizes = [getattr(network, key, None) for key in LATENTS]
    width = next((s for s in sizes if isinstance(s, int) and s > 0), None)
    if width is None or not callable(network):
        raise GandiagError(
            f"{name} ({type(network).__name__}) does not say how many latents it takes; "
            f"give it an attribute {LATENTS[0]} and have it take (n, {LATENTS[0]})"
        )
    prior = getattr(network, "prior", "normal")
    if prior not in get_args(Prior):
        raise GandiagError(
            f"the prior of {name} is {prior!r}; it must be {' or '.join(get_args(Prior))}"
        )
    space = LatentSpace(name, network, width, device, value_range)
    of_weights = next((each.device for each in space.parameters), None)
    given = of_weights or getattr(network, "device", None) or device
    return LatentSpace(name, network, width, torch.device(given), value_range)
