"""Memory and time against N, each point in a process of its own, and what larger N takes on paper.

    python -m benchmarks.scaling                  # what is missing or of other code
    python -m benchmarks.scaling --seconds 60     # points that take longer are left for later
    python -m benchmarks.scaling --only fid prdc --table
    python -m benchmarks.scaling --paper          # bytes and operations, the error of an index

The Fréchet distance is of a stream of points, the others of normal features that lie there already.
Single-threaded. Linux alone tells the memory that a process had at a moment. Rows are written to
benchmarks/results/scaling.json as they come, the picture is drawn beside it.
"""

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version

import torch

from benchmarks.digest import ROOT
from benchmarks.scaling import paper
from benchmarks.scaling.results import Row, digest, draw, read, table, write
from benchmarks.scaling.works import WORKS


def due(names: Sequence[str], rows: Sequence[Row]) -> Iterator[tuple[str, int]]:
    """Points that are not among the rows, the smallest N of each work first."""
    there = {(row["work"], row["n"]) for row in rows}
    for name in names:
        for n in WORKS[name].counts:
            if (name, n) not in there:
                yield name, n


def measured(name: str, n: int, seconds: float | None) -> Row | None:
    """A row, measured in a process of its own; None, and why on standard error, if it has none."""
    command = [sys.executable, "-m", "benchmarks.scaling", "--child", name, str(n)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=seconds)
    except subprocess.TimeoutExpired:
        print(f"{name} at {n:,}: left for later", file=sys.stderr, flush=True)
        return None
    if ran.returncode:
        print(f"{name} at {n:,}: {ran.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    found: Row = json.loads(ran.stdout)
    made = {"digest": digest(name), "machine": platform.machine(), "torch": version("torch")}
    return {"work": name, "n": n, "width": WORKS[name].width, **found, **made}


def main() -> None:
    """Measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=[*WORKS], default=[*WORKS], metavar="NAME")
    parser.add_argument("--seconds", type=float, help="leave points that take longer for later")
    parser.add_argument("--table", action="store_true", help="print the table and measure nothing")
    parser.add_argument("--paper", action="store_true", help="print what larger N takes")
    parser.add_argument("--child", nargs=2, metavar=("NAME", "N"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        torch.set_num_threads(1)
        work = WORKS[options.child[0]]
        print(json.dumps(work.measure(int(options.child[1]), work.width)))
        return
    if options.paper:
        found = [row for row in read() if row["work"] == "lists"]
        print("\n".join([*paper.table(), "", *paper.errors(found)]))
        return
    given_up: set[str] = set()
    for name, n in () if options.table else due(options.only, read()):
        if name in given_up:
            continue
        row = measured(name, n, options.seconds)
        if row is None:
            given_up.add(name)  # a larger N takes longer
            continue
        write([each for each in read() if (each["work"], each["n"]) != (name, n)] + [row])
        draw(read())
        print(f"{name} at {n:,}: done", file=sys.stderr, flush=True)
    print("\n".join(table(read())))


if __name__ == "__main__":
    main()
