"""Which rows lie in which balls of a tile: by bounds, and near ties by their distance."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gandiag.metrics.coarse import Bounds
from gandiag.metrics.neighbours import ROUGH, SPARE, Tie, all_distances, single_distances


class Reached(NamedTuple):
    """Balls of a tile, and members that they reach, as far as was asked."""

    balls: Tensor
    """(pairs,) int64, counted from the tile's first."""
    members: Tensor
    """(pairs,) int64, likewise."""
    inside: Tensor
    """(pairs,) bool: the member lies in the ball."""
    squares: Tensor
    """(pairs,) float64, squared distances: to within `ROUGH` of them, where further than the radii
    was asked for."""

    def matrix(self, balls: int, members: int) -> Tensor:
        """(balls, members) float32, 1 where a member lies in a ball."""
        found = torch.zeros((balls, members), device=self.balls.device)
        found[self.balls[self.inside], self.members[self.inside]] = 1.0
        return found


@dataclass(frozen=True, eq=False)
class Balls:
    """Some balls beside some members."""

    bounds: Bounds
    """Of all balls' centres and all members."""
    i: slice
    """These balls."""
    j: slice
    """These members."""
    radii: Tensor
    """(balls,) float64."""
    reach: Tensor
    """(balls,) float64, no less than the radii: how far to look."""
    tie: Tie

    def reached(self, lower: Tensor) -> Reached | None:
        """From (balls, members) lower bounds; None where they leave much open to finer ones."""
        found, undecided = self._by_bounds(lower)
        if (self.reach > self.radii).any():
            undecided |= found.squares - self._lower_of(lower, found) > ROUGH * found.squares
        if int(undecided.sum()) > SPARE * len(lower):
            return None
        open_ = undecided.nonzero()[:, 0]
        x, y = self._rows()
        return self._decided(
            found, open_, single_distances(x, y, found.balls[open_], found.members[open_])
        )

    def settled(self, lower: Tensor, exact: Callable[[], Tensor]) -> Reached:
        """From the finest bounds there are; `exact` gives (balls, members) distances, all of them.

        Rows all of whose distances are alike, say, are looked at together: to gather pairs costs
        eight times as much a pair.
        """
        found, undecided = self._by_bounds(lower)
        x, y = self._rows()
        count = torch.bincount(found.balls[undecided], minlength=len(x))
        crowded = count * 8 > len(y)
        rows = crowded.nonzero()[:, 0]
        among = crowded[found.balls]
        if len(rows):
            whole = exact() if 2 * len(rows) > len(x) else None
            if whole is None:
                whole = lower.new_zeros(lower.shape)
                whole[rows] = all_distances(x[rows], y)
            open_ = (undecided & among).nonzero()[:, 0]
            known = whole[found.balls[open_], found.members[open_]]
            found = self._decided(found, open_, known)
        open_ = (undecided & ~among).nonzero()[:, 0]
        return self._decided(
            found, open_, single_distances(x, y, found.balls[open_], found.members[open_])
        )

    def _rows(self) -> tuple[Tensor, Tensor]:
        return self.bounds.x.rows[self.i], self.bounds.y.rows[self.j]

    def _by_bounds(self, lower: Tensor) -> tuple[Reached, Tensor]:
        """All within reach, and (pairs,) bool which of them the bounds leave open."""
        limit = self.reach.square().to(lower.dtype)
        limit = torch.nextafter(limit, torch.full_like(limit, torch.inf))
        balls, members = (lower <= limit[:, None]).nonzero(as_tuple=True)
        least = lower[balls, members].double()
        slack = self.bounds.slack(balls + self.i.start, members + self.j.start)
        squares = self.radii.square()[balls]
        inside = least + slack < squares
        found = Reached(balls, members, inside, least + slack / 2)
        return found, ~inside & (least <= squares)

    def _lower_of(self, lower: Tensor, found: Reached) -> Tensor:
        return lower[found.balls, found.members].double()

    def _decided(self, found: Reached, open_: Tensor, distances: Tensor) -> Reached:
        """With what the distances of the open pairs say."""
        radii = self.radii[found.balls[open_]]
        found.inside[open_] = distances <= radii if self.tie == "<=" else distances < radii
        found.squares[open_] = distances.square()
        return found
