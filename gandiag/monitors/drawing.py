"""The panel: the same latents at every check, a few at once."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gandiag.monitors.features import pooled
from gandiag.monitors.probing import reseed
from gandiag.monitors.samples import Draw, Samples, joined, samples


class Drawn(NamedTuple):
    """A panel: a few samples whole, on their device, and what is remembered of all.

    Attributes:
        few: those that the discriminator judges.
        flat: (n, d) averaged pixels, on the CPU.
        y: (n,) labels on the CPU, if there are any.
        deep: (n, d) the user's features, on the CPU, if they were asked for.
        finite: whether all values are.
        farthest: largest |value - mean|.
        at_edge: share of values beyond the edge.
        parts: in how many portions it was drawn.
    """

    few: Samples
    flat: Tensor
    y: Tensor | None
    deep: Tensor | None
    finite: bool
    farthest: float
    at_edge: float
    parts: int


@torch.no_grad()
def draw(
    sampler: Draw,
    n: int,
    *,
    rows: int,
    whole: int,
    edge: float,
    seed: int,
    extract: Callable[[Tensor], Tensor | None] | None = None,
) -> Drawn:
    """A panel, drawn in an `undisturbed` block.

    Args:
        sampler: (n, generator on the CPU) -> samples, or a pair with labels.
        n: how many.
        rows: at once.
        whole: how many are kept whole.
        edge: |value| from which on one lies at the edge.
        seed: of the latents, and of networks that draw noise of their own.
        extract: the user's features, None where they cannot be had.
    """
    reseed(seed)
    rng = torch.Generator().manual_seed(seed)
    few: list[Samples] = []
    flat, labels, deep, marks = [], [], [], []
    sizes = [min(rows, n - start) for start in range(0, n, rows)]
    for start, size in zip(range(0, n, rows), sizes, strict=True):
        found = samples(sampler(size, rng), "sampler")
        # Copies: a sampler may give the same storage each time.
        if start < whole:
            few.append(found.first(whole - start).copy())
        flat.append(pooled(found.x).clone())
        labels.append(None if found.y is None else found.y.cpu().clone())
        if extract is not None:
            deep.append(extract(found.x))
        values = found.x.float()
        beyond = (values.abs() > edge).sum() / values.numel()
        marks.append(torch.stack([values.min(), values.max(), values.mean(), beyond]))
    weights = torch.tensor(sizes, dtype=torch.float64) / n
    table = torch.stack(marks).double().cpu()
    low, high = float(table[:, 0].min()), float(table[:, 1].max())
    mean = float(weights @ table[:, 2])
    known = [each for each in labels if each is not None]
    extracted = [each for each in deep if each is not None]
    return Drawn(
        few=joined(few),
        flat=torch.cat(flat),
        y=torch.cat(known) if len(known) == len(sizes) else None,
        deep=torch.cat(extracted) if len(extracted) == len(sizes) else None,
        finite=bool(table.isfinite().all()),
        farthest=max(high - mean, mean - low),
        at_edge=float(weights @ table[:, 3]),
        parts=len(sizes),
    )
