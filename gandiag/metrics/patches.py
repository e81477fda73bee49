"""The sliced Wasserstein distance between patches of pyramids."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Known, Metric, Role, Score, Unfit
from gandiag.metrics.checks import Rows, as_pair, banks
from gandiag.metrics.drawing import drawn_order
from gandiag.metrics.line import Coupling
from gandiag.metrics.unjudged import TOO_LONG
from gandiag.statistics import Statistic

CHANNELS = 3
IMAGES = 256
"""Read at once: 38 MB of a level in double precision."""
TOGETHER = 16
"""Directions projected on at once: 268 MB a set of 16,384 images in double precision."""
COARSEST = 16


def patch_distances(
    real: Rows,
    generated: Rows,
    *,
    patches: int = 128,
    side: int = 7,
    directions: int = 512,
    seed: int = 0,
) -> list[float]:
    """Sliced Wasserstein-1 distances between patches, a level each, times 1,000 (Karras 2018).

    Each set's patches are normalised by their own mean and deviation, channel by channel, over all
    patches and pixels; then the mean of |difference of sorted projections| over 4 x 128 unit
    directions, in float64. Four times 128 have the mean of 512, so these are drawn at once.

    Departures: directions are seeded; a channel without deviation is not divided; sets of unequal
    size are coupled by quantiles, which is W1 of the two projections, where the authors' code needs
    equal ones.

    Beside the features it takes two times 268 MB for 16,384 images, and no copy of them.

    Args:
        real: (n, levels x patches x 3 x side x side), a row an image, as the extractor `laplacian`
            lays them out.
        generated: (m, the same).
        patches: of each level of an image.
        side: of a patch.
        directions: of each level.
        seed: of the directions.

    Returns:
        In the order of the levels.

    Raises:
        GandiagError: widths that differ or are no whole number of levels, NaN or infinities.
    """
    real, generated = as_pair(real, generated, least=1)
    width = patches * CHANNELS * side * side
    if real.shape[1] % width:
        raise GandiagError(f"features of width {real.shape[1]} are no levels of {width}; {WAY}")
    rng = torch.Generator().manual_seed(seed)
    found = []
    for start in range(0, real.shape[1], width):
        drawn = torch.randn(CHANNELS * side * side, directions, generator=rng, dtype=torch.float64)
        drawn = (drawn / torch.linalg.vector_norm(drawn, dim=0)).to(real.device)
        levels = [each[:, start : start + width] for each in (real, generated)]
        found.append(1000 * _sliced(levels[0], levels[1], drawn, side))
    return found


WAY = "take them of --features laplacian"


def _blocks(level: Tensor, side: int) -> Iterator[Tensor]:
    """(n, patches x 3 x side x side) => (some patches, 3, side x side) float64."""
    for part in torch.split(level, IMAGES):
        yield part.double().reshape(-1, CHANNELS, side * side)


def _normal(level: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """(3, 1) mean and deviation of each channel."""
    count = level.numel() / CHANNELS
    mean = torch.stack([each.sum(dim=(0, 2)) for each in _blocks(level, side)]).sum(0) / count
    square = [(each - mean[:, None]).square().sum(dim=(0, 2)) for each in _blocks(level, side)]
    deviation = (torch.stack(square).sum(0) / count).sqrt()
    return mean[:, None], torch.where(deviation > 0, deviation, 1.0)[:, None]


def _sliced(real: Tensor, generated: Tensor, directions: Tensor, side: int) -> float:
    normal = [_normal(each, side) for each in (real, generated)]
    total = torch.zeros((), dtype=torch.float64, device=real.device)
    n, m = (each.numel() // (CHANNELS * side * side) for each in (real, generated))
    coupling = Coupling(n, m, real.device)
    for some in torch.split(directions, TOGETHER, dim=1):
        a, b = (
            torch.cat(
                [
                    (((each - mean) / deviation).flatten(1) @ some).T
                    for each in _blocks(level, side)
                ],
                dim=1,
            )
            for level, (mean, deviation) in zip((real, generated), normal, strict=True)
        )
        for x, y in zip(a, b, strict=True):
            moved = coupling.moves(_sorted(x), _sorted(y)).abs_()
            total += coupling.weights @ moved
    return float(total) / directions.shape[1]


def _sorted(values: Tensor) -> Tensor:
    # On the CPU NumPy's is several times as fast.
    return values.sort().values if values.is_cuda else torch.from_numpy(np.sort(values.numpy()))


@dataclass(frozen=True)
class SlicedPatches(Metric):
    """ProGAN's SWD: the sliced Wasserstein distance between patches of Laplacian pyramids.

    The mean over levels, times 1,000; the levels stand beside it by their side in pixels. It sees
    texture and contrast at each scale, not content. It is biased upwards and depends on N: the
    floor is that between two disjoint halves of the real images, so at half their number, where it
    is some 1.4 times what it would be at all of it. Compare values of equal N only.
    """

    name: ClassVar[str] = "swd_patches"
    summary: ClassVar[str] = "SWD of ProGAN: texture by scale, sliced Wasserstein between patches"
    outputs: ClassVar[Mapping[str, Better]] = {"swd_patches": "lower"}

    patches: int = 128
    side: int = 7
    directions: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.patches, self.side, self.directions) < 1:
            raise GandiagError(
                f"swd_patches needs at least one patch, pixel and direction, got {self.patches}, "
                f"{self.side}, {self.directions}"
            )

    def minimum(self, role: Role) -> int:
        """Real images have two halves."""
        return 2 if role == "real" else 1

    def on(self, known: Known) -> Self:
        """Itself, on patches."""
        width = known.layers.get(self.layer or known.features, 0)
        if not width or width % (self.patches * CHANNELS * self.side**2):
            raise Unfit(f"needs patches of a pyramid, which {known.extractor} has not", WAY)
        return self

    def unjudged(self) -> Mapping[str, str]:
        """All of it."""
        return dict.fromkeys(self.outputs, TOO_LONG)

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` => ``swd_patches``."""
        real, generated = banks(self, statistics)
        levels = self._levels(real, generated)
        mixed, half = drawn_order(real, self.seed).to(real.device), len(real) // 2
        parts = mixed[:half], mixed[half : 2 * half]
        # A level at a time: halves are copies.
        floor = [
            self._levels(each[parts[0]], each[parts[1]])[0]
            for each in torch.split(real, real.shape[1] // len(levels), dim=1)
        ]
        sides = [COARSEST << i for i in reversed(range(len(levels)))]
        several = dict(zip(map(str, sides), levels, strict=True)) if len(levels) > 1 else {}
        return {
            "swd_patches": Score(
                sum(levels) / len(levels),
                method="no interval: patches of one image are not independent, and each image "
                "moves every level; the floor is that of two halves of the real images",
                extra={**several, "floor": sum(floor) / len(floor), "floor images": float(half)},
            )
        }

    def _levels(self, real: Tensor, generated: Tensor) -> list[float]:
        return patch_distances(
            real,
            generated,
            patches=self.patches,
            side=self.side,
            directions=self.directions,
            seed=self.seed,
        )
