"""How fast gandiag is beside its peers on the same work, each tool in a process of its own.

    python -m benchmarks.speed                       # what is missing or of other code
    python -m benchmarks.speed --only kid --threads 1
    python -m benchmarks.speed --table

Tools take turns, so that what else the machine does falls on all of them; of the rounds stand the
medians. Timed is the work itself, once its inputs are in memory and the tool is imported. Processor
seconds tell two tools apart on a machine that does other work, too; wall seconds are what a person
waits on a quiet one. Linux alone tells the memory that a process had at a moment.
"""

import argparse
import json
import os
import subprocess
import sys

from benchmarks.digest import ROOT
from benchmarks.speed.measure import measure
from benchmarks.speed.record import OUT, Row, begun, keep, read, table
from benchmarks.speed.works import WORKS

ROUNDS = 5


def turn(work: str, tool: str, threads: int) -> Row:
    """A tool's turn, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.speed", "--child", work, tool]
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environment = {**free, **(limits if threads else {})}
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    if ran.returncode:
        sys.exit(f"{work}, {tool}: {ran.stderr.strip().splitlines()[-1]}")
    found: Row = json.loads(ran.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=WORKS, default=list(WORKS), metavar="WORK")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--threads", type=int, default=0, help="of each tool; 0, the default, is its own choice"
    )
    parser.add_argument("--table", action="store_true", help="print the table and measure nothing")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(*options.child)))
        return
    for name in options.only if not options.table else ():
        row = begun(name, options.threads)
        tools = list(WORKS[name].tools)
        for done in range(len(row["rounds"]), options.rounds):
            # Each goes first in its turn.
            order = tools[done % len(tools) :] + tools[: done % len(tools)]
            found = {tool: turn(name, tool, options.threads) for tool in order}
            row["rounds"].append({tool: found[tool] for tool in tools})
            keep(row, OUT)
            print("\n".join(table([row])), file=sys.stderr, flush=True)
    print("\n".join(table(read())))


if __name__ == "__main__":
    main()
