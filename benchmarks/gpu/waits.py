"""How often the processor waits for the device while a scorer takes batches: none is wanted.

Counted twice: by torch's own debug mode, which warns of each call that waits, and by the profiler,
which sees what the driver was asked for.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

import gandiag
from benchmarks.gpu.networks import OPEN
from benchmarks.gpu.rows import Row, tried
from gandiag.extractors import FeatureExtractor

CALLS = ("cudaStreamSynchronize", "cudaEventSynchronize")
COPIES = ("Memcpy DtoH", "Memcpy HtoD")
"""What the profiler calls them; a copy to the host is one that somebody waits for. It calls
`cudaDeviceSynchronize` itself when it ends."""
WARNING = "synchronizing CUDA operation"
ROWS = 1024
"""As `gandiag.scoring.gather` adds up its statistics, which may wait: counted apart."""


class Event(Protocol):
    """What `torch.profiler` says of one kind of call."""

    key: str
    count: int


def counted(events: Iterable[Event]) -> dict[str, int]:
    """How often each of `CALLS` and `COPIES` occurs."""
    found = dict.fromkeys((*CALLS, *COPIES), 0)
    for event in events:
        for name in found:
            found[name] += event.count if event.key.startswith(name) else 0
    return found


def warned(call: Callable[[], None], mode: Callable[[str], None]) -> int:
    """How often torch warns that `call` waits, with its debug mode on for so long."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mode("warn")
        try:
            call()
        finally:
            mode("default")
    return sum(WARNING in str(each.message) for each in caught)


def profiled(call: Callable[[], None], device: torch.device) -> dict[str, int]:
    """`counted` of what the profiler sees of `call`."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    activities += [torch.profiler.ProfilerActivity.CUDA] * (device.type == "cuda")
    with torch.profiler.profile(activities=activities) as seen:
        call()
    return counted(seen.key_averages())


def waits(call: Callable[[], None], device: torch.device) -> Row:
    """Of one `call` after the other, by each way of counting.

    The CPU waits for nothing; of MPS nothing is known, and the row is empty.
    """
    found: Row = {}
    if device.type == "mps":
        call()
        return found
    if device.type == "cuda":
        found["warned"] = warned(call, torch.cuda.set_sync_debug_mode)
    return {**found, **profiled(call, device)}


def scoring(
    device: torch.device,
    *,
    names: tuple[str, ...] = ("inception", "pixels"),
    size: int = 32,
    batches: int = 8,
) -> Iterator[Row]:
    """What a scorer waits for, a batch, on average; and once more where it adds 1,024 rows up."""
    for name in names:
        facts = {"of": f"{name}, a batch of {size}"}
        yield tried(facts, partial(_of_batches, name, device, size, batches))
        facts = {"of": f"{name}, 1,024 rows added up"}
        yield tried(facts, partial(_of_sums, name, device, size))


def _of_batches(name: str, device: torch.device, size: int, batches: int) -> Row:
    scorer, batch = begun(OPEN[name](device, "fp32"), device, size)

    def take() -> None:
        for _ in range(batches):
            scorer.update(batch, real=False)

    take()  # what happens once
    # Each way of counting takes them once; no row may be added up.
    if 3 * batches * size >= ROWS:
        raise ValueError(f"3 times {batches} batches of {size} reach {ROWS} rows; take fewer")
    return {key: count / batches for key, count in waits(take, device).items()}


def _of_sums(name: str, device: torch.device, size: int) -> Row:
    scorer, batch = begun(OPEN[name](device, "fp32"), device, size)

    def take() -> None:
        for _ in range(ROWS // size):
            scorer.update(batch, real=False)

    take()
    return dict(waits(take, device))


def begun(
    extractor: FeatureExtractor, device: torch.device, size: int
) -> tuple[gandiag.Scorer, Tensor]:
    """A scorer that remembers moments and rows, and a batch (size, 3, 64, 64) for it."""
    scorer = gandiag.Scorer(
        features=extractor, metrics=("fid", "kid"), device=str(device), batch_size=size
    )
    random = torch.Generator().manual_seed(0)
    return scorer, torch.randint(256, (size, 3, 64, 64), generator=random, dtype=torch.uint8)
