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
from gandiag.monitors.samples import Real, Samples, joined, samples

TOGETHER = 64
WAYS = "give a tensor (n, ...), a pair of it and labels, a Dataset, a DataLoader, or a function"
ALL = (SequentialSampler, RandomSampler, DistributedSampler)
"""Samplers that go through the whole of a data set, in some order."""


def draw(
    real: Real, n: int, rng: torch.Generator, source: str, shape: torch.Size, labelled: bool
) -> Samples:
    """At most n samples on the CPU, in storage of their own; without replacement from tensors.

    Raises:
        GandiagError: as `samples` and `read`; or there are fewer than 16, or not of the shape.
    """
    if is_data_set(real):
        found = read(real, n, rng, source, labelled=labelled)
    elif callable(real):
        found = samples(real(n, rng), source)
    else:
        pool = samples(real, source)
        rows = torch.randperm(len(pool.x), generator=rng)[:n].to(pool.x.device)
        found = Samples(pool.x[rows], None if pool.y is None else pool.y[rows.to(pool.y.device)])
    if len(found.x) < 16:
        raise GandiagError(f"{source} has {len(found.x)} samples; give at least 16")
    if found.x.shape[1:] != shape:
        raise GandiagError(
            f"sampler gives samples of shape {tuple(shape)} and {source} of shape "
            f"{tuple(found.x.shape[1:])}; give both alike"
        )
    return found.to(torch.device("cpu")).copy()


def is_data_set(thing: object) -> bool:
    """A DataLoader, or what has items and a length; not a tensor, a pair or a function."""
    if isinstance(thing, DataLoader | IterableDataset):
        return True
    sized = hasattr(thing, "__getitem__") and hasattr(thing, "__len__")
    return sized and not isinstance(thing, Tensor | tuple | list | dict | str)


def read(data: Any, n: int, rng: torch.Generator, source: str, *, labelled: bool) -> Samples:
    """At most n of them, drawn without replacement; the first n of a stream.

    Items are images, or begin with an image and its label. Of a loader, its sampler says which
    items there are, and its ``collate_fn`` makes batches of them, in this process. Call it where
    the global random states are put back.

    Args:
        labelled: whether labels are asked for; those of a data set are left out if not.

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
        batches = []
        while few := list(islice(rows, TOGETHER)):
            found = _together(few) if loader is None else _collated(few, loader)
            batches.append(_taken(found, source, labelled))
    except GandiagError:
        raise
    except Exception as error:
        raise GandiagError(f"{source} cannot be read ({in_a_line(error)}); {WAYS}") from error
    if not batches:
        raise GandiagError(f"{source} has 0 samples; give at least 16")
    return joined(batches)


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
