"""What precision, recall, density and coverage lose when neighbours are looked for in few lists.

An index of inverted lists: k-means cuts a set into about as many lists as the root of its size, and
a row looks into those lists alone whose centres are nearest to it (Jégou, Douze & Schmid 2011,
without their compression). Simulated: every distance is computed, and those between a row and a
list that it would not look into are left out.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

SHARES = (0.02, 0.05, 0.1, 0.2, 0.5)
"""Of the lists, that are looked into."""
K = 5
NEAREST = 256
"""Neighbours among which those in the lists are looked for, before all are."""
TILE = 1024
SCALES: Mapping[str, float] = {"alike in all directions": 0.0, "variance 1/i": 1.0}
"""Name of normal features => how fast the variance of direction i falls, as i to this power."""

Row = dict[str, Any]
NAMES = ("precision", "recall", "density", "coverage")


def measure(n: int, width: int) -> Row:
    """For each kind of features and share: neighbours found, and what the four are off."""
    return {
        "found": [
            {"features": name, **row}
            for name, power in SCALES.items()
            for row in compared(*drawn(n, width, power), SHARES)
        ]
    }


def drawn(n: int, width: int, power: float) -> tuple[Tensor, Tensor]:
    """(n, width) float64 real rows, and generated ones a tenth narrower and moved a little."""
    spread = torch.arange(1, width + 1, dtype=torch.float64) ** (-power / 2)
    real, generated = (
        torch.randn(n, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        for seed in (0, 1)
    )
    return spread * real, spread * (0.9 * generated + 0.05)


def compared(real: Tensor, generated: Tensor, shares: Sequence[float]) -> Iterator[Row]:
    """A row a share of the lists."""
    count = math.isqrt(len(real))
    ours, theirs = (Lists(rows, count) for rows in (real, generated))
    most = (*(max(1, round(share * count)) for share in shares), count)
    radii, found, looked = zip(*(each.radii(most) for each in (ours, theirs)), strict=True)
    exact, *_ = [*four(ours, theirs, [each[-1:] for each in radii], most[-1:])]
    for place, values in enumerate(four(ours, theirs, radii, most[:-1])):
        yield {
            "lists": count,
            "share": shares[place],
            "computed": float(sum(each[place] for each in looked) / 2) + count / len(real),
            "neighbours": float(sum(each[place] for each in found) / 2),
            "exact": exact,
            "off": {name: values[name] - exact[name] for name in NAMES},
        }


class Lists:
    """Rows cut into lists by k-means."""

    def __init__(self, rows: Tensor, count: int) -> None:
        from sklearn.cluster import KMeans  # here, for it takes half a second

        self.rows = rows
        self.count = count
        cut = KMeans(count, n_init=1, max_iter=20, random_state=0).fit(rows.numpy())
        self.centres = torch.from_numpy(cut.cluster_centers_)
        self.list_of = torch.from_numpy(cut.labels_).long()

    def order(self, queries: Tensor) -> Tensor:
        """(m, width) => (m, n) int16: how many lists are nearer to a query than each row's."""
        by_distance = squares(queries, self.centres).argsort(dim=1)
        place = torch.empty_like(by_distance)
        place.scatter_(1, by_distance, torch.arange(self.count).expand_as(by_distance))
        return place.to(torch.int16)[:, self.list_of]

    def radii(self, most: Sequence[int]) -> tuple[list[Tensor], list[float], list[float]]:
        """For so many lists each: squares of the distances to the k-th neighbour that is found.

        Returns:
            (n,) float64 for each of `most`; the share of the true k neighbours among those found;
            the share of all rows that is looked at.
        """
        radii: list[list[Tensor]] = [[] for _ in most]
        found, looked = [0.0] * len(most), [0.0] * len(most)
        n = len(self.rows)
        for start in range(0, n, TILE):
            queries = self.rows[start : start + TILE]
            apart, place = squares(queries, self.rows), self.order(queries)
            itself = torch.arange(start, start + len(queries))
            apart[torch.arange(len(queries)), itself] = math.inf
            nearest = apart.topk(min(NEAREST, n - 1), largest=False)
            places = place.gather(1, nearest.indices)
            for which, lists in enumerate(most):
                seen = places < lists
                kth = kth_seen(nearest.values, seen)
                for row in kth.isinf().nonzero()[:, 0].tolist():
                    own = apart[row].masked_fill(place[row] >= lists, math.inf)
                    kth[row] = own.topk(K, largest=False).values[-1]
                radii[which].append(kth)
                found[which] += float(seen[:, :K].double().mean(dim=1).sum()) / n
                looked[which] += float((place < lists).double().mean(dim=1).sum()) / n
        return [torch.cat(each) for each in radii], found, looked


def kth_seen(values: Tensor, seen: Tensor) -> Tensor:
    """(m, c) ascending and which are seen => (m,) the k-th seen; infinite where there are fewer."""
    kth = (seen.cumsum(dim=1) == K) & seen
    return values.masked_fill(~kth, math.inf).amin(dim=1)


def four(
    ours: Lists, theirs: Lists, radii: Sequence[Sequence[Tensor]], most: Sequence[int]
) -> Iterator[dict[str, float]]:
    """For so many lists each, what the pairs that are looked at make of the four.

    Generated rows look for balls in the real rows' lists, real rows in the generated ones'. An
    infinite radius, of a row that finds fewer than k, holds all that is looked at.
    """
    hits, covered = _within(theirs.rows, ours, radii[0], most)
    recalled, _ = _within(ours.rows, theirs, radii[1], most)
    for place in range(len(most)):
        yield {
            "precision": float((hits[place] > 0).double().mean()),
            "recall": float((recalled[place] > 0).double().mean()),
            "density": float(hits[place].double().mean()) / K,
            "coverage": float(covered[place].double().mean()),
        }


def _within(
    queries: Tensor, lists: Lists, radii: Sequence[Tensor], most: Sequence[int]
) -> tuple[list[Tensor], list[Tensor]]:
    """Balls of the lists' rows around each query, and whether each ball holds a query."""
    hits: list[list[Tensor]] = [[] for _ in most]
    held = [torch.zeros(len(lists.rows), dtype=torch.bool) for _ in most]
    for part in torch.split(queries, TILE):
        apart, place = squares(part, lists.rows), lists.order(part)
        for which, count in enumerate(most):
            inside = (apart <= radii[which]) & (place < count)
            hits[which].append(inside.sum(dim=1))
            held[which] |= inside.any(dim=0)
    return [torch.cat(each) for each in hits], held


def squares(x: Tensor, y: Tensor) -> Tensor:
    """(n, width), (m, width) float64 => (n, m), squared distances."""
    sizes = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1)
    return sizes.addmm_(x, y.T, alpha=-2)
