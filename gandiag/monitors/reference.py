"""The data as the monitor remembers it: computed once, compared with at each check."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.monitors.bins import Bins
from gandiag.monitors.features import Features
from gandiag.monitors.reals import draw
from gandiag.monitors.samples import Real, Samples, joined
from gandiag.monitors.signals import labels, spread

POOL = 4096
"""Reals that fix the bins."""
SCORED = 512
"""Reals of each kind that the discriminator judges at a check, if a panel has as many."""
NEIGHBOUR = 5
LARGEST = 1 << 28
"""Numbers that a pool of reals holds, unless it were fewer than 1,024 reals."""


@dataclass(frozen=True)
class ClassReference:
    """One class of the data."""

    bins: Bins
    spread: float
    """Root of the trace of the covariance."""


@dataclass(frozen=True)
class Reference:
    """Reals and what is compared with them.

    Attributes:
        train: reals that the discriminator trains on, for it to judge; at most 512, and no more
            than a panel has.
        heldout: the same of reals that it never saw, if there are any.
        project: samples to features.
        features: (n, d) of at most 512 reals.
        radii: (n,) distance of each to its fifth neighbour.
        within: (n, n) their distances.
        nearest: median distance to the nearest other, among as many as a panel has.
        bins: of the data.
        spreads: (bins,) spread of the reals in each bin.
        total_spread: root of the trace of the covariance.
        classes: by label, empty if there are no labels.
    """

    train: Samples
    heldout: Samples | None
    project: Features
    features: Tensor
    radii: Tensor
    within: Tensor
    nearest: Tensor
    bins: Bins
    spreads: Tensor
    total_spread: float
    rank: Tensor
    largest: float
    edge: float
    at_edge: float
    sd: float
    classes: dict[int, ClassReference]
    class_means: Tensor
    class_hits: float

    @property
    def masses(self) -> npt.NDArray[np.float64]:
        """Share of the reals in each bin; sums to 1."""
        return self.bins.masses


def cells(panel: int) -> int:
    """How many bins at most: a bin holds 20 samples of a panel on average, but 25 bins hold 10."""
    return max(25, panel // 20)


def remember(real: Real, heldout: Real | None, like: Samples, panel: int, seed: int) -> Reference:
    """Draw reals and compute all that does not change.

    Held-out reals count as data, too: a small training set alone would give bins that are as
    narrow as its gaps.

    Args:
        real: reals that the discriminator trains on.
        heldout: reals that it never sees.
        like: a few generated samples: reals must have their shape, their kind of number and,
            where these end in a tanh or a sigmoid, their range.
        panel: how many samples a panel has.
        seed: of the draws and of the bins.

    Raises:
        GandiagError: there are too few, they are no samples, or not of that shape.
    """
    rng = torch.Generator().manual_seed(seed)
    shape, labelled = like.x.shape[1:], like.y is not None
    # No more than a gigabyte of large images.
    most = max(2 * SCORED, min(POOL, LARGEST // max(1, shape.numel())))
    pool = draw(real, most, rng, "real", shape, labelled)
    judged = min(SCORED, panel)
    _check_kind(pool.x, like.x, "real")
    # The discriminator gets what it gets of the generator.
    train, unseen = pool.first(judged).as_type(like.x.dtype), None
    if heldout is not None:
        kept = draw(heldout, most, rng, "heldout", shape, labelled)
        _check_kind(kept.x, like.x, "heldout")
        if (kept.y is None) != (pool.y is None):
            raise GandiagError(
                "only one of real and heldout has labels; give them with both or neither"
            )
        unseen = kept.first(judged).as_type(like.x.dtype)
        pool = joined([pool, kept])
    project = Features(pool.x, seed)
    features = project(pool.x)
    bins = Bins(features, cells(panel), seed)
    spreads, _ = spread.bin_spreads(features, bins(features), bins.count)
    order = torch.randperm(len(features), generator=rng)[:SCORED]
    some = features[order]
    within = spread.pairwise(some, some)
    values = pool.x.float()
    largest = float((values - values.mean()).abs().max())
    edge = 0.99 * float(values.abs().max())
    classes, means, hits = _classes(features, pool.y, panel, seed)
    return Reference(
        train=train,
        heldout=unseen,
        project=project,
        features=some,
        radii=within.kthvalue(min(NEIGHBOUR + 1, len(some)), dim=1).values,
        within=within,
        nearest=spread.nearest(within[:panel, :panel]).median(),
        bins=bins,
        spreads=spreads,
        total_spread=float(features.var(0).sum().sqrt()),
        rank=spread.effective_rank(features),
        largest=largest,
        edge=edge,
        at_edge=float((values.abs() > edge).double().mean()),
        sd=float(values.flatten(1).std(0).mean() if values.ndim > 1 else values.std()),
        classes=classes,
        class_means=means,
        class_hits=hits,
    )


def _check_kind(real: Tensor, fake: Tensor, source: str) -> None:
    if real.is_floating_point() != fake.is_floating_point():
        raise GandiagError(
            f"{source} gives {real.dtype} and sampler {fake.dtype}; give reals as the "
            "discriminator sees them, x / 127.5 - 1 of bytes beside a tanh"
        )


def _classes(
    features: Tensor, y: Tensor | None, panel: int, seed: int
) -> tuple[dict[int, ClassReference], Tensor, float]:
    if y is None:
        return {}, torch.zeros(0, features.shape[1]), 0.0
    names = [int(each) for each in torch.unique(y)]
    cells = max(1, panel // len(names) // 20)
    classes, means = {}, []
    for name in names:
        rows = features[y == name]
        means.append(rows.mean(0))
        classes[name] = ClassReference(Bins(rows, cells, seed), float(rows.var(0).sum().sqrt()))
    stacked = torch.stack(means)
    hits = torch.tensor(names)[labels.nearest_mean(features, stacked)] == y
    return classes, stacked, float(hits.double().mean())
