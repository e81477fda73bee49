"""How a source is to be opened: what every opener gets beside the thing and its name."""

import math
from typing import NamedTuple

import torch

from gandiag.errors import GandiagError
from gandiag.sources.images import OnBadImage
from gandiag.sources.notes import ValueRange


class How(NamedTuple):
    """What the user asked for, checked by `asked`; an opener takes of it what concerns it."""

    on_bad_image: OnBadImage = "fail"
    """What to do about an image that cannot be read."""
    value_range: ValueRange | None = None
    """What is black and what is white in images of floats, where the user stated it."""
    seed: int = 0
    """Of the samples of a generator."""
    device: torch.device = torch.device("cpu")
    """Where a checkpoint's network runs."""


def asked(
    on_bad_image: OnBadImage,
    value_range: ValueRange | None,
    seed: int,
    device: str | torch.device,
) -> How:
    """What `open_source` was asked for.

    Raises:
        GandiagError: one of them is none of its kind.
    """
    if on_bad_image not in ("fail", "skip"):
        raise GandiagError(f"on_bad_image is {on_bad_image!r}; it must be 'fail' or 'skip'")
    return How(on_bad_image, checked_range(value_range), seed, _device(device))


def checked_range(value_range: ValueRange | None) -> ValueRange | None:
    """`value_range`, if it is two numbers with something between them.

    Raises:
        GandiagError: it is something else.
    """
    if value_range is None:
        return None
    try:
        low, high = map(float, value_range)
        if not -math.inf < low < high < math.inf:
            raise ValueError
    except (TypeError, ValueError) as error:
        raise GandiagError(
            f"value_range is {value_range!r}; give two numbers, black before white, as (-1, 1)"
        ) from error
    return low, high


def _device(device: str | torch.device) -> torch.device:
    try:
        return torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise GandiagError(
            f"the device is {device!r}; give cpu, cuda or another of torch"
        ) from error
