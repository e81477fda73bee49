"""Reals out of a data set or a loader: a few of them, and nothing of either is moved on."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
)

from gandiag.errors import GandiagError
from gandiag.monitors.guarding import in_a_line
from gandiag.monitors.samples import Real, Samples, samples

TOGETHER = 64
AT_ONCE = 32 << 20
"""Bytes of reals that are read at once, unless it were fewer than 16 reals."""
FEWEST = 16
WAYS = "give a tensor (n, ...), a pair of it and labels, a Dataset, a DataLoader, or a function"
ALL = (SequentialSampler, RandomSampler, DistributedSampler)
"""Samplers that go through the whole of a data set, in some order."""


def portions(
    real: Real, n: int, rng: torch.Generator, source: str, like: Tensor, labelled: bool
) -> Iterator[Samples]:
    """At most n samples in all, a few at once; without replacement from tensors and data sets.

    A function is asked once for all of them; for a few at once, and again, where they are large.

    Args:
        real: where they come from.
        n: at most so many are read.
        rng: of the choice.
        source: what errors call it.
        like: generated samples; the reals must have their shape.
        labelled: whether labels are asked for.

    Raises:
        GandiagError: as `samples` and `read`; or there are fewer than 16, or not of the shape.
    """
    total = 0
    for found in _portions(real, n, at_once(like), rng, source, labelled):
        if found.x.shape[1:] != like.shape[1:]:
            raise GandiagError(
                f"sampler gives samples of shape {tuple(like.shape[1:])} and {source} of shape "
                f"{tuple(found.x.shape[1:])}; give both alike"
            )
        total += len(found.x)
        yield found
    if total < FEWEST:
        raise GandiagError(f"{source} has {total} samples; give at least {FEWEST}")


def at_once(like: Tensor) -> int:
    """How many samples like these are held at once."""
    return max(FEWEST, AT_ONCE // max(1, like[0].numel() * like.element_size()))


def _portions(
    real: Real, n: int, few: int, rng: torch.Generator, source: str, labelled: bool
) -> Iterator[Samples]:
    if is_data_set(real):
        yield from read(real, n, rng, source, labelled=labelled, together=min(few, TOGETHER))
    elif callable(real):
        first: Tensor | None = None
        for start in range(0, n, few):
            found = samples(real(min(few, n - start), rng), source)
            # One that does not draw would give the same again.
            if first is not None and len(found.x) and torch.equal(found.x[0], first):
                return
            first = found.x[0].clone() if first is None and len(found.x) else first
            yield found
    else:
        pool = samples(real, source)
        for rows in torch.split(torch.randperm(len(pool.x), generator=rng)[:n], few):
            y = None if pool.y is None else pool.y[rows.to(pool.y.device)]
            yield Samples(pool.x[rows.to(pool.x.device)], y)


def is_data_set(thing: object) -> bool:
    """A DataLoader, or what has items and a length; not a tensor, a pair or a function."""
    if isinstance(thing, DataLoader | IterableDataset):
        return True
    sized = hasattr(thing, "__getitem__") and hasattr(thing, "__len__")
    return sized and not isinstance(thing, Tensor | tuple | list | dict | str)


def read(
    data: Any,
    n: int,
    rng: torch.Generator,
    source: str,
    *,
    labelled: bool,
    together: int = TOGETHER,
) -> Iterator[Samples]:
    """At most n of them, drawn without replacement; the first n of a stream.

    Items are images, or begin with an image and its label. Of a loader, its sampler says which
    items there are, and its ``collate_fn`` makes batches of them, in this process. Call it where
    the global random states are put back.

    Args:
        labelled: whether labels are asked for; those of a data set are left out if not.
        together: how many are read at once.

    Raises:
        GandiagError: it cannot be read, or what comes is no tensor.
    """
    loader = data if isinstance(data, DataLoader) else None
    items = data if loader is None else loader.dataset
    try:
        rows: Iterator[Any] = (
            islice(iter(items), n)
            if isinstance(items, IterableDataset)
            else (items[int(i)] for i in _indices(items, loader, n, rng))
        )
        while few := list(islice(rows, together)):
            found = _together(few) if loader is None else _collated(few, loader)
            few = []  # two copies of them are one too many
            yield _taken(found, source, labelled)
    except GandiagError:
        raise
    except Exception as error:
        raise GandiagError(f"{source} cannot be read ({in_a_line(error)}); {WAYS}") from error


def _indices(items: Any, loader: DataLoader[Any] | None, n: int, rng: torch.Generator) -> list[int]:
    sampler = getattr(loader, "sampler", None)
    if sampler is None or isinstance(sampler, ALL):
        return torch.randperm(len(items), generator=rng)[:n].tolist()
    own = getattr(sampler, "generator", None)
    state = own.get_state() if isinstance(own, torch.Generator) else None
    try:
        return list(islice(iter(sampler), n))
    finally:
        if isinstance(own, torch.Generator) and state is not None:
            own.set_state(state)


def _together(items: list[Any]) -> Any:
    if not isinstance(items[0], tuple | list):
        return torch.stack(items)
    columns = list(zip(*items, strict=True))[:2]
    return [torch.stack([torch.as_tensor(each) for each in column]) for column in columns]


def _collated(items: list[Any], loader: DataLoader[Any]) -> Any:
    collate: Any = loader.collate_fn
    return _together(items) if loader.batch_size is None else collate(items)


def _taken(found: Any, source: str, labelled: bool) -> Samples:
    x, *rest = found if isinstance(found, tuple | list) and found else (found,)
    if not isinstance(x, Tensor):
        raise GandiagError(f"{source} has items that begin with {type(x).__name__}; {WAYS}")
    return samples((x, rest[0]) if labelled and rest else x, source)
