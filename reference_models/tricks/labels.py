"""Soft, noisy and swapped labels."""

from dataclasses import dataclass

import torch
from torch import Tensor

from reference_models.randomness import Draws
from reference_models.tricks.base import Trick


def targets(
    count: int,
    rng: torch.Generator,
    *,
    real: bool,
    smoothing: float = 0.0,
    noise: float = 0.0,
    flips: float = 0.0,
) -> Tensor:
    """How far each of `count` samples counts as real: (count,) in [0, 1].

    Args:
        count: how many samples.
        rng: where noise and flips come from.
        real: whether the samples are real.
        smoothing: real samples count 1 - smoothing; generated ones stay at 0, since raising them
            would draw the discriminator to the generator's mistakes (Salimans et al. 2016, 3.4).
        noise: each label moves towards the other by U[0, noise) (Chintala et al. 2016, "ganhacks"
            6; theirs also goes above 1).
        flips: this share of labels is swapped ("ganhacks" 6).
    """
    moved = noise * torch.rand(count, generator=rng)
    target = 1 - smoothing - moved if real else moved
    return torch.where(torch.rand(count, generator=rng) < flips, 1 - target, target)


@dataclass(frozen=True)
class Labels(Trick):
    """Real samples do not count 1, nor generated ones 0, see `targets`."""

    label_smoothing: float = 0.0
    """Real samples count 1 - this (Salimans et al. 2016, one-sided: .1)."""
    label_noise: float = 0.0
    """Labels move towards each other by up to this (ganhacks 6: .3)."""
    label_flips: float = 0.0
    """Share of swapped labels (ganhacks 6)."""

    def target(self, target: Tensor | float, real: bool, count: int, draws: Draws) -> Tensor:
        """As `targets` gives them."""
        return targets(
            count,
            draws.own(f"target {real}"),
            real=real,
            smoothing=self.label_smoothing,
            noise=self.label_noise,
            flips=self.label_flips,
        )
