"""Exact Wasserstein distance between two samples, by linear programming."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks
from gandiag.metrics.costs import Points, check_cells, costs
from gandiag.metrics.line import Coupling, potential
from gandiag.metrics.replicates import Replicates
from gandiag.metrics.transport import (
    REDRAWN,
    Transport,
    check_finite,
    check_order,
    draw,
    score,
)
from gandiag.statistics import Statistic

ITERATIONS = 10**9
"""Of the network simplex, at most: thousands of times what 10,000 rows need."""
GAP = 1e-9
"""What primal and dual may differ by, and constraints be broken by, as a share of the mean cost:
rounding over thousands of rows, and far below what a simplex that was stopped leaves."""


def exact_wasserstein(
    real: Rows, generated: Rows, order: int = 2, *, iterations: int = ITERATIONS
) -> float:
    """``min over couplings of (E |X - Y|^p)^(1/p)``, | | Euclidean, between the two samples.

    In the units of the features. By the network simplex of POT (Bonneel et al. 2011), to
    optimality: the dual solution is checked to be one and to have the same value, and what was not
    solved is refused, where POT warns and returns what it has. On a line by sorting.

    Exact for the samples, and above the distance of their distributions by a bias that fades as
    N^(-1/width) only (Weed & Bach 2019): of wide features, nearly all of it may be bias. Read it
    beside that of two real samples of the same N.

    Args:
        real: (n, width), n >= 1; n x m is at most 10^8, not counting copies.
        generated: (m, width), m >= 1.
        order: p, 1 or 2.
        iterations: of the simplex, at most.

    Raises:
        GandiagError: an empty set, widths that differ, NaN, infinities, an order other than 1 and
            2, too many pairs, values so large that squares overflow, or no optimum within
            `iterations`.
    """
    return transport(real, generated, order, iterations).value


def transport(
    real: Rows, generated: Rows, order: int = 2, iterations: int = ITERATIONS
) -> Transport:
    """As `exact_wasserstein`, with its variance over draws of both sets."""
    check_order(order)
    x, y = as_pair(real, generated, least=1)
    if x.shape[1] == 1:
        return _on_a_line(x.double(), y.double(), order)
    a, b = Points.of(x), Points.of(y)
    check_cells("exact transport", a, b)
    cost = costs(a.rows, b.rows, order)
    scale = check_finite(float(cost.mean()))
    if scale == 0:
        return Transport(0.0, order, (torch.zeros(a.n), torch.zeros(b.n)))
    plan, u, v = _solve(a, b, (cost / scale).cpu().numpy(), iterations)
    rows, columns = (torch.from_numpy(each).to(x.device) for each in plan.nonzero())
    moved = torch.from_numpy(plan[plan.nonzero()]).to(x.device)
    power = float(moved @ cost[rows, columns])
    ours, theirs = (torch.from_numpy(each).to(x.device) * scale for each in (u, v))
    return Transport(power, order, (ours[a.places], theirs[b.places]))


def _on_a_line(x: Tensor, y: Tensor, order: int) -> Transport:
    x, y = x.sort(dim=0)[0], y.sort(dim=0)[0]
    power = check_finite(float(Coupling(len(x), len(y), x.device).powers(x, y, order)))
    ours, theirs = potential(x, y, order)[:, 0], potential(y, x, order)[:, 0]
    return Transport(power, order, (ours, theirs))


def _solve(
    a: Points, b: Points, cost: NDArray[Any], iterations: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Plan and dual potentials for costs of mean 1, checked to be optimal."""
    # Imported here, for it takes seconds.
    import ot

    ours, theirs = a.weights.cpu().numpy(), b.weights.cpu().numpy()
    plan, log = ot.emd(ours, theirs, cost, numItermax=iterations, log=True)
    u, v = log["u"], log["v"]
    gap = float((plan * cost).sum() - ours @ u - theirs @ v)
    broken = float(max(0.0, (u[:, None] + v - cost).max()))
    moved = max(
        float(np.abs(plan.sum(axis=1) - ours).sum()), float(np.abs(plan.sum(axis=0) - theirs).sum())
    )
    if log["warning"] is not None or not max(abs(gap), broken, moved) < GAP:
        raise GandiagError(
            f"exact transport of {a.n:,} to {b.n:,} rows was not solved within {iterations:,} "
            f"iterations (duality gap {gap:.2g} and broken constraints {broken:.2g} of the mean "
            "cost); allow more iterations, or give fewer rows"
        )
    return plan, u, v


@dataclass(frozen=True)
class ExactTransport(Metric):
    """The exact Wasserstein distance of order `order` between `size` rows drawn from each set.

    In the units of the features. Its bias at a given N depends on the distribution, so that values
    are compared at one `size` only, and with the floor: what real images have from real images.
    """

    name: ClassVar[str] = "emd"
    summary: ClassVar[str] = "Earth mover's distance: exact Wasserstein distance, beside its floor"
    outputs: ClassVar[Mapping[str, Better]] = {"emd": "lower"}

    order: int = 2
    size: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        check_order(self.order)
        if not 1 <= self.size <= 10_000:
            raise GandiagError(f"emd draws 1 to 10,000 rows of each set, got size={self.size}")

    def minimum(self, role: Role) -> int:
        """Two real rows, for a floor."""
        return 2 if role == "real" else 1

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` => ``emd``."""
        real, generated = banks(self, statistics)
        drawn = draw(real, generated, self.size, self.seed)
        found = transport(drawn.real, drawn.generated, self.order)
        floor = exact_wasserstein(*drawn.floor, self.order)
        fewer = None
        if not drawn.alike:
            fewer = exact_wasserstein(drawn.floor[0], drawn.opposite, self.order)
        n, m = len(drawn.real), len(drawn.generated)
        method = f"{REDRAWN}; between {n:,} real and {m:,} generated rows"
        return {
            "emd": score(found, drawn, floor, fewer, method, {"real rows": n, "generated rows": m})
        }

    def replicates(
        self, tell: Callable[[float], None] = lambda share: None, **statistics: Statistic
    ) -> Replicates:
        """From the potentials, of the rows drawn."""
        real, generated = banks(self, statistics)
        drawn = draw(real, generated, self.size, self.seed)
        return {"emd": transport(drawn.real, drawn.generated, self.order).replicates}
