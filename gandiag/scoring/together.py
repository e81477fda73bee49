"""Several processes that score together, as torchrun starts them.

Each reads its part of a source; what they remember goes to the first, which scores it. The parts
are whole batches in order, so that every batch holds the images that it would hold in one process,
and rows come in the same order. Process groups and transport are torch's own.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import reduce
from operator import add
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from gandiag.errors import GandiagError
from gandiag.scoring.gathered import Gathered
from gandiag.sources.base import ImageSource

Value = TypeVar("Value")

OF_ALL = {"half-range", "two-levels"}
"""Notes that are true of a set only if they are of all its images."""
PATIENCE = timedelta(days=2)
"""How long a process waits for a slower one. One that dies ends the others at once."""


@dataclass(frozen=True)
class Together:
    """Which of how many processes this is."""

    rank: int = 0
    total: int = 1

    @property
    def first(self) -> bool:
        """Whether it is the one that tells."""
        return self.rank == 0

    def device(self, asked: str | None) -> str | None:
        """Of several processes on CUDA each has its own card."""
        cuda = asked == "cuda" or (asked is None and torch.cuda.is_available())
        if self.total > 1 and cuda:
            return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        return asked

    def part(self, source: ImageSource, batch_size: int) -> ImageSource:
        """The batches of a source that are this process's, one after the other.

        Raises:
            GandiagError: it has no order that can be entered in the middle, or fewer batches than
                there are processes.
        """
        if self.total == 1:
            return source
        between: Callable[[int, int], ImageSource] | None = getattr(source, "between", None)
        count = source.count()
        if between is None or count is None:
            raise GandiagError(
                f"{source.name} can only be read from its beginning, so that {self.total} "
                "processes cannot share it; score it with one, without torchrun"
            )
        batches = -(-count // batch_size)
        if batches < self.total:
            raise GandiagError(
                f"{source.name} holds {count:,} images, too few for {self.total} processes with "
                f"batches of {batch_size}; start fewer (--nproc-per-node), or make batches smaller "
                "(--batch-size)"
            )
        start, stop = (rank * batches // self.total for rank in (self.rank, self.rank + 1))
        return between(start * batch_size, min(count, stop * batch_size))

    def agreed(self, value: Value) -> Value:
        """What the first process says."""
        if self.total == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values)
        return values[0]

    def alike(self, work: Callable[[], Value]) -> Value:
        """What `work` gives here; where it fails in one process, it fails in all.

        Raises:
            GandiagError: on the first process, what the first that failed said.
            SystemExit: with code 2 on the others, which say nothing.
        """
        if self.total == 1:
            return work()
        found: list[Value] = []
        said = ""
        try:
            found = [work()]
        except GandiagError as error:
            said = str(error)
        heard: list[Any] = [None] * self.total
        dist.all_gather_object(heard, said)
        failed = next((each for each in heard if each), None)
        if failed is None:
            return found[0]
        if self.first:
            raise GandiagError(failed)
        raise SystemExit(2)

    def gather(self, work: Callable[[], Gathered]) -> Gathered:
        """What all processes gathered, in their order, on the first; others get their own part.

        Raises:
            GandiagError: one of them failed, see `alike`.
        """
        found = self.alike(work)
        if self.total == 1:
            return found
        parts: list[Any] | None = [None] * self.total if self.first else None
        dist.gather_object(found, parts)
        return found if parts is None else joined(parts)


def joined(parts: list[Gathered]) -> Gathered:
    """Parts of one source, in order."""
    whole: Gathered = reduce(add, parts)
    untrue = {code for code in OF_ALL for part in parts if code not in part.notes}
    notes = {code: note for code, note in whole.notes.items() if code not in untrue}
    return replace(whole, notes=notes)


@contextlib.contextmanager
def together() -> Iterator[Together]:
    """Join the processes that torchrun started, if it did, and leave them at the end."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Together()
        return
    # What is sent are statistics, which lie on the CPU.
    dist.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield Together(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
