"""Which runs are due, and one of them, in a process of its own."""

import logging
import traceback
import warnings
from collections.abc import Iterator

import torch

from benchmarks.detection.corpus.cases import CASES
from benchmarks.detection.keeping import digests, path_of, read, write
from benchmarks.detection.recording import record
from benchmarks.detection.truth.labels import labels

Task = tuple[str, int]


def tasks(names: list[str], seeds: int) -> Iterator[Task]:
    """Seed by seed; within a seed all families take turns, since the cases' order is by family."""
    for seed in range(max(case.seeds for case in CASES.values())):
        for name in names:
            if seed < min(seeds, CASES[name].seeds):
                yield name, seed


def missing(wanted: list[Task]) -> list[Task]:
    """Those of which no run of today's code is there."""
    return [each for each in wanted if not there(*each)]


def there(name: str, seed: int) -> bool:
    """Whether a run of today's code is."""
    path = path_of(CASES[name], seed)
    return path.exists() and read(path)[0].meta["digests"] == digests()


def job(task: Task) -> str:
    """Train and write one run; what to say of it."""
    name, seed = task
    try:
        kept = record(CASES[name], seed)
    except Exception:  # one run must not end the others
        return f"{name} {seed}: FAILED\n{traceback.format_exc()}"
    write(kept, path_of(CASES[name], seed))
    told = [f"{a['step']} {a['pathology']}" for a in kept.meta["alerts"] if a["level"] != "INFO"]
    truth = ", ".join(sorted(labels(kept.meta["truth"]))) or "unlabelled"
    return (
        f"{name} {seed}: {truth}; warned of {', '.join(told) or 'nothing'}; "
        f"{kept.meta['seconds']} s"
    )


def prepare() -> None:
    """A process for runs."""
    torch.set_num_threads(1)
    # Denormal numbers, in networks that die, are a hundred times slower and no result needs them.
    torch.set_flush_denormal(True)
    # Runs that diverge make warnings; that they do is what is looked at.
    warnings.simplefilter("ignore")
    logging.getLogger("gandiag").addHandler(logging.NullHandler())
    logging.getLogger("gandiag").propagate = False
