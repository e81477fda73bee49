"""Precision, recall, density, coverage: balls around each image out to its k-th neighbour."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple, Self

import torch
from torch import Tensor

from gandiag.metrics.checks import Rows, as_pair
from gandiag.metrics.coarse import Bounds, mean_of
from gandiag.metrics.neighbours import Tie, all_distances, check_k, kth_nearest
from gandiag.metrics.reached import Balls, Reached


class Tile(NamedTuple):
    """Some real rows beside some generated ones."""

    real: slice
    generated: slice
    in_real: Reached
    """Balls around real rows, and generated rows."""
    in_generated: Reached
    """Balls around generated rows, and real rows."""


def memberships(
    real: Tensor,
    generated: Tensor,
    radii: tuple[Tensor, Tensor],
    tie: Tie,
    reaches: tuple[Tensor, Tensor] | None = None,
) -> Iterator[Tile]:
    """Every pair within reach once, and whether it is one of ``distance tie radius``.

    Args:
        real: (n, width).
        generated: (m, width).
        radii: (n,) and (m,) float64, of the balls around real and around generated rows.
        tie: whether a row at exactly the radius is inside.
        reaches: (n,) and (m,) float64, no less than the radii, how far to look; None for no
            further.
    """
    bounds = Bounds.of(real, generated, mean_of(real))
    for i, j, lower in bounds.tiles():
        # Each is computed once, if at all.
        fine = cache(partial(bounds.finer().tile, i, j))
        exact = cache(partial(all_distances, real[i], generated[j]))
        sides = []
        for turned in (False, True):
            seen = partial(_turned, turned)
            a, b = (j, i) if turned else (i, j)
            radius, reach = (each[turned][a] for each in (radii, reaches or radii))
            balls = Balls(bounds.turned() if turned else bounds, a, b, radius, reach, tie)
            found = balls.reached(seen(lower)) if lower.dtype == torch.float32 else None
            if found is None:
                finer = replace(balls, bounds=balls.bounds.finer())
                found = finer.settled(seen(fine()), _after(seen, exact))
            sides.append(found)
        yield Tile(i, j, *sides)


def _after(last: Callable[[Tensor], Tensor], first: Callable[[], Tensor]) -> Callable[[], Tensor]:
    return lambda: last(first())


def _turned(turned: bool, tile: Tensor) -> Tensor:
    return tile.T if turned else tile


class Neighbourhoods(NamedTuple):
    """Who lies in whose ball."""

    hits: Tensor
    """(generated,) int64: in how many balls of real rows each generated row lies."""
    covered: Tensor
    """(real,) bool: whether any generated row lies in this real row's ball."""
    recalled: Tensor
    """(real,) bool: whether this real row lies in any generated row's ball."""

    @classmethod
    def none(cls, real: Tensor, generated: Tensor) -> Self:
        """Of such sets before any tile is added."""
        hits = torch.zeros(len(generated), dtype=torch.int64, device=real.device)
        covered = torch.zeros(len(real), dtype=torch.bool, device=real.device)
        return cls(hits, covered, covered.clone())

    def add(self, tile: Tile) -> None:
        """Count it in, in place."""
        balls, members = (each[tile.in_real.inside] for each in tile.in_real[:2])
        self.hits.index_add_(0, members + tile.generated.start, torch.ones_like(members))
        self.covered[balls + tile.real.start] = True
        self.recalled[tile.in_generated.members[tile.in_generated.inside] + tile.real.start] = True


def neighbourhoods(*, real: Rows, generated: Rows, k: int, tie: Tie) -> Neighbourhoods:
    """Membership by ``distance tie radius``, tile by tile; what all four shares are counted from.

    Raises:
        GandiagError: as `precision_recall_density_coverage`.
    """
    check_k(k)
    real, generated = as_pair(real, generated, least=k + 1)
    radii = [kth_nearest(rows, k).radii for rows in (real, generated)]
    found = Neighbourhoods.none(real, generated)
    for tile in memberships(real, generated, (radii[0], radii[1]), tie):
        found.add(tile)
    return found


def precision_recall_density_coverage(
    *, real: Rows, generated: Rows, k: int = 5, tie: Tie = "<="
) -> dict[str, float]:
    """Four shares of neighbourhoods.

    precision: generated rows inside some real row's ball, and recall: real rows inside some
    generated row's (Kynkäänniemi et al. 2019, eq. 1-3); density: real balls that a generated row
    lies in, over k, and coverage: real rows whose ball holds a generated row (Naeem et al. 2020,
    eq. 3-4). A row's ball reaches to its k-th nearest other row of the same set.

    Distances are exact in float64, and no N x N array is made. Kynkäänniemi's balls are closed
    (``<=``, as torch-fidelity 0.4), Naeem's prdc 0.2 compares with ``<``; they differ on exact ties
    only, such as copies and constant features.

    Args:
        real: (n, width), n > k.
        generated: (m, width), m > k.
        k: The neighbour that a ball reaches to.
        tie: Whether a row at exactly the radius is inside.

    Returns:
        precision, recall, coverage in [0, 1]; density >= 0, about 1 for equal distributions.

    Raises:
        GandiagError: too few rows, widths that differ, NaN or infinities.
    """
    found = neighbourhoods(real=real, generated=generated, k=k, tie=tie)
    return {
        "precision": int((found.hits > 0).sum()) / len(found.hits),
        "recall": int(found.recalled.sum()) / len(found.recalled),
        "density": int(found.hits.sum()) / (k * len(found.hits)),
        "coverage": int(found.covered.sum()) / len(found.covered),
    }


def expected_coverage(*, n_real: int, n_generated: int, k: int) -> float:
    """Mean coverage when both sets come from one distribution (Naeem et al. 2020, section 4.2).

    A real row is missed when its k nearest among the n - 1 other real and the m generated rows are
    all real: 1 - prod_{i=1..k} (n - i) / (n + m - i).
    """
    missed = math.prod((n_real - i) / (n_real + n_generated - i) for i in range(1, k + 1))
    return 1 - missed
