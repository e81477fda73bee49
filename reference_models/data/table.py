"""The data sets by name."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from reference_models.data import files, points
from reference_models.data.base import Data
from reference_models.data.images import Images, Stacked
from reference_models.data.triangles import triangles


class Known(NamedTuple):
    """A set: what it looks like (so that a plan can be printed without it), and how to open it."""

    shape: tuple[int, ...]
    """Of one sample; the side is 0 where it is for the user to choose."""
    classes: int | None
    """0: no labels; None: not known before it is opened."""
    open: Callable[[int], Data]
    """Takes the side in pixels."""


def _modes(count: int) -> tuple[str, ...]:
    return tuple(str(i) for i in range(count))


def _points(name: str, draw: points.Mixture) -> Known:
    modes, width = draw.means.shape
    data = points.Synthetic(name, draw, (width,), _modes(modes))
    return Known((width,), modes, lambda _: data)


def _fixed(name: str, draw: points.Mixture, count: int) -> Known:
    modes, width = draw.means.shape
    data = points.Synthetic(name, draw, (width,), _modes(modes), fixed=count)
    return Known((width,), modes, lambda _: data)


def _stacked(name: str, side: int, grey: Callable[[], Images]) -> Known:
    return Known((3, side, side), 1000, lambda _: Stacked(name, grey()))


def _noise(classes: int, side: int) -> Data:
    def draw(count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        x = 2 * torch.rand(count, 3, side, side, generator=rng) - 1
        return x, torch.randint(max(1, classes), (count,), generator=rng)

    return points.Synthetic(f"noise:{classes}", draw, (3, side, side), _modes(classes))


_mnist = partial(files.torchvision_set, "mnist", "MNIST", files.DIGITS)

DATASETS: Mapping[str, Known] = {
    "ring8": _points("ring8", points.ring()),
    "grid25": _points("grid25", points.grid()),
    "ring8-100k": _fixed("ring8-100k", points.ring(), 100_000),
    "grid25-100k": _fixed("grid25-100k", points.grid(), 100_000),
    "swiss-roll": Known((2,), 0, lambda _: points.Synthetic("swiss-roll", points.swiss_roll, (2,))),
    "dirac": Known((1,), 0, lambda _: points.Synthetic("dirac", points.dirac, (1,))),
    "triangles": Known(
        (1, 28, 28), 0, lambda _: points.Synthetic("triangles", triangles, (1, 28, 28))
    ),
    "digits": Known((1, 8, 8), 10, lambda _: files.digits()),
    "stacked-digits": _stacked("stacked-digits", 8, files.digits),
    "fashion-mnist": Known((1, 28, 28), 10, lambda _: files.fashion_mnist()),
    "stacked-fashion-mnist": _stacked("stacked-fashion-mnist", 28, files.fashion_mnist),
    "mnist": Known((1, 28, 28), 10, lambda _: _mnist()),
    "stacked-mnist": _stacked("stacked-mnist", 28, _mnist),
    "cifar10": Known((3, 32, 32), 10, lambda _: files.torchvision_set("cifar10", "CIFAR10", ())),
    "cifar100": Known(
        (3, 32, 32), 100, lambda _: files.torchvision_set("cifar100", "CIFAR100", ())
    ),
    "stl10": Known((3, 0, 0), 0, files.stl10),
    "celeba": Known((3, 0, 0), 0, files.celeba),
}


def look_up(name: str, resolution: int = 0) -> Known:
    """What is known of a set before it is opened, with the side filled in.

    Raises:
        GandiagError: no such data, or a resolution it cannot have.
    """
    known = DATASETS.get(name)
    if name.startswith("folder:"):
        known = Known((3, 0, 0), None, partial(files.image_folder, Path(name[len("folder:") :])))
    count = name.removeprefix("noise:")
    if name.startswith("noise:") and count.isdecimal():
        known = Known((3, 0, 0), int(count), partial(_noise, int(count)))
    if known is None:
        raise GandiagError(
            f"there is no data called {name!r}; choose one of {', '.join(DATASETS)}, folder:PATH "
            "or noise:CLASSES"
        )
    if known.shape[-1] == 0 and resolution >= 8:
        return known._replace(shape=(known.shape[0], resolution, resolution))
    if known.shape[-1] == 0:
        raise GandiagError(f"the data {name} needs a resolution of at least 8, not {resolution}")
    if resolution not in (0, known.shape[-1]):
        raise GandiagError(
            f"the data {name} has samples of shape {known.shape}; leave the resolution at 0"
        )
    return known


def open_data(name: str, resolution: int = 0) -> Data:
    """The data of a name in the table, ``folder:PATH`` or ``noise:CLASSES``.

    Args:
        name: a key of `DATASETS`; ``folder:`` and a path; or ``noise:`` and a number of classes:
            random pixels in the shape of RGB images, for trying and timing what has no data here.
        resolution: side in pixels, for sets whose side is free; 0 otherwise.

    Raises:
        GandiagError: no such data; it is neither there nor can it be downloaded.
    """
    return look_up(name, resolution).open(resolution)
