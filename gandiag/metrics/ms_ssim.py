"""MS-SSIM between generated images: the more alike two of them are on average, the less variety."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Known, Metric, Role, Score, Unfit
from gandiag.metrics.checks import banks
from gandiag.metrics.diversity import Pairing, check_pairing, labels_of
from gandiag.metrics.drawing import drawn_order
from gandiag.metrics.intervals import Z
from gandiag.metrics.unjudged import TOO_WIDE
from gandiag.statistics import Statistic

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the scales, the finest first (Wang et al. 2003)."""
WINDOW = 11
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2
"""For values in 0..1."""

STEP = 256
"""Pairs that are copied out of the rows at once."""
NUMBERS = 1 << 22
"""Numbers of each stack of images that is filtered at once: 32 MB in float64."""


def scales_of(size: int) -> int:
    """How many scales an image `size` on a side has: the window must fit into the coarsest.

    5 from 176 pixels, 4 from 88, 3 from 44, 2 from 22, 1 from 11, else 0.
    """
    return next((n for n in range(len(WEIGHTS), 0, -1) if size >> (n - 1) >= WINDOW), 0)


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """Multi-scale structural similarity of pairs of images (Wang et al. 2003, eq. 7).

    At each scale, means, variances and covariance under a Gaussian window of 11 pixels, deviation
    1.5; contrast and structure at all scales, luminance at the coarsest alone; each scale half the
    size of the one before, by the mean of 2 x 2 pixels (an odd last row or column falls away). As
    many scales as fit, see `scales_of`, with the first of the paper's weights brought to a sum of
    1. Windows lie within the image, channels are averaged, a scale's mean below 0 counts as 0.

    torchmetrics 1.8 agrees, but for the coarsest scale, where it also counts windows that reach
    beyond the border, over mirrored pixels; and where a mean is below 0, which gives NaN there.

    Args:
        a: (n, channels, height, width) in 0..1.
        b: the same of the other images.

    Returns:
        (n,) float64 in [0, 1]; 1 for equal images.

    Raises:
        GandiagError: shapes that differ, or images smaller than 11 pixels.
    """
    if a.shape != b.shape or a.ndim != 4:
        raise GandiagError(
            f"MS-SSIM compares stacks of images (n, channels, height, width) of one shape, got "
            f"{tuple(a.shape)} and {tuple(b.shape)}"
        )
    scales = scales_of(min(a.shape[2:]))
    if not scales:
        raise GandiagError(
            f"images of {a.shape[2]} x {a.shape[3]} are smaller than MS-SSIM's window of {WINDOW} "
            "pixels; give larger ones"
        )
    step = max(1, NUMBERS // max(1, math.prod(a.shape[1:])))
    return torch.cat(
        [
            _of_part(a[i : i + step].double(), b[i : i + step].double(), scales)
            for i in range(0, len(a), step)
        ]
    )


def _of_part(x: Tensor, y: Tensor, scales: int) -> Tensor:
    weights = [each / math.fsum(WEIGHTS[:scales]) for each in WEIGHTS[:scales]]
    result = torch.ones(len(x), dtype=torch.float64, device=x.device)
    for scale, weight in enumerate(weights):
        last = scale == scales - 1
        result *= _similarity(x, y, luminance=last).clamp(min=0) ** weight
        if not last:
            x, y = avg_pool2d(x, 2), avg_pool2d(y, 2)
    return result


def _similarity(x: Tensor, y: Tensor, *, luminance: bool) -> Tensor:
    """(n,) the mean over pixels and channels of contrast times structure, or of all three."""
    at = torch.arange(WINDOW, dtype=torch.float64, device=x.device) - WINDOW // 2
    window = torch.exp(-at.square() / (2 * SIGMA**2))
    window = window / window.sum()

    def smooth(values: Tensor) -> Tensor:
        flat = values.flatten(0, 1)[:, None]
        found = conv2d(conv2d(flat, window[None, None, None]), window[None, None, :, None])
        return found.view(*values.shape[:2], *found.shape[2:])

    mean_x, mean_y = smooth(x), smooth(y)
    squares = mean_x.square() + mean_y.square()
    variances = smooth(x.square() + y.square()) - squares
    covariance = smooth(x * y) - mean_x * mean_y
    found = (2 * covariance + C2) / (variances.clamp(min=0) + C2)
    if luminance:
        found = found * (2 * mean_x * mean_y + C1) / (squares + C1)
    return found.mean(dim=(1, 2, 3))


def random_pairs(rows: Tensor, labels: Sequence[str] | None, count: int, seed: int) -> Tensor:
    """(p, 2) int64: pairs of rows, no row in two of them, whatever the order of the rows.

    Args:
        rows: (n, width).
        labels: n of them: then both of a pair have one label.
        count: of pairs, at most.
        seed: of the draw.
    """
    # By label before: equal rows of two labels stand as they are given.
    before = sorted(range(len(rows)), key=labels.__getitem__) if labels else range(len(rows))
    order = torch.tensor(before)[drawn_order(rows[before], seed)].tolist()
    waiting: dict[str, int] = {}
    pairs = []
    for place in order:
        label = labels[place] if labels is not None else ""
        if label in waiting:
            pairs.append((waiting.pop(label), place))
        else:
            waiting[label] = place
    return torch.tensor(pairs[:count], dtype=torch.int64).view(-1, 2)


@dataclass(frozen=True)
class MSSSIM(Metric):
    """Mean MS-SSIM of random pairs of generated images, after Odena et al. 2017, section 4.2.

    They take pairs within a class, which is ``pairs=label``, and 100 for each; here pairs have no
    image in common, so that they are independent. Above that of the real images, samples are too
    much alike. It compares pixel with pixel, and tells little of images that vary in all else than
    layout.
    """

    name: ClassVar[str] = "ms_ssim"
    summary: ClassVar[str] = "MS-SSIM of pairs of samples: how alike they are; --features pixels:64"
    outputs: ClassVar[Mapping[str, Better]] = {"ms_ssim": "lower"}

    count: int = 1000
    """Pairs at most."""
    pairs: Pairing = "all"
    """``label`` for pairs within each label alone."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_pairing(self.pairs)
        if self.count < 2:
            raise GandiagError(f"MS-SSIM needs at least 2 pairs, got {self.count}")

    def minimum(self, role: Role) -> int:
        """Two pairs, for an interval."""
        return 4

    def on(self, known: Known) -> Self:
        """The same on pixels, and on nothing else.

        Raises:
            Unfit: these features are no pixels, or of too few.
        """
        way = "choose --features pixels:64"
        if known.points or known.extractor.partition(":")[0] != "pixels":
            way = "give images" if known.points else way
            raise Unfit(f"needs pixels, and {known.extractor} gives other features", way)
        size = math.isqrt(known.layers[self.layer or known.features] // 3)
        if not scales_of(size):
            raise Unfit(f"needs images of at least {WINDOW} pixels, and these have {size}", way)
        return replace(self)

    def unjudged(self) -> Mapping[str, str]:
        """All of it."""
        return dict.fromkeys(self.outputs, TOO_WIDE)

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` => ``ms_ssim``.

        Raises:
            GandiagError: too few rows, widths that differ, rows that are no square RGB images.
        """
        sets = banks(self, statistics)
        labels: Sequence[Sequence[str] | None] = [None, None]
        if self.pairs == "label":
            labels = labels_of({role: statistics[role] for role in self.accepts}, self.name)
        size = math.isqrt(sets[0].shape[1] // 3)
        if 3 * size * size != sets[0].shape[1] or not scales_of(size):
            raise GandiagError(
                f"MS-SSIM needs rows of 3 x S x S pixels, S >= {WINDOW}, got a width of "
                f"{sets[0].shape[1]}; choose --features pixels:64"
            )
        real, generated = (
            self._similarities(rows, own, size) for rows, own in zip(sets, labels, strict=True)
        )
        value = float(generated.mean())
        half = Z * float(generated.std()) / math.sqrt(len(generated))
        scales = scales_of(size)
        return {
            "ms_ssim": Score(
                value,
                low=max(0.0, value - half),
                high=min(1.0, value + half),
                method=f"mean over disjoint random pairs{' within labels' * (self.pairs != 'all')} "
                f"at {size} pixels, {scales} scale{'s' * (scales > 1)}; normal over pairs",
                extra={"of real images": float(real.mean()), "pairs": float(len(generated))},
            )
        }

    def _similarities(self, rows: Tensor, labels: Sequence[str] | None, size: int) -> Tensor:
        pairs = random_pairs(rows, labels, self.count, self.seed).to(rows.device)
        if len(pairs) < 2:
            raise GandiagError(
                "no two pairs of images have a label in common; add images, or choose pairs=all"
            )
        return torch.cat(
            [
                ms_ssim(*(rows[part[:, side]].view(-1, 3, size, size) for side in (0, 1)))
                for part in (pairs[i : i + STEP] for i in range(0, len(pairs), STEP))
            ]
        )
