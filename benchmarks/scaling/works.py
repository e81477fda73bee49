"""What is measured at each N, in a process that does nothing else."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import gandiag
from benchmarks.coverage_draws import sources_of
from benchmarks.digest import ROOT
from benchmarks.memory import features, held
from benchmarks.scaling import lists
from gandiag.metrics import METRICS, frechet_from_moments
from gandiag.statistics import Moments, Statistic

BATCH = 1000
"""Points that a stream gives at once."""
WARM = 300
"""Points that are scored before: what is imported or made once is no part of what grows."""

Row = dict[str, Any]


def stream(n: int, width: int, seed: int) -> Iterator[Tensor]:
    """Batches of normal points, each gone when the next comes."""
    random = torch.Generator().manual_seed(seed)
    for start in range(0, n, BATCH):
        yield torch.randn(min(BATCH, n - start), width, generator=random)


def scored(n: int, width: int) -> None:
    """The Fréchet distance as a user has it of points that come and go, with its interval."""
    scorer = gandiag.Scorer(metrics=("fid",), device="cpu")
    for real in (True, False):
        for batch in stream(n, width, seed=int(real)):
            scorer.update(batch, real=real)
    scorer.compute()


def added_up(n: int, width: int) -> None:
    """The same from moments alone: no interval, no names, nothing of a single point."""
    real, generated = (reduce(add, map(Moments.of, stream(n, width, seed))) for seed in (1, 0))
    frechet_from_moments(real, generated)


def of_a_stream(run: Callable[[int, int], None]) -> Callable[[int, int], Row]:
    """`run`, once it has run on few points."""

    def measured(n: int, width: int) -> Row:
        run(WARM, width)
        return _beside(lambda: run(n, width))

    return measured


def of_features(name: str) -> Callable[[int, int], Row]:
    """A metric on features that lie there already."""

    def measured(n: int, width: int) -> Row:
        metric = METRICS[name]()
        given: dict[str, Statistic] = {}
        for seed, role in enumerate(metric.accepts):
            bank = features(n, width, seed)
            _ = bank.rows  # joined, as every metric finds them
            given[role] = bank
        few = {role: features(BATCH, width, seed) for seed, role in enumerate(given)}
        metric(**few)
        return _beside(lambda: metric(**given))

    return measured


def _beside(call: Callable[[], object]) -> Row:
    """Seconds, and GiB at most: in all, and beyond what was there before."""
    Path("/proc/self/clear_refs").write_text("5")  # the most is counted from here
    before, wall, processor = held("VmRSS"), time.perf_counter(), time.process_time()
    call()
    return {
        "seconds": round(time.perf_counter() - wall, 2),
        "processor": round(time.process_time() - processor, 2),
        "gib": round(held("VmHWM") - before, 4),
        "peak": round(held("VmHWM"), 3),
    }


@dataclass(frozen=True)
class Work:
    """Something that grows."""

    told: str
    measure: Callable[[int, int], Row]
    counts: tuple[int, ...]
    width: int
    sources: tuple[str, ...]
    """Of the code that decides it."""
    limit: float | None = None
    """GiB that it may take."""
    flat: bool = False
    """Whether it is to take no more of more points."""


HERE = ("benchmarks/scaling/works.py", "benchmarks/memory.py")
STREAMED = (2000, 20_000, 200_000)
COUNTS = (2000, 5000, 10_000, 20_000, 50_000)


def _metric(name: str, told: str, limit: float | None = None) -> Work:
    files = [path.relative_to(ROOT).as_posix() for path in sources_of(METRICS[name])]
    mine = [each for each in files if not each.startswith("benchmarks/")]
    return Work(told, of_features(name), COUNTS, 64, (*mine, *HERE), limit)


STREAM = ("gandiag/scoring/*.py", "gandiag/sources/*.py", "gandiag/statistics/*.py")

WORKS: Mapping[str, Work] = {
    "fid": Work(
        "Fréchet distance of a stream, by a scorer",
        of_a_stream(scored),
        STREAMED,
        256,
        (*STREAM, "gandiag/extractors/identity.py", "gandiag/metrics/frechet.py", *HERE),
        flat=True,
    ),
    "moments": Work(
        "the same, from moments alone",
        of_a_stream(added_up),
        STREAMED,
        256,
        ("gandiag/statistics/moments.py", "gandiag/metrics/frechet.py", *HERE),
        flat=True,
    ),
    "prdc": _metric("prdc", "precision, recall, density, coverage", limit=3.0),
    "kid": _metric("kid", "kernel distance, all pairs"),
    "vendi": _metric("vendi", "Vendi score"),
    "lists": Work(
        "neighbours by inverted lists",
        lists.measure,
        (5000, 20_000),
        64,
        ("benchmarks/scaling/lists.py",),
    ),
}
"""Name => what is measured; `lists` is no growth but an error, see there."""
