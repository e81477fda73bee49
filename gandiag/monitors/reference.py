"""The data as the monitor remembers it: computed once, compared with at each check."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.monitors.bins import Bins
from gandiag.monitors.extracting import Extract
from gandiag.monitors.features import pooled
from gandiag.monitors.reals import FEWEST, portions
from gandiag.monitors.samples import Real, Samples, joined
from gandiag.monitors.signals import labels
from gandiag.monitors.space import Space

POOL = 4096
"""Reals that fix the bins."""
EXTRACTED = 1024
"""Reals whose features are taken, held-out ones included."""
EXTRACTED_AT_ONCE = 64
SCORED = 512
"""Reals of each kind that the discriminator judges at a check, if a panel has as many."""
LARGEST = 1 << 26
"""Numbers that are read of the reals, unless it were fewer than 1,024 reals."""
KEPT = 48 << 20
"""Bytes of whole reals of each kind that are kept, unless it were fewer than 16 reals."""


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
        train: reals that the discriminator trains on, for it to judge; at most 512, no more than a
            panel has, and no more than fit into 48 MiB.
        heldout: the same of reals that it never saw, if there are any.
        pixels: the data as averaged pixels, or as they are.
        deep: the data in the user's features, if there are any.
        largest: largest |value - mean| of the reals that are kept.
        edge: the value beyond which one is at the edge of their range.
        at_edge: share of their values beyond it.
        sd: mean over entries of their standard deviation.
        classes: by label, empty if there are no labels.
        class_means: (classes, d) of the features of the pixels.
        class_hits: how often a real is nearest to the mean of its class.
    """

    train: Samples
    heldout: Samples | None
    pixels: Space
    deep: Space | None
    largest: float
    edge: float
    at_edge: float
    sd: float
    classes: dict[int, ClassReference]
    class_means: Tensor
    class_hits: float


def remember(
    real: Real,
    heldout: Real | None,
    like: Samples,
    panel: int,
    seed: int,
    extract: Extract | None = None,
) -> Reference:
    """Draw reals and compute all that does not change.

    They are read a few at once and averaged at once: no more than 256 MiB of them are held, unless
    it were fewer than 32 images. Held-out reals count as data, too: a small training set alone
    would give bins that are as narrow as its gaps.

    Args:
        real: reals that the discriminator trains on.
        heldout: reals that it never sees.
        like: a few generated samples: reals must have their shape, their kind of number and,
            where these end in a tanh or a sigmoid, their range.
        panel: how many samples a panel has.
        seed: of the draws and of the bins.
        extract: the user's features.

    Raises:
        GandiagError: there are too few, they are no samples, or not of that shape.
    """
    rng = torch.Generator().manual_seed(seed)
    deep = EXTRACTED if heldout is None else EXTRACTED // 2
    both = [_read(real, "real", like, panel, rng, extract, deep)]
    if heldout is not None:
        both.append(_read(heldout, "heldout", like, panel, rng, extract, deep))
        if (both[0].y is None) != (both[1].y is None):
            raise GandiagError(
                "only one of real and heldout has labels; give them with both or neither"
            )
    # Pixels share a unit; the entries of a vector may each have their own.
    flat, alike = torch.cat([each.flat for each in both]), like.x.ndim > 2
    y = None if both[0].y is None else torch.cat([each.y for each in both if each.y is not None])
    pixels = Space.of(flat, panel, seed, alike=alike)
    classes, means, hits = _classes(pixels.project(flat), y, panel, seed)
    values = [rows.float() for each in both for rows in torch.split(each.few.x, FEWEST)]
    low, high = (min(float(v.min()) for v in values), max(float(v.max()) for v in values))
    count = sum(v.numel() for v in values)
    mean = sum(float(v.sum(dtype=torch.float64)) for v in values) / count
    edge = 0.99 * max(abs(low), abs(high))
    return Reference(
        train=both[0].few,
        heldout=both[1].few if len(both) > 1 else None,
        pixels=pixels,
        deep=Space.of(torch.cat([each.deep for each in both]), panel, seed, alike=True)
        if extract
        else None,
        largest=max(high - mean, mean - low),
        edge=edge,
        at_edge=sum(int((v.abs() > edge).sum()) for v in values) / count,
        sd=float(both[0].few.x.float().std(0).mean()),
        classes=classes,
        class_means=means,
        class_hits=hits,
    )


class _Read(NamedTuple):
    few: Samples
    flat: Tensor
    y: Tensor | None
    deep: Tensor


def _read(
    real: Real,
    source: str,
    like: Samples,
    panel: int,
    rng: torch.Generator,
    extract: Extract | None,
    deep: int,
) -> _Read:
    """The first few whole, all of them averaged."""
    size = like.x[0].numel()
    most = max(2 * SCORED, min(POOL, LARGEST // max(1, size)))
    kept = min(SCORED, panel, max(FEWEST, KEPT // max(1, size * like.x.element_size())))
    whole: list[Samples] = []
    flat, labelled, rows = [], [], [torch.zeros(0, 0)]
    read = 0
    for part in portions(real, most, rng, source, like.x, like.y is not None):
        if part.x.is_floating_point() != like.x.is_floating_point():
            raise GandiagError(
                f"{source} gives {part.x.dtype} and sampler {like.x.dtype}; give reals as the "
                "discriminator sees them, x / 127.5 - 1 of bytes beside a tanh"
            )
        if read < kept:
            # The discriminator gets what it gets of the generator.
            mine = part.first(kept - read).to(torch.device("cpu"))
            whole.append(mine.as_type(like.x.dtype).copy())
        if extract and read < deep:
            some = torch.split(part.first(deep - read).x, EXTRACTED_AT_ONCE)
            rows += [extract(few.to(like.x.device, like.x.dtype)) for few in some]
        flat.append(pooled(part.x).clone())
        labelled.append(None if part.y is None else part.y.cpu().clone())
        read += len(part.x)
    labels_ = [each for each in labelled if each is not None]
    y = torch.cat(labels_) if len(labels_) == len(labelled) else None
    return _Read(joined(whole), torch.cat(flat), y, torch.cat(rows[1:] or rows))


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
