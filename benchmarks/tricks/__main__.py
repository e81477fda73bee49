"""Train what is missing, then print the table.

    python -m benchmarks.tricks --jobs 2 --data ring8 digits
    python -m benchmarks.tricks --table
    python -m benchmarks.tricks --picture

A row a run goes to benchmarks/results/tricks.jsonl as it is finished, so that the command may be
stopped and given again. Seed by seed, so that what is cut short is balanced.
"""

import argparse
import json
import multiprocessing
import sys

from benchmarks.tricks import cases, tables
from benchmarks.tricks.effects import SEEDS
from benchmarks.tricks.running import RESULTS, alone, current, job, read


def main() -> None:
    """Make the runs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--data", nargs="*", default=tables.DATA, choices=tables.DATA)
    parser.add_argument("--table", action="store_true", help="train nothing")
    parser.add_argument("--picture", action="store_true", help="draw, and train nothing")
    given = parser.parse_args()
    if given.picture:
        tables.draw()
        return
    if not given.table:
        for data in given.data:
            train(data, given.jobs)
    print("\n".join(tables.table()))


def train(data: str, jobs: int) -> None:
    """All runs of a data set; on grid25 only of tricks with an effect on ring8."""
    rows = read()
    wanted = list(cases.recipes(data))
    if data == "grid25":
        known = [e.trick for e in tables.told(rows)["ring8"].values() if e.verdict != "cannot tell"]
        pairs = [recipe for trick in known for recipe in reversed(trick.recipes(data))]
        wanted = [recipe for recipe in wanted if recipe in pairs]
    due = [(r, seed) for seed in range(SEEDS) for r in wanted if not current(r, seed, rows)]
    with multiprocessing.get_context("spawn").Pool(jobs, alone) as pool:
        for number, row in enumerate(pool.imap_unordered(job, due), 1):
            with RESULTS.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(f"[{number}/{len(due)}] {json.dumps(row)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
