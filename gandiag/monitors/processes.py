"""Several processes that train one model agree on each row."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import count
from statistics import fmean

import torch
from torch import distributed

from gandiag.errors import GandiagError
from gandiag.monitors.signals import SIGNALS

PATIENCE = timedelta(seconds=120)
"""For the other processes to make a monitor, too: one may still load its data."""

_made = count()
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


def meet() -> None:
    """Wait until every process makes its monitor; without a collective, which would hang.

    Raises:
        GandiagError: one has not for `PATIENCE`.
    """
    store = distributed.distributed_c10d._get_default_store()
    if store is None:  # MPI has none
        return
    number, me = next(_made), distributed.get_rank()
    keys = [f"gandiag/monitor/{number}/{each}" for each in range(distributed.get_world_size())]
    store.set(keys[me], "made")
    try:
        store.wait(keys, PATIENCE)
    except RuntimeError as error:
        absent = [each for each, key in enumerate(keys) if not store.check([key])]
        raise GandiagError(
            f"process {me} makes a Monitor, and {_processes(absent)} of {len(keys)} made none in "
            f"{PATIENCE.total_seconds():g} s; make one on every process, or give alone=True to "
            "watch this process alone"
        ) from error


def _processes(ranks: Sequence[int]) -> str:
    names = ", ".join(map(str, ranks[:8])) + (", ..." if len(ranks) > 8 else "")
    return f"process{'' if len(ranks) == 1 else 'es'} {names}"
