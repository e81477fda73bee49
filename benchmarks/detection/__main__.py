"""Train the corpus, watched as the README tells people to, and judged.

    python -m benchmarks.detection --jobs 2            # what is missing, or of other code
    python -m benchmarks.detection --cases "ns-ring8 nan" --seeds 1
    python -m benchmarks.detection --pack              # one file of what is there, to be committed

A file a run goes to benchmarks/detection/runs as it is finished, so that the command may be stopped
and given again. Seed by seed, so that a corpus that is cut short is balanced.
"""

import argparse
import multiprocessing
import sys

from benchmarks.detection.corpus.cases import CASES
from benchmarks.detection.keeping import FOLDER, PACKED, pack, path_of, read
from benchmarks.detection.working import job, missing, prepare, tasks, there
from gandiag.files import atomic_write


def main() -> None:
    """Make the runs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cases", nargs="*", default=[*CASES], choices=CASES, metavar="CASE")
    parser.add_argument("--seeds", type=int, default=9, help="at most so many of each case")
    parser.add_argument("--pack", action="store_true", help="train nothing")
    given = parser.parse_args()
    wanted = list(tasks(given.cases, given.seeds))
    if given.pack:
        runs = [read(path_of(CASES[n], s))[0] for n, s in wanted if there(n, s)]
        with atomic_write(PACKED) as file:
            file.write(pack(runs))
        print(f"{len(runs)} of {len(wanted)} runs", file=sys.stderr)
        return
    FOLDER.mkdir(exist_ok=True)
    due = missing(wanted)
    with multiprocessing.get_context("spawn").Pool(given.jobs, prepare) as pool:
        for number, line in enumerate(pool.imap_unordered(job, due), 1):
            print(f"[{number}/{len(due)}] {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
