"""Precision, recall, density, coverage: balls around each image out to its k-th neighbour."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Self

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, as_rows, banks, check_count, check_same_width
from gandiag.metrics.intervals import Z, wilson
from gandiag.metrics.jackknife import Balls, deleted_radii, deviation, groups_of
from gandiag.metrics.tiles import tiles
from gandiag.statistics import Statistic

Tie = Literal["<", "<="]

SPARE = 8
"""Candidates kept beyond the k nearest, so that near ties are settled among them."""
GATHER = 1 << 22
"""Numbers gathered at once to compute single distances: 32 MB in float64."""


def distances(x: Tensor, y: Tensor) -> Tensor:
    """(..., n, width), (..., m, width) => (..., n, m) float64, summed over (x - y)^2.

    THE distance of this file: a function of the two rows alone, so that equal rows are at 0 and
    equal distances compare equal, which the usual |x|^2 + |y|^2 - 2 x.y does not give.
    """
    return torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist")


def bounded_squares(x: Tensor, y: Tensor, centre: Tensor) -> tuple[Tensor, Tensor, float]:
    """(n, width), (m, width) => (n, m) |x - c|^2 + |y - c|^2 and 2 (x - c).(y - c), and an error.

    Their difference is the squared distance to within error * the first: a matrix product, twenty
    times faster than `distances`, that settles all but the near ties. The error is the worst case
    of float64 rounding: each sum over the width may lose half an ulp a term.
    """
    x, y = x.double() - centre, y.double() - centre
    sizes = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1)
    return sizes, (x @ y.T).mul_(2), (2 * x.shape[1] + 16) * torch.finfo(torch.float64).eps


def k_nearest(rows: Rows, k: int, among: Rows | None = None) -> Tensor:
    """Distances to the k nearest rows, exactly as `distances` gives them.

    Args:
        rows: (n, width).
        k: How many neighbours.
        among: (m, width) to search, m >= k; None for the *other* rows of `rows` itself, n > k.

    Returns:
        (n, k) float64, ascending.

    Raises:
        GandiagError: too few rows to have k neighbours, widths that differ, NaN or infinities.
    """
    x = as_rows(rows, "rows")
    y = x if among is None else as_rows(among, "among").to(x.device)
    check_same_width({"rows": x.shape[1], "among": y.shape[1]})
    _check_k(k)
    check_count("rows" if among is None else "among", len(y), k + 1 if among is None else k)
    return _k_nearest(x, y, k, among is None).distances


class _Nearest(NamedTuple):
    """The k nearest rows, and a few more."""

    distances: Tensor
    """(n, k) float64, ascending."""
    candidates: Tensor
    """(n, c) float64, ascending: distances to the k nearest and, but for near ties, to the next."""
    places: Tensor
    """(n, c) int64, which rows the candidates are."""


def _k_nearest(x: Tensor, y: Tensor, k: int, same: bool) -> _Nearest:
    """With `same`, row i of `y` is row i of `x` itself."""
    centre = y.mean(dim=0, dtype=torch.float64)
    parts = [_nearest_of_tile(x, i, y, k, centre, same) for i in tiles(len(x))]
    return _Nearest(*(torch.cat(each) for each in zip(*parts, strict=True)))


def _nearest_of_tile(
    x: Tensor, i: slice, y: Tensor, k: int, centre: Tensor, same: bool
) -> _Nearest:
    block = x[i]
    least = block.new_full((len(block), 0), 0.0, dtype=torch.float64)
    index = torch.zeros((len(block), 0), dtype=torch.int64, device=x.device)
    for j in tiles(len(y)):
        sizes, products, error = bounded_squares(block, y[j], centre)
        # Never above the squared distance; copies are settled at 0.
        lower = sizes.mul_(1 - error).sub_(products).clamp_(min=0)
        columns = torch.arange(j.start, j.stop, device=x.device).expand(len(block), -1)
        least, index = torch.cat((least, lower), 1), torch.cat((index, columns), 1)
        least, kept = least.topk(min(k + SPARE, least.shape[1]), largest=False)
        index = index.gather(1, kept)
    found = torch.cat(
        [
            distances(block[part, None], y[index[part]])[:, 0]
            for part in _parts(len(block), index.shape[1] * x.shape[1])
        ]
    )
    if same:
        itself = index == torch.arange(i.start, i.stop, device=x.device)[:, None]
        found.masked_fill_(itself, math.inf)
    candidates, order = found.sort(dim=1)
    found = candidates[:, :k].clone()
    if index.shape[1] < len(y):
        # Rows left out are no nearer than the last candidate's bound. Where that does not settle
        # the k-th (many near ties), look at all.
        unsettled = (found[:, -1].square() > least[:, -1]).nonzero()[:, 0]
        for part in tiles(len(unsettled)):
            rows = unsettled[part]
            found[rows] = _search(block[rows], y, k, i.start + rows if same else None)
    return _Nearest(found, candidates, index.gather(1, order))


def _search(x: Tensor, y: Tensor, k: int, itself: Tensor | None) -> Tensor:
    """(n, width), (m, width) => (n, k), by every single distance; `itself` names rows of y."""
    least = torch.zeros((len(x), 0), dtype=torch.float64, device=x.device)
    for j in tiles(len(y)):
        exact = distances(x, y[j])
        if itself is not None:
            columns = torch.arange(j.start, j.stop, device=x.device)
            exact.masked_fill_(columns == itself[:, None], math.inf)
        least = torch.cat((least, exact), 1)
        least = least.topk(min(k, least.shape[1]), largest=False, sorted=True).values
    return least


def _parts(n: int, width: int) -> Iterator[slice]:
    """Slices of range(n) so that a part of rows `width` wide stays within `GATHER`."""
    step = max(1, GATHER // width)
    for start in range(0, n, step):
        yield slice(start, start + step)


class Neighbourhoods(NamedTuple):
    """Who lies in whose ball."""

    hits: Tensor
    """(generated,) int64: in how many balls of real rows each generated row lies."""
    covered: Tensor
    """(real,) bool: whether any generated row lies in this real row's ball."""
    recalled: Tensor
    """(real,) bool: whether this real row lies in any generated row's ball."""


def neighbourhoods(*, real: Rows, generated: Rows, k: int, tie: Tie) -> Neighbourhoods:
    """Membership by ``distance tie radius``, tile by tile; what all four shares are counted from.

    Raises:
        GandiagError: as `precision_recall_density_coverage`.
    """
    return _neighbourhoods(real, generated, k, tie, deviations=False)[0]


def _neighbourhoods(
    real: Rows, generated: Rows, k: int, tie: Tie, *, deviations: bool
) -> tuple[Neighbourhoods, dict[str, float]]:
    """Who lies where, and, if asked for, the standard deviations of the four shares."""
    _check_k(k)
    real, generated = as_pair(real, generated, least=k + 1)
    own, others = _k_nearest(real, real, k, True), _k_nearest(generated, generated, k, True)
    real_radii, generated_radii = own.distances[:, -1], others.distances[:, -1]
    hits = torch.zeros(len(generated), dtype=torch.int64, device=real.device)
    covered = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    recalled = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    centre = real.mean(dim=0, dtype=torch.float64)
    jackknife = _Jackknife.of(own, others, k) if deviations else None
    for i in tiles(len(real)):
        for j in tiles(len(generated)):
            x, y = real[i], generated[j]
            sizes, products, error = bounded_squares(x, y, centre)
            lower, upper = sizes * (1 - error) - products, sizes * (1 + error) - products
            in_real = within(lower, upper, real_radii[i, None], x, y, tie)
            in_generated = within(lower, upper, generated_radii[None, j], x, y, tie)
            hits[j] += in_real.sum(dim=0)
            covered[i] |= in_real.any(dim=1)
            recalled[i] |= in_generated.any(dim=1)
            if jackknife is not None:
                jackknife.real.add(i, j, upper, in_real)
                jackknife.generated.add(j, i, upper.T, in_generated.T)
    found = Neighbourhoods(hits, covered, recalled)
    return found, {} if jackknife is None else jackknife.deviations(k)


class _Jackknife(NamedTuple):
    """The balls of both sets, with groups of rows left out."""

    real: Balls
    generated: Balls

    @classmethod
    def of(cls, own: _Nearest, others: _Nearest, k: int) -> Self:
        device = own.distances.device
        sets = [(each, groups_of(len(each.distances)).to(device)) for each in (own, others)]

        def balls(nearest: _Nearest, groups: Tensor, members: Tensor) -> Balls:
            deleted = deleted_radii(nearest.candidates, nearest.places, groups, k)
            return Balls(deleted, groups, members)

        (own, mine), (others, theirs) = sets
        return cls(balls(own, mine, theirs), balls(others, theirs, mine))

    def deviations(self, k: int) -> dict[str, float]:
        return {
            "precision": deviation(*self.real.inside()),
            "recall": deviation(*self.generated.inside()),
            "density": deviation(*self.real.density(k)),
            "coverage": deviation(*self.real.covered()),
        }


def within(lower: Tensor, upper: Tensor, radii: Tensor, x: Tensor, y: Tensor, tie: Tie) -> Tensor:
    """Bounds of squared distances and radii that broadcast to them => (n, m) bool."""
    radii = radii.expand_as(lower)
    squares = radii.square()
    inside = upper < squares
    near = ~inside & (lower <= squares)

    def settled(distance: Tensor, radius: Tensor) -> Tensor:
        return distance <= radius if tie == "<=" else distance < radius

    # Rows all of whose distances are alike, say. Gathering pairs costs eight times as much a pair.
    crowded = (near.sum(dim=1) * 8 > len(y)).nonzero()[:, 0]
    if len(crowded):
        found = settled(distances(x[crowded], y), radii[crowded])
        inside[crowded] |= near[crowded] & found
        near[crowded] = False
    rows, columns = near.nonzero(as_tuple=True)
    for part in _parts(len(rows), x.shape[1]):
        row, column = rows[part], columns[part]
        found = distances(x[row, None], y[column, None])[:, 0, 0]
        inside[row, column] = settled(found, radii[row, column])
    return inside


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


def _check_k(k: int) -> None:
    if k < 1:
        raise GandiagError(f"k must be at least 1, got {k}")


def expected_coverage(*, n_real: int, n_generated: int, k: int) -> float:
    """Mean coverage when both sets come from one distribution (Naeem et al. 2020, section 4.2).

    A real row is missed when its k nearest among the n - 1 other real and the m generated rows are
    all real: 1 - prod_{i=1..k} (n - i) / (n + m - i).
    """
    missed = math.prod((n_real - i) / (n_real + n_generated - i) for i in range(1, k + 1))
    return 1 - missed


@dataclass(frozen=True)
class PRDC(Metric):
    """Precision, recall, density and coverage.

    prdc 0.2: ``tie="<"``. torch-fidelity 0.4 (precision and recall) and ADM: ``k=3``; ADM takes
    its distances in float16, which moves its recall by about .002.
    """

    name: ClassVar[str] = "prdc"
    summary: ClassVar[str] = "Precision, recall, density, coverage: quality and variety apart"
    outputs: ClassVar[Mapping[str, Better]] = {
        "precision": "higher",
        "recall": "higher",
        "density": "higher",
        "coverage": "higher",
    }

    k: int = 5
    tie: Tie = "<="

    def __post_init__(self) -> None:
        _check_k(self.k)

    def minimum(self, role: Role) -> int:
        """One more than k: a row is not its own neighbour."""
        return self.k + 1

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=``, ``generated=`` => the four."""
        real, generated = banks(self, statistics)
        found, deviations = _neighbourhoods(real, generated, self.k, self.tie, deviations=True)
        density = int(found.hits.sum()) / (self.k * len(generated))
        half = Z * deviations["density"]
        return {
            "precision": _share(found.hits > 0, deviations["precision"]),
            "recall": _share(found.recalled, deviations["recall"]),
            "density": Score(
                density,
                low=max(0.0, density - half),
                high=density + half,
                method=f"normal, with the deviation of {JACKKNIFE}",
            ),
            "coverage": _share(found.covered, deviations["coverage"]),
        }


JACKKNIFE = "a jackknife over twentieths of the real and of the generated images"


def _share(inside: Tensor, spread: float) -> Score:
    """The score interval of as many independent draws as would vary by `spread`."""
    n, share = len(inside), int(inside.sum()) / len(inside)
    variance = share * (1 - share)
    # A share of 0 or 1 does not vary, but is not known to be that: then as many as there are.
    low, high = wilson(share, variance / spread**2 if variance and spread else n)
    return Score(share, low, high, method=f"Wilson, with the deviation of {JACKKNIFE}")
