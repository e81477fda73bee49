"""PRD: precision and recall of the shares of clusters, as a curve."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks
from gandiag.metrics.drawing import drawn_order
from gandiag.metrics.ties import distinct
from gandiag.metrics.unjudged import TOO_LONG
from gandiag.statistics import Statistic

BETA = 8.0
"""F_8 weighs recall, F_1/8 precision; the paper's choice."""
MIXED = 10
"""Times that both sets are mixed and dealt out again, for what equal sets give."""


class PRDCurve(NamedTuple):
    """Pairs that can be had together."""

    precision: Tensor
    """(A,) float64, ascending."""
    recall: Tensor
    """(A,) float64, descending."""

    def f_beta(self, beta: float) -> float:
        """The largest ``(1 + b^2) p r / (b^2 p + r)`` of the curve, in [0, 1]."""
        return float(_f_beta(self.precision, self.recall, beta))


def prd_from_histograms(*, real: Rows, generated: Rows, angles: int = 1001) -> PRDCurve:
    """Precision ``sum min(l P, Q)`` and recall ``sum min(P, Q / l)`` (Sajjadi et al. 2018, eq. 4).

    P are the shares of the real, Q those of the generated; l = tan of so many angles, evenly within
    0 to 90 degrees.

    Args:
        real: (K,) counts or shares, whose sum is made 1.
        generated: (K,) likewise.
        angles: A, at least 3.

    Raises:
        GandiagError: lengths that differ, negative numbers or a sum of 0, too few angles.
    """
    p, q = (torch.as_tensor(each, dtype=torch.float64) for each in (real, generated))
    if p.shape != q.shape or p.ndim != 1:
        raise GandiagError(
            f"a curve needs two histograms of one length, got {tuple(p.shape)} and "
            f"{tuple(q.shape)}; count both in the same bins"
        )
    if not (_is_histogram(p) and _is_histogram(q)):
        raise GandiagError("a histogram needs finite numbers >= 0, not all 0; give counts")
    return PRDCurve(*_curves(p / p.sum(), q / q.sum(), angles))


def _is_histogram(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all() and (values >= 0).all() and values.sum() > 0)


def _curves(p: Tensor, q: Tensor, angles: int) -> tuple[Tensor, Tensor]:
    """(..., K), (..., K) => (..., A), (..., A)."""
    if angles < 3:
        raise GandiagError(f"PRD needs at least 3 angles, got {angles}")
    # The ends would divide by 0.
    slopes = torch.linspace(1e-10, math.pi / 2 - 1e-10, angles, dtype=torch.float64).tan()
    precision = p.new_zeros((*p.shape[:-1], angles))
    for bin_ in range(p.shape[-1]):
        precision += torch.minimum(slopes * p[..., bin_, None], q[..., bin_, None])
    precision = precision.clamp(max=1)
    return precision, (precision / slopes).clamp(max=1)


def _f_beta(precision: Tensor, recall: Tensor, beta: float) -> Tensor:
    """(..., A), (..., A) => (...), the largest."""
    parts = (beta**2 * precision + recall).clamp(min=1e-300)
    return ((1 + beta**2) * precision * recall / parts).amax(dim=-1)


def prd_curve(
    *,
    real: Rows,
    generated: Rows,
    clusters: int = 20,
    runs: int = 10,
    angles: int = 1001,
    seed: int = 0,
) -> PRDCurve:
    """The curve of the shares of K-means clusters of both sets together (Sajjadi et al. 2018).

    As in the authors' code: mini-batch K-means, the best of ten starts, `runs` times, whose curves
    are averaged. Of sets of unlike size as many rows of the larger are drawn, for clusters follow
    the larger. Draws do not depend on the order of the rows.

    Args:
        real: (n, width), n >= 1.
        generated: (m, width).
        clusters: K; fewer where there are fewer different rows.
        runs: clusterings.
        angles: see `prd_from_histograms`.
        seed: of the draw and of the clusterings.

    Raises:
        GandiagError: no row, widths that differ, NaN or infinities; parameters below 1.
    """
    real, generated = as_pair(real, generated, least=1)
    found = _Clustered.of(real, generated, clusters, runs, seed)
    precision, recall = found.curves(angles)
    return PRDCurve(precision, recall)


class _Clustered(NamedTuple):
    """Which cluster each row is in, in each run."""

    real: Tensor
    """(runs, n) int64."""
    generated: Tensor
    """(runs, n) int64."""
    bins: int

    @classmethod
    def of(
        cls, real: Tensor, generated: Tensor, clusters: int, runs: int, seed: int
    ) -> "_Clustered":
        # Imported here, for it takes a second.
        from sklearn.cluster import MiniBatchKMeans

        if clusters < 1 or runs < 1:
            raise GandiagError(f"PRD needs clusters and runs, got {clusters} and {runs}")
        n = min(len(real), len(generated))
        parts = []
        for rows in (real, generated):
            drawn = drawn_order(rows, seed)[:n].to(rows.device)
            parts.append(rows[drawn].cpu().double())
        union = torch.cat(parts)
        count = min(clusters, len(distinct(union)[0]))
        labels = torch.stack(
            [
                torch.from_numpy(
                    MiniBatchKMeans(count, n_init=10, random_state=seed + run)
                    .fit(union.numpy())
                    .labels_
                ).long()
                for run in range(runs)
            ]
        )
        return cls(labels[:, :n], labels[:, n:], count)

    def curves(self, angles: int) -> tuple[Tensor, Tensor]:
        """Averaged over the runs."""
        p, q = (_shares(each, self.bins) for each in (self.real, self.generated))
        precision, recall = _curves(p, q, angles)
        return precision.mean(dim=0), recall.mean(dim=0)

    def chosen(self, real: Tensor, generated: Tensor) -> "_Clustered":
        """Of some rows of both sets together, by number."""
        whole = torch.cat((self.real, self.generated), dim=1)
        return _Clustered(whole[:, real], whole[:, generated], self.bins)


def _shares(labels: Tensor, count: int) -> Tensor:
    """(runs, n) => (runs, K)."""
    counts = torch.stack([torch.bincount(each, minlength=count) for each in labels])
    return counts.double() / labels.shape[1]


@dataclass(frozen=True)
class PRD(Metric):
    """F_8 (recall) and F_1/8 (precision) of the PRD curve, after Sajjadi et al. 2018.

    Neither is 1 of equal distributions: shares of clusters vary from draw to draw. What two sets
    give that are dealt out of all rows together, in the same clusters, stands beside them.

    They have no interval: a bootstrap in the same clusters is up to half too wide where the sets
    are nearly equal, and too narrow where they are not, for it leaves out that clusters differ.
    """

    name: ClassVar[str] = "prd"
    summary: ClassVar[str] = "PRD: precision and recall (F_1/8, F_8) of the shares of 20 clusters"
    outputs: ClassVar[Mapping[str, Better]] = {"f8": "higher", "f1_8": "higher"}

    clusters: int = 20
    runs: int = 10
    angles: int = 1001
    seed: int = 0

    def __post_init__(self) -> None:
        if self.clusters < 1 or self.runs < 1 or self.angles < 3:
            raise GandiagError(
                "PRD needs at least one cluster, one run and three angles, got "
                f"{self.clusters}, {self.runs} and {self.angles}"
            )

    def minimum(self, role: Role) -> int:
        """Two, that there be something to deal out."""
        return 2

    def unjudged(self) -> Mapping[str, str]:
        """All of it."""
        return dict.fromkeys(self.outputs, TOO_LONG)

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=``, ``generated=`` => ``f8`` and ``f1_8``."""
        real, generated = banks(self, statistics)
        found = _Clustered.of(real, generated, self.clusters, self.runs, self.seed)
        values = self._values(found)
        n = found.real.shape[1]
        random = torch.Generator().manual_seed(self.seed)
        mixed = []
        for _ in range(MIXED):
            order = torch.randperm(2 * n, generator=random)
            mixed.append(self._values(found.chosen(order[:n], order[n:])))
        floors = torch.stack(mixed).mean(dim=0)
        return {
            name: Score(
                value,
                method="no interval: new draws would have other clusters; to be read beside that "
                "of equal sets",
                extra={"of equal sets": floor},
            )
            for name, value, floor in zip(
                self.outputs, values.tolist(), floors.tolist(), strict=True
            )
        }

    def _values(self, found: _Clustered) -> Tensor:
        """(2,) of the averaged curve."""
        curve = found.curves(self.angles)
        return torch.stack([_f_beta(*curve, beta) for beta in (BETA, 1 / BETA)])
