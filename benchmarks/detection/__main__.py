"""Train the corpus, watched as the README tells people to, and judged.

    python -m benchmarks.detection --jobs 2            # what is missing, or of other code
    python -m benchmarks.detection --cases "ns-ring8 nan" --seeds 1
    python -m benchmarks.detection --pack              # one file of what is there, to be committed
    python -m benchmarks.detection --renew             # after the trainer was rewritten

A file a run goes to benchmarks/detection/runs as it is finished, so that the command may be stopped
and given again; runs that are committed are not made again. Seed by seed, so that a corpus that is
cut short is balanced. `--renew` trains the first tenth of a run of each case again, and where the
judge sees the same to the last digit, its runs count as today's.
"""

import argparse
import multiprocessing
import sys

from benchmarks.detection.corpus.cases import CASES
from benchmarks.detection.keeping import FOLDER, PACKED, pack, path_of, read, write
from benchmarks.detection.renewing import renewed
from benchmarks.detection.working import job, missing, prepare, tasks, there
from gandiag.files import atomic_write


def main() -> None:
    """Make the runs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cases", nargs="*", default=[*CASES], choices=CASES, metavar="CASE")
    parser.add_argument("--seeds", type=int, default=9, help="at most so many of each case")
    parser.add_argument("--pack", action="store_true", help="train nothing")
    parser.add_argument("--renew", action="store_true", help="train a tenth of each case again")
    given = parser.parse_args()
    wanted = list(tasks(given.cases, given.seeds))
    if given.pack:
        runs = [read(path_of(CASES[n], s))[0] for n, s in wanted if there(n, s)]
        with atomic_write(PACKED) as file:
            file.write(pack(runs))
        print(f"{len(runs)} of {len(wanted)} runs", file=sys.stderr)
        return
    if given.renew:
        renew()
        return
    FOLDER.mkdir(exist_ok=True)
    spread()
    due = missing(wanted)
    with multiprocessing.get_context("spawn").Pool(given.jobs, prepare) as pool:
        for number, line in enumerate(pool.imap_unordered(job, due), 1):
            print(f"[{number}/{len(due)}] {line}", file=sys.stderr, flush=True)


def spread() -> None:
    """A file a run, of those that are committed and have none here."""
    for run in read(PACKED) if PACKED.exists() else ():
        case = CASES.get(run.meta["case"])
        if case and not (path := path_of(case, run.meta["seed"])).exists():
            write(run, path)


def renew() -> None:
    """The packed runs, those of them that are still what the trainer does."""
    runs = read(PACKED)
    prepare()
    found = []
    for run, same in renewed(runs):
        found.append(run)
        print(f"{run.meta['case']} {run.meta['seed']}: {'the same' if same else 'OTHER'}")
    with atomic_write(PACKED) as file:
        file.write(pack(found))


if __name__ == "__main__":
    main()
