"""Sinkhorn divergence: transport smoothed by entropy, without what the smoothing adds."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks
from gandiag.metrics.costs import Points, check_cells, costs
from gandiag.metrics.entropic import solve
from gandiag.metrics.replicates import Replicates
from gandiag.metrics.transport import (
    REDRAWN,
    Drawn,
    Transport,
    check_finite,
    check_order,
    draw,
    score,
)
from gandiag.statistics import Statistic

FRACTION = 0.2
"""The blur where none is given, of the median distance between real rows."""
LOOKED_AT = 1000
"""Rows, for that median."""


def sinkhorn_divergence(
    real: Rows, generated: Rows, order: int = 2, blur: float | None = None
) -> float:
    """``S^(1/p), S = OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2`` (Feydy et al. 2019).

    In the units of the features, with ``OT = min over couplings of E |X - Y|^p + blur^p KL(coupling
    | a x b)``, in nats. S is 0 for equal sets and >= 0; its root is the exact distance as the blur
    goes to 0, and for order 2 the distance of the means as it grows. Differences much finer than
    the blur are hardly seen, and in return the bias fades as N^(-1/2) (Genevay et al. 2019), with a
    constant that grows as the blur shrinks.

    The cost is the distance to the power p. geomloss halves the square: its value for p = 2 is S/2
    at a blur of ours / sqrt(2).

    Args:
        real: (n, width), n >= 1; n x m, n x n and m x m are at most 10^8, not counting copies.
        generated: (m, width), m >= 1.
        order: p, 1 or 2.
        blur: > 0, in the units of the features; None takes a fifth of the median distance between
            rows of `real`, and only then is it to be told which set is the real one.

    Raises:
        GandiagError: an empty set, widths that differ, NaN, infinities, an order other than 1 and
            2, a blur that is not above 0, too many pairs, values so large that squares overflow, or
            no convergence at so small a blur.
    """
    x, y = as_pair(real, generated, least=1)
    return divergence(x, y, order, blur if blur is not None else blur_of(x, y)).value


def blur_of(real: Tensor, generated: Tensor) -> float:
    """A fifth of the median distance between different real rows, 1,000 of them at most.

    Of all real rows alike, a fifth of the median distance to the generated ones; 1 without any.
    """
    x, y = (_few(Points.of(each).rows) for each in (real, generated))
    found = costs(x, x, 1)[~torch.eye(len(x), dtype=torch.bool, device=x.device)]
    if not len(found):
        found = costs(x, y, 1).flatten()
    return FRACTION * check_finite(float(found.median())) or 1.0


def _few(rows: Tensor) -> Tensor:
    """Every so many in lexical order: no chance."""
    return rows[:: math.ceil(len(rows) / LOOKED_AT)]


def divergence(real: Tensor, generated: Tensor, order: int, blur: float) -> Transport:
    """As `sinkhorn_divergence`, with its variance over draws of both sets, the blur kept."""
    check_order(order)
    if not (blur > 0 and math.isfinite(blur)):
        raise GandiagError(f"the blur of a Sinkhorn divergence must be above 0, got {blur}")
    epsilon = blur**order
    one, other = (_Alone.of(each, order, epsilon) for each in (real, generated))
    return _between(one, other, order, epsilon)


class _Alone(NamedTuple):
    """A set and its transport to itself, which all divergences from it have in common."""

    points: Points
    value: float
    potential: Tensor

    @classmethod
    def of(cls, rows: Tensor, order: int, epsilon: float) -> "_Alone":
        points = Points.of(rows)
        value, potential, _ = solve(_costs(points, points, order), points.weights, None, epsilon)
        return cls(points, value, potential)


def _between(one: _Alone, other: _Alone, order: int, epsilon: float) -> Transport:
    a, b = one.points, other.points
    value, f, g = solve(_costs(a, b, order), a.weights, b.weights, epsilon)
    power = max(0.0, value - one.value / 2 - other.value / 2)
    # Potentials of how S, not OT, changes with weight on a row.
    ours, theirs = f - one.potential, g - other.potential
    return Transport(power, order, (ours[a.places], theirs[b.places]))


def _costs(a: Points, b: Points, order: int) -> Tensor:
    check_cells("a Sinkhorn divergence", a, b)
    found = costs(a.rows, b.rows, order)
    check_finite(float(found.sum()))
    return found


@dataclass(frozen=True)
class SinkhornDivergence(Metric):
    """The root of the debiased Sinkhorn divergence between `size` rows drawn from each set.

    In the units of the features. Values are compared at one blur and one `size`: `blur` None takes
    a fifth of the median distance between the real rows drawn, and the one used stands beside.
    """

    name: ClassVar[str] = "sinkhorn"
    summary: ClassVar[str] = "Sinkhorn divergence: a transport distance smoothed by entropy"
    outputs: ClassVar[Mapping[str, Better]] = {"sinkhorn": "lower"}

    order: int = 2
    blur: float | None = None
    size: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        check_order(self.order)
        if not 1 <= self.size <= 10_000:
            raise GandiagError(f"sinkhorn draws 1 to 10,000 rows of each set, got {self.size}")
        if self.blur is not None and not self.blur > 0:
            raise GandiagError(f"the blur of sinkhorn must be above 0, got {self.blur}")

    def minimum(self, role: Role) -> int:
        """Two real rows, for a floor."""
        return 2 if role == "real" else 1

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` => ``sinkhorn``."""
        real, generated = banks(self, statistics)
        drawn = draw(real, generated, self.size, self.seed)
        blur, ours, theirs = self._alone(drawn)
        epsilon = blur**self.order

        def alone(rows: Tensor) -> _Alone:
            return _Alone.of(rows, self.order, epsilon)

        def between(one: _Alone, other: _Alone) -> Transport:
            return _between(one, other, self.order, epsilon)

        first = ours if len(drawn.floor[0]) == len(drawn.real) else alone(drawn.floor[0])
        found, floor = between(ours, theirs), between(first, alone(drawn.floor[1])).value
        fewer = None
        if not drawn.alike:
            whole = len(drawn.opposite) == len(drawn.generated)
            fewer = between(first, theirs if whole else alone(drawn.opposite)).value
        n, m = len(drawn.real), len(drawn.generated)
        method = f"{REDRAWN}, the blur kept; between {n:,} real and {m:,} generated rows"
        extra = {"blur": blur, "real rows": float(n), "generated rows": float(m)}
        return {"sinkhorn": score(found, drawn, floor, fewer, method, extra)}

    def replicates(
        self, tell: Callable[[float], None] = lambda share: None, **statistics: Statistic
    ) -> Replicates:
        """From the potentials, of the rows drawn."""
        real, generated = banks(self, statistics)
        blur, ours, theirs = self._alone(draw(real, generated, self.size, self.seed))
        return {"sinkhorn": _between(ours, theirs, self.order, blur**self.order).replicates}

    def _alone(self, drawn: Drawn) -> tuple[float, _Alone, _Alone]:
        """The blur, and both sets drawn."""
        blur = self.blur if self.blur is not None else blur_of(drawn.real, drawn.generated)
        epsilon = blur**self.order
        ours, theirs = (
            _Alone.of(each, self.order, epsilon) for each in (drawn.real, drawn.generated)
        )
        return blur, ours, theirs
