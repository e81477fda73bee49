"""Distributions that `benchmarks.coverage` draws sets of features, of logits and of copies from."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.coverage_features import FEATURES, LOGITS
from benchmarks.coverage_features import population as stored

Case = Literal["null", "alternative", "dropped"]
"""Of the generated set: drawn as the real one; 0.9 x + 0.15; without the last fifth of classes."""
Kind = Literal["features", "logits", "copies"]
WIDTHS = 16, 64, 256
CLASSES = 10, 100, 1000
MODES = 10
MODE_DEVIATION = 0.5
SUPPORT = 1000
KEPT = 0.8


class Drawn(NamedTuple):
    """A set."""

    rows: Tensor
    """(n, width) float32."""
    classes: Tensor
    """(n,) int64."""
    places: Tensor | None = None
    """(n,) int64: which rows of a stored population they are."""


@dataclass(frozen=True)
class Population:
    """What sets are drawn from, each class with its share."""

    name: str
    kind: Kind
    width: int
    shares: Tensor
    """(classes,) float64."""
    of_classes: Callable[[Tensor, torch.Generator], Tensor]
    """(n,) classes => (n, width) rows."""
    size: int | None = None
    """Rows that there are; None for as many as one likes."""

    @property
    def cases(self) -> Sequence[Case]:
        """Those that mean something."""
        if self.kind == "logits":
            return "null", "dropped"
        if self.kind == "copies":
            return ("null",)
        return (
            ("null", "alternative", "dropped") if len(self.shares) > 1 else ("null", "alternative")
        )

    def draw(
        self, n: int, random: torch.Generator, case: Case = "null", beside: Tensor | None = None
    ) -> Drawn:
        """A set of `n`; of stored rows, each at most once and none of those `beside`."""
        shares = self.shares.clone()
        if case == "dropped":
            shares[math.ceil(KEPT * len(shares)) :] = 0
        classes = torch.multinomial(shares, n, replacement=True, generator=random)
        rows = self.of_classes(classes, random)
        return Drawn(0.9 * rows + 0.15 if case == "alternative" else rows, classes)


@dataclass(frozen=True)
class Stored(Population):
    """Rows of a file, with their classes."""

    path: Path = Path()
    columns: tuple[int, int] = (0, FEATURES)

    def draw(
        self, n: int, random: torch.Generator, case: Case = "null", beside: Tensor | None = None
    ) -> Drawn:
        """As above."""
        table = stored(self.path)[: self.size]
        classes = torch.from_numpy(table[:, -1].astype(np.int64))
        allowed = torch.ones(len(table), dtype=torch.bool)
        if case == "dropped":
            allowed &= classes < math.ceil(KEPT * len(self.shares))
        if beside is not None:
            allowed[beside] = False
        left = allowed.nonzero()[:, 0]
        places = left[torch.randperm(len(left), generator=random)[:n]].sort().values
        rows = torch.from_numpy(table[places.numpy(), slice(*self.columns)].astype(np.float32))
        return Drawn(0.9 * rows + 0.15 if case == "alternative" else rows, classes[places], places)


def _normal(n: int, width: int, random: torch.Generator) -> Tensor:
    return torch.randn(n, width, generator=random)


def _even(classes: int) -> Tensor:
    return torch.full((classes,), 1 / classes, dtype=torch.float64)


def _zipf(classes: int) -> Tensor:
    shares = 1 / torch.arange(1, classes + 1, dtype=torch.float64)
    return shares / shares.sum()


def _gaussian(width: int) -> Population:
    def rows(classes: Tensor, random: torch.Generator) -> Tensor:
        return _normal(len(classes), width, random)

    return Population("Gaussian", "features", width, _even(1), rows)


def _heavy(width: int) -> Population:
    """Student's t with 5 degrees of freedom, one length for all directions; variance 1."""

    def rows(classes: Tensor, random: torch.Generator) -> Tensor:
        squares = _normal(len(classes), 5, random).square().sum(dim=1, keepdim=True)
        return _normal(len(classes), width, random) * (3 / squares).sqrt()

    return Population("heavy-tailed", "features", width, _even(1), rows)


def modes_of(width: int) -> Tensor:
    """(MODES, width), the centres of the mixture."""
    return 1.5 * _normal(MODES, width, torch.Generator().manual_seed(width))


def _mixture(width: int) -> Population:
    centres = modes_of(width)

    def rows(classes: Tensor, random: torch.Generator) -> Tensor:
        return centres[classes] + MODE_DEVIATION * _normal(len(classes), width, random)

    return Population("mixture", "features", width, _even(MODES), rows)


def _logits(name: str, shares: Tensor, noise: float, peak: float = 8) -> Population:
    """A class's logit is by `peak` larger than the others', all with so much noise."""

    def rows(classes: Tensor, random: torch.Generator) -> Tensor:
        logits = noise * _normal(len(classes), len(shares), random)
        logits[torch.arange(len(classes)), classes] += peak
        return logits

    return Population(name, "logits", len(shares), shares, rows)


def _copies(name: str, shares: Tensor) -> Population:
    """Points that come again and again."""
    points = _normal(len(shares), 16, torch.Generator().manual_seed(0))

    def rows(classes: Tensor, random: torch.Generator) -> Tensor:
        return points[classes]

    return Population(name, "copies", 16, shares, rows)


def populations(path: Path | None) -> Iterator[Population]:
    """All of them; those of lite0 where there is a file of `benchmarks.coverage_features`."""
    for width in WIDTHS:
        yield from (_gaussian(width), _heavy(width), _mixture(width))
    for classes in CLASSES:
        yield _logits("vague classes", _even(classes), 3)
        yield _logits("sharp classes", _even(classes), 0, peak=30)
        yield _logits("uneven classes", _zipf(classes), 1)
    yield _copies("even copies", _even(SUPPORT))
    yield _copies("uneven copies", _zipf(SUPPORT))
    if path is not None and path.exists():
        size, classes = len(stored(path)), _even(10)
        for kind, width, columns in (
            ("features", FEATURES, (0, FEATURES)),
            ("logits", LOGITS, (FEATURES, FEATURES + LOGITS)),
        ):
            yield Stored("lite0", kind, width, classes, _unused, size, path, columns)


def _unused(classes: Tensor, random: torch.Generator) -> Tensor:
    raise NotImplementedError
