"""Several processes that train one model agree on each row."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import torch
from torch import distributed

from gandiag.monitors.signals import SIGNALS

OF_ALL: Mapping[str, Callable[[list[float]], float]] = {"mean": fmean, "max": max, "min": min}


def rank() -> int:
    """Of this process; 0 if there is only one."""
    return distributed.get_rank() if several() else 0


def agreed(values: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """The mean (or what `Signal.reduce` says) over the processes that have a value, name by name.

    One small collective, on all processes at the same check; each gets the same row, so that
    detectors and the wish to stop agree without further messages.

    Args:
        values: of this process.
        names: all that could be there, in the same order on every process.
    """
    if not several():
        return dict(values)
    cuda = distributed.get_backend() == "nccl"
    mine = torch.tensor([values.get(name, float("nan")) for name in names], dtype=torch.float64)
    mine = mine.cuda() if cuda else mine
    everyone = [torch.empty_like(mine) for _ in range(distributed.get_world_size())]
    distributed.all_gather(everyone, mine)
    out = {}
    for name, column in zip(names, torch.stack(everyone).T.tolist(), strict=True):
        found = [value for value in column if value == value]
        if found:
            out[name] = OF_ALL[SIGNALS[name].reduce if name in SIGNALS else "mean"](found)
    return out


def several() -> bool:
    """Whether there is more than one process."""
    ready = distributed.is_available() and distributed.is_initialized()
    return ready and distributed.get_world_size() > 1
