"""Sliced Wasserstein distance: the mean over directions of that on a line."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks
from gandiag.metrics.line import Coupling, Ranked, potential
from gandiag.metrics.replicates import Replicates
from gandiag.metrics.tiles import tiles
from gandiag.metrics.transport import (
    REDRAWN,
    Transport,
    check_finite,
    check_order,
    draw,
    score,
)
from gandiag.statistics import Statistic

CELLS = 1 << 21
"""Projected numbers at once, of both sets: 16 MB, and a dozen times that while they are sorted."""


class Slices(NamedTuple):
    """The distance on each of the lines."""

    powers: Tensor
    """(directions,) W_p^p."""
    order: int
    """p."""
    heights: tuple[Tensor, Tensor] | None
    """Of both sets' rows, see `Transport`: the means over the lines; None if not asked for."""

    @property
    def whole(self) -> Transport:
        """Their mean."""
        return Transport(check_finite(float(self.powers.mean())), self.order, self.heights)

    @property
    def error(self) -> float:
        """Standard error of the distance over draws of the directions, the sets kept."""
        count = len(self.powers)
        if count < 2 or not self.whole.value:
            return 0.0
        error = float(self.powers.std()) / math.sqrt(count)
        return error if self.order == 1 else error / (2 * self.whole.value)


def directions_of(width: int, count: int, seed: int) -> Tensor:
    """(width, count) float64: unit vectors, uniform on the sphere; on a line the only one."""
    if width == 1:
        return torch.ones((1, 1), dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn((count, width), generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(normal).T.contiguous()


def project(rows: Tensor, directions: Tensor) -> Tensor:
    """(n, width), (width, k) => (n, k) float64; the rows are widened a tile at a time."""
    return torch.cat([rows[i].double() @ directions for i in tiles(len(rows))])


def sliced_wasserstein(
    real: Rows, generated: Rows, order: int = 2, directions: int = 512, seed: int = 0
) -> float:
    """``(mean over directions t of W_p(t.X, t.Y)^p)^(1/p)`` (Bonneel et al. 2015).

    In the units of the features. The distance on a line is exact, for sets of any sizes, by their
    quantile functions. Between samples it lies above that of their distributions: for equal ones
    about as N^(-1/2), whatever the width. A shift by s comes out as abs(s) / sqrt(width) at order
    2, so that values of features of different widths are not to be compared.

    Args:
        real: (n, width), n >= 1.
        generated: (m, width), m >= 1.
        order: p, 1 or 2.
        directions: how many, uniform on the sphere.
        seed: of the directions.

    Raises:
        GandiagError: an empty set, widths that differ, NaN, infinities, an order other than 1 and
            2, no direction, or values so large (from about 1e150 on) that squares overflow.
    """
    x, y = as_pair(real, generated, least=1)
    ((found,),) = slices(x, y, (order,), directions, seed, (WHOLE,))
    return found.whole.value


class Part(NamedTuple):
    """Rows of the two sets that are set against each other."""

    of: tuple[Literal[0, 1], Literal[0, 1]]
    """Which set each side is from: the first or the second."""
    rows: tuple[slice, slice]
    """Which of its rows."""
    deviation: bool = False
    """Whether the variance is wanted too."""


WHOLE = Part((0, 1), (slice(None), slice(None)))
"""One set against the other."""


def slices(
    x: Tensor,
    y: Tensor,
    orders: tuple[int, ...],
    directions: int,
    seed: int,
    parts: tuple[Part, ...],
) -> list[tuple[Slices, ...]]:
    """For each of `parts`, for each of `orders`: the distance on each line; projected once for all.

    Where a variance is wanted: the mean over the lines of each row's potential says how the mean of
    the distances changes with weight on it.
    """
    for order in orders:
        check_order(order)
    if directions < 1:
        raise GandiagError(f"a sliced distance needs at least one direction, got {directions}")
    lines = directions_of(x.shape[1], directions, seed).to(x.device)
    sums = [
        _Sum(len(_side(part, 0, (x, y))), len(_side(part, 1, (x, y))), order, x.device)
        for part in parts
        for order in orders
    ]
    for block in _blocks(len(x) + len(y), lines.shape[1]):
        both = project(x, lines[:, block]), project(y, lines[:, block])
        for i, part in enumerate(parts):
            ours, theirs = (Ranked.of(_side(part, side, both)) for side in (0, 1))
            for each in sums[i * len(orders) : (i + 1) * len(orders)]:
                each.add(ours, theirs, deviation=part.deviation)
    found = [each.found() for each in sums]
    return [tuple(found[i : i + len(orders)]) for i in range(0, len(found), len(orders))]


def _side(part: Part, side: int, both: tuple[Tensor, Tensor]) -> Tensor:
    return both[part.of[side]][part.rows[side]]


class _Sum:
    """The distances on lines so far, and the potentials summed over them."""

    def __init__(self, n: int, m: int, order: int, device: torch.device) -> None:
        self.order, self.powers = order, list[Tensor]()
        self.coupling = Coupling(n, m, device)
        self.heights = [torch.zeros(k, dtype=torch.float64, device=device) for k in (n, m)]
        self.deviation = False

    def add(self, ours: Ranked, theirs: Ranked, *, deviation: bool) -> None:
        self.powers.append(self.coupling.powers(ours.values, theirs.values, self.order))
        self.deviation = deviation
        if deviation:
            for i, (one, other) in enumerate(((ours, theirs), (theirs, ours))):
                heights = potential(one.values, other.values, self.order)
                self.heights[i] += one.by_row(heights).sum(dim=1)

    def found(self) -> Slices:
        powers = torch.cat(self.powers)
        ours, theirs = (each / len(powers) for each in self.heights)
        return Slices(powers, self.order, (ours, theirs) if self.deviation else None)


def _blocks(rows: int, directions: int) -> Iterator[slice]:
    """Consecutive slices of the directions that keep to `CELLS`."""
    step = max(1, CELLS // rows)
    for start in range(0, directions, step):
        yield slice(start, min(start + step, directions))


@dataclass(frozen=True)
class SlicedWasserstein(Metric):
    """The sliced Wasserstein distances of orders 1 and 2, in the units of the features.

    That of the samples: above that of the distributions, the more the fewer images there are, so
    that it is read beside its floor, which two halves of the real images have. The interval holds
    the mean at this N; near the floor it is wider than it need be.
    """

    name: ClassVar[str] = "swd"
    summary: ClassVar[str] = "Sliced Wasserstein distance: mean cost of moving along random lines"
    outputs: ClassVar[Mapping[str, Better]] = {"sw1": "lower", "sw2": "lower"}

    directions: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if self.directions < 1:
            raise GandiagError(f"swd needs at least one direction, got {self.directions}")

    def minimum(self, role: Role) -> int:
        """Two real rows, for a floor."""
        return 2 if role == "real" else 1

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` => ``sw1`` and ``sw2``."""
        real, generated = banks(self, statistics)
        drawn = draw(real, generated, None, self.seed)
        half = len(drawn.opposite)
        first, second = slice(half), slice(half, 2 * half)
        parts: tuple[Part, ...] = (
            WHOLE._replace(deviation=True),
            Part((0, 0), (first, second)),
        )
        if not drawn.alike:
            parts += (Part((0, 1), (first, first)),)
        found, floors, *fewer = slices(
            drawn.real, drawn.generated, (1, 2), self.directions, self.seed, parts
        )
        return {
            f"sw{each.order}": score(
                each.whole,
                drawn,
                floors[i].whole.value,
                fewer[0][i].whole.value if fewer else None,
                f"{REDRAWN}, the directions kept",
                {"error over directions": each.error},
            )
            for i, each in enumerate(found)
        }

    def replicates(
        self, tell: Callable[[float], None] = lambda share: None, **statistics: Statistic
    ) -> Replicates:
        """From the potentials, the directions kept."""
        real, generated = banks(self, statistics)
        drawn = draw(real, generated, None, self.seed)
        parts = (WHOLE._replace(deviation=True),)
        (found,) = slices(drawn.real, drawn.generated, (1, 2), self.directions, self.seed, parts)
        return {f"sw{each.order}": each.whole.replicates for each in found}
