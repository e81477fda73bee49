"""Train the corpus, watched.

    python -m benchmarks.detection.run --jobs 2
    python -m benchmarks.detection.run --cases ring8-ns-r1 --seeds 0 1 --out traces

One file a run goes to benchmarks/detection/traces as it is finished; a run whose file is there for
today's settings is not made again, so that the command may be stopped and given again. Where the
code that measures signals has changed since, `--renew` makes the run anew.
`python -m benchmarks.detection.pack` then makes the file that `score` reads.
"""

import argparse
import multiprocessing
import sys
import time
import traceback
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import gandiag
from benchmarks.detection.case import Case
from benchmarks.detection.cases import CASES
from benchmarks.detection.loop import Run, build, play
from benchmarks.detection.oracle import Oracle
from benchmarks.detection.traces import (
    FOLDER,
    Trace,
    digest,
    path_of,
    read,
    version_of_signals,
    write,
)
from gandiag.monitors.alerts import Alert
from reference_models.randomness import generator

SIGNALS_NOW = version_of_signals()  # at import: the code may change while the runs are made
CHECKS = 50
"""Of the monitor in a run; the oracle looks at the same steps, and before the first."""
FIELDS = ("pathology", "level", "step", "since", "signal", "value", "threshold")


class Recorder:
    """A sink that keeps the rows."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.alerts: list[dict[str, Any]] = []

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """Keep a row."""
        self.rows.append((step, dict(values)))

    def alert(self, alert: Alert) -> None:
        """Keep what scoring needs of it."""
        told = alert.to_json()
        self.alerts.append({name: told[name] for name in FIELDS})

    def close(self) -> None:
        """Nothing."""


def monitor_of(run: Run, recorder: Recorder, every: int) -> gandiag.Monitor:
    """A monitor as a user would make it."""
    case, critic = run.case, run.discriminator
    path = ("monitor", case.name, run.seed)
    reals = run.train or run.fresh(2000, generator(*path, "reals"))
    heldout = run.fresh(1000, generator(*path, "heldout"))

    def sampler(count: int, rng: torch.Generator) -> Any:
        y = run.labels(count, rng)
        x = run.sample(count, rng, y)
        return (x, y) if case.conditional else x

    def judge(x: Tensor, y: Tensor | None = None) -> Tensor:
        scores: Tensor = critic(x, torch.zeros(len(x)).long() if y is None else y)
        return scores

    return gandiag.Monitor(
        run.generator,
        critic,
        opt_g=run.opt_g,
        opt_d=run.opt_d,
        loss=case.loss,
        lipschitz=case.declared,
        sampler=sampler,
        real=tuple(reals) if case.conditional else reals.x,
        heldout=tuple(heldout) if case.conditional else heldout.x,
        discriminator=judge,
        every=every,
        budget=case.steps,
        sinks=[recorder],
        seed=run.seed,
    )


def once(case: Case, seed: int) -> Trace:
    """Train one case with one seed."""
    start = time.process_time()
    run = build(case, seed)
    every = max(1, case.steps // CHECKS)
    oracle, recorder = Oracle(run), Recorder()
    rows = [oracle.look()]
    monitor = monitor_of(run, recorder, every)
    context = monitor.context.to_json()
    for seen in play(run):
        if run.step == case.resume_at:  # a new process would do the same
            state = monitor.state_dict()
            rows_so_far, alerts_so_far = len(recorder.rows), len(recorder.alerts)
            monitor.close()
            # What closing found in the last steps is found again at the next check.
            del recorder.rows[rows_so_far:], recorder.alerts[alerts_so_far:]
            monitor = monitor_of(run, recorder, every)
            monitor.load_state_dict(state)
        monitor.step(seen.d_real, seen.d_fake, seen.loss_d, seen.loss_g, seen.penalty)
        if run.step % every == 0:
            rows.append(oracle.look())
    monitor.close()
    names = tuple(sorted({name for _, values in recorder.rows for name in values}))
    meta = {
        "case": case.name,
        "seed": seed,
        "digest": digest(case),
        "signals": SIGNALS_NOW,
        "context": context,
        "alerts": recorder.alerts,
        "seconds": round(time.process_time() - start, 2),
        "torch": torch.__version__,
    }
    return Trace(
        meta,
        names,
        np.array([step for step, _ in recorder.rows], np.int32),
        np.array([[v.get(n, np.nan) for n in names] for _, v in recorder.rows], np.float32).reshape(
            len(recorder.rows), len(names)
        ),
        np.array(rows, np.float32),
    )


def _prepare() -> None:
    torch.set_num_threads(1)
    # Denormal numbers, in networks that die, are a hundred times slower and no result needs them.
    torch.set_flush_denormal(True)
    # Runs that diverge make warnings; that they do is what is looked at.
    warnings.simplefilter("ignore")


def _is_done(trace: Trace, case: Case, renew: bool) -> bool:
    today = trace.meta.get("signals") == SIGNALS_NOW
    return trace.meta["digest"] == digest(case) and (today or not renew)


def job(task: tuple[str, int, Path, bool]) -> str:
    """Train and write one run, unless its trace is there; what to say of it."""
    name, seed, folder, renew = task
    case = CASES[name]
    path = path_of(folder, case, seed)
    if path.exists() and _is_done(read(path), case, renew):
        return f"{name} {seed}: there"
    try:
        trace = once(case, seed)
    except Exception:  # one run must not end the others
        return f"{name} {seed}: FAILED\n{traceback.format_exc()}"
    write(path, trace)
    told = sorted({a["pathology"] for a in trace.meta["alerts"] if a["level"] != "INFO"})
    return (
        f"{name} {seed}: {trace.meta['seconds']:.1f} s, intends {case.intends}; "
        f"is {', '.join(trace.labels()) or 'unlabelled'}; told {', '.join(told) or 'nothing'}"
    )


def tasks(
    cases: Iterable[str], seeds: Iterable[int] | None, folder: Path, renew: bool
) -> list[tuple[str, int, Path, bool]]:
    """Seed by seed, so that a corpus that is cut short is balanced."""
    chosen = [CASES[name] for name in cases]
    wanted = range(max(case.seeds for case in chosen)) if seeds is None else seeds
    return [
        (case.name, seed, folder, renew)
        for seed in wanted
        for case in chosen
        if seeds is not None or seed < case.seeds
    ]


def main(arguments: list[str] | None = None) -> None:
    """Make the runs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--seeds", nargs="*", type=int, default=None)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument(
        "--renew", action="store_true", help="also make runs anew whose signals were others"
    )
    given = parser.parse_args(arguments)
    work = tasks(given.cases, given.seeds, given.out, given.renew)
    with multiprocessing.get_context("spawn").Pool(given.jobs, _prepare) as pool:
        for number, line in enumerate(pool.imap_unordered(job, work), 1):
            print(f"[{number}/{len(work)}] {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
