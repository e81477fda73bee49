"""Mixtures of Gaussians for which the modes are known: the ring and the grid of the literature."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mixture:
    """Equal Gaussians with one standard deviation in every direction; the class is the mode."""

    means: Tensor
    """(modes, d) float32."""
    sd: float

    def __call__(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw points (count, d) float32, and their modes (count,) int64."""
        modes = torch.randint(len(self.means), (count,), generator=rng)
        noise = torch.randn(count, self.means.shape[1], generator=rng)
        return self.means[modes] + self.sd * noise, modes


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


MIXTURES: Mapping[str, Mixture] = {"ring8": ring(), "grid25": grid()}
"""By the name that stands after ``dataset:``."""
