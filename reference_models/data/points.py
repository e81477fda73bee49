"""Synthetic points, for which the truth is known."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gandiag.sources.mixtures import Mixture, grid, ring
from reference_models.data.base import WHOLE, Batch, Split, order
from reference_models.randomness import generator

__all__ = ["Mixture", "Synthetic", "dirac", "grid", "ring", "swiss_roll"]

SPLIT_SIZE = 10_000


def swiss_roll(count: int, rng: torch.Generator) -> Batch:
    """A noisy spiral in two dimensions (Gulrajani et al. 2017's toy code).

    (t cos t, t sin t) with t ~ U[1.5 pi, 4.5 pi], plus noise of sd .25, divided by 7.5.
    """
    t = 1.5 * math.pi * (1 + 2 * torch.rand(count, generator=rng))
    spiral = torch.stack([t * t.cos(), t * t.sin()], dim=1)
    noise = 0.25 * torch.randn(count, 2, generator=rng)
    return Batch((spiral + noise) / 7.5, torch.zeros(count, dtype=torch.int64))


def dirac(count: int, rng: torch.Generator) -> Batch:
    """The point 0 in one dimension (Mescheder et al. 2018)."""
    return Batch(torch.zeros(count, 1), torch.zeros(count, dtype=torch.int64))


@dataclass(frozen=True)
class Synthetic:
    """Samples drawn when asked for.

    Attributes:
        name: as in the table of data.
        draw: (count, generator) -> samples and their labels.
        shape: of one sample.
        classes: their names.
        fixed: above 0, training sees so many samples again and again; else always new ones.
    """

    name: str
    draw: Callable[[int, torch.Generator], tuple[Tensor, Tensor]]
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    fixed: int = 0

    def batch(self, start: int, size: int, seed: int, part: slice = WHOLE) -> Batch:
        """Training samples, see `Data.batch`."""
        if self.fixed:
            samples = self.split("train", self.fixed)
            rows = order(self.fixed, start, size, seed)[part]
            return Batch(samples.x[rows], samples.y[rows])
        x, y = self.draw(size, generator(self.name, "stream", seed, start))
        return Batch(x[part], y[part])

    def split(self, name: Split, count: int | None = None) -> Batch:
        """Samples of a fixed seed, see `Data.split`."""
        return Batch(*self.draw(SPLIT_SIZE if count is None else count, generator(self.name, name)))
