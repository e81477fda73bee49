"""Synthetic points, for which the truth is known."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reference_models.data.base import WHOLE, Batch, Split, order
from reference_models.randomness import generator

SPLIT_SIZE = 10_000


@dataclass(frozen=True)
class Mixture:
    """Equal Gaussians with one standard deviation in every direction; the class is the mode."""

    means: Tensor
    """(modes, d)."""
    sd: float

    def __call__(self, count: int, rng: torch.Generator) -> Batch:
        """Draw `count` points."""
        modes = torch.randint(len(self.means), (count,), generator=rng)
        noise = torch.randn(count, self.means.shape[1], generator=rng)
        return Batch(self.means[modes] + self.sd * noise, modes)


def ring(modes: int = 8, radius: float = 1.0, sd: float = 0.01) -> Mixture:
    """Gaussians on a circle: 8 at radius 1 with sd .01 (VEEGAN and PacGAN's 2-D ring).

    The first angle is not repeated as the last: published code that takes 8 equal steps from 0 to
    2 pi inclusive has 7 distinct modes, one of double weight.
    """
    angles = 2 * math.pi * torch.arange(modes, dtype=torch.float64) / modes
    means = radius * torch.stack([angles.cos(), angles.sin()], dim=1)
    return Mixture(means.float(), sd)


def grid(side: int = 5, step: float = 2.0, sd: float = 0.05) -> Mixture:
    """Gaussians on a square grid: 25 in steps of 2 with sd .05 (VEEGAN and PacGAN's grid)."""
    ticks = step * (torch.arange(side, dtype=torch.float32) - (side - 1) / 2)
    return Mixture(torch.cartesian_prod(ticks, ticks), sd)


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
        draw: (count, generator) -> batch.
        shape: of one sample.
        classes: their names.
        fixed: above 0, training sees so many samples again and again; else always new ones.
    """

    name: str
    draw: Callable[[int, torch.Generator], Batch]
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    fixed: int = 0

    def batch(self, start: int, size: int, seed: int, part: slice = WHOLE) -> Batch:
        """Training samples, see `Data.batch`."""
        if self.fixed:
            samples = self.split("train", self.fixed)
            rows = order(self.fixed, start, size, seed)[part]
            return Batch(samples.x[rows], samples.y[rows])
        fresh = self.draw(size, generator(self.name, "stream", seed, start))
        return Batch(fresh.x[part], fresh.y[part])

    def split(self, name: Split, count: int | None = None) -> Batch:
        """Samples of a fixed seed, see `Data.split`."""
        return self.draw(SPLIT_SIZE if count is None else count, generator(self.name, name))
