"""Extractors that need no download, each with pictures that it takes."""

import sys
from collections.abc import Callable, Mapping
from functools import cache

import torch
from torch import Tensor

from benchmarks.digest import ROOT
from gandiag.extractors import FeatureExtractor, open_extractor
from gandiag.extractors.base import Precision
from gandiag.extractors.inception import Inception

sys.path.insert(0, str(ROOT / "tests"))
from random_inception import photographs, random_state

Open = Callable[[torch.device, Precision], FeatureExtractor]


@cache
def _random_weights() -> dict[str, Tensor]:
    return random_state()


def random_inception(device: torch.device, precision: Precision) -> FeatureExtractor:
    """The canonical network with weights that are drawn: its work and rounding, not its scores."""
    return Inception(
        _random_weights(), digest="0" * 64, verified=False, device=device, precision=precision
    )


def _named(spec: str) -> Open:
    return lambda device, precision: open_extractor(spec, device=device, precision=precision)


OPEN: Mapping[str, Open] = {
    "inception": random_inception,
    **{
        name: _named(name)
        for name in (
            *("lite0", "pixels", "spectrum", "laplacian"),
            *("digits", "fashion-mnist", "stacked-digits", "stacked-fashion-mnist"),
        )
    },
}
SIDES = {"laplacian": 128, "digits": 8, "stacked-digits": 8}
SIDES |= {"fashion-mnist": 28, "stacked-fashion-mnist": 28}
GREY = ("digits", "fashion-mnist")


def pictures(name: str, count: int) -> Tensor:
    """(count, 3, side, side) uint8 that the extractor takes; grey ones where it wants them so."""
    found = photographs(count, SIDES.get(name, 64), seed=1)
    return found[:, :1].expand(-1, 3, -1, -1).contiguous() if name in GREY else found
