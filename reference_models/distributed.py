"""Several processes, as torchrun starts them; torch does the rest."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.distributed as dist

from gandiag.errors import GandiagError


class Processes(NamedTuple):
    """How many processes train together, and which one this is."""

    rank: int = 0
    total: int = 1

    @property
    def part(self) -> slice:
        """The rows of a batch that belong to this process."""
        return slice(self.rank, None, self.total)


def open_device(name: str) -> torch.device:
    """The device called so; under torchrun ``cuda`` is this process's own card.

    Raises:
        GandiagError: torch does not know it, or it is not there.
    """
    try:
        device = torch.device(name)
        if name == "cuda" and "LOCAL_RANK" in os.environ:
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.zeros(1, device=device)
    # An absent device shows as RuntimeError, AssertionError or NotImplementedError.
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise GandiagError(f"cannot use the device {name!r}: {reason}; try --device cpu") from error
    return device


@contextmanager
def processes(device: torch.device) -> Iterator[Processes]:
    """Join the processes that torchrun started, if it did, and leave them at the end."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes()
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def wait_for_all() -> None:
    """Return when every process has come here."""
    if dist.is_initialized():
        dist.barrier()
