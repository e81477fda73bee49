"""Which metric sees which disturbance, and at how many images.

    python -m benchmarks.sensitivity --features FOLDER          # what is missing or of other code
    python -m benchmarks.sensitivity --features FOLDER --only fid kid --sizes 250
    python -m benchmarks.sensitivity --table                    # table and picture of what is there

Fashion-MNIST: 1,000 real images, 1,000 held-out ones, and samples drawn from 4,000 others, each
metric with its default parameters. Twelve undisturbed samples are the null. A disturbance is seen
from the strength on from which its value and those of all greater strengths are more than four of
the null's standard deviations from its mean, on the same side. Rows go to
benchmarks/results/sensitivity.json as they come; FOLDER keeps the network's features, which take a
quarter of an hour of one core.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import torch

from benchmarks.digest import ROOT
from benchmarks.sensitivity.disturbances import DISTURBANCES
from benchmarks.sensitivity.measure import (
    CASES,
    NULLS,
    Row,
    digest,
    measured,
    metric_of,
    network_of,
)
from benchmarks.sensitivity.picture import draw, table
from benchmarks.sensitivity.sets import Features, World
from gandiag.errors import GandiagError
from gandiag.files import atomic_write

OUT = ROOT / "benchmarks" / "results" / "sensitivity.json"
SAMPLES = NULLS + sum(len(each.strengths) for each in DISTURBANCES.values())
SIZES = (250, 1000)


def read(path: Path) -> list[Row]:
    """The rows that are there, of cases that there still are."""
    rows: list[Row] = json.loads(path.read_text())["rows"] if path.exists() else []
    return [row for row in rows if row["case"] in CASES]


def write(rows: list[Row], path: Path) -> None:
    """All rows in the table's order, one a line."""
    rows = sorted(rows, key=lambda row: (CASES.index(row["case"]), row["n"]))
    rest = {
        "machine": platform.machine(),
        "versions": {
            package: version(package) for package in ("gandiag", "torch", "numpy", "scipy", "timm")
        },
    }
    lines = ",\n".join(json.dumps(row) for row in rows)
    text = json.dumps(rest)[:-1] + f', "rows": [\n{lines}\n]}}\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(text.encode())


def stale(rows: Iterable[Row], case: str, n: int, network: str, seconds: float) -> bool:
    """Whether a row is missing, of other code, or was left for want of time that there is now."""
    own = [row for row in rows if (row["case"], row["n"]) == (case, n)]
    if not own or own[0]["digest"] != digest(case, network):
        return True
    return "null" not in own[0] and own[0]["seconds"] * SAMPLES <= seconds


def main() -> None:
    """Measure what is stale, then draw the picture and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, help="a folder for the network's features")
    parser.add_argument("--only", nargs="*", default=CASES, choices=CASES, metavar="METRIC")
    parser.add_argument("--sizes", nargs="*", type=int, default=SIZES, help="images in a sample")
    parser.add_argument("--seconds", type=float, default=600.0, help="what a row may take")
    parser.add_argument("--table", action="store_true", help="make no row")
    options = parser.parse_args()
    if not options.table and options.features is None:
        parser.error("name a folder with --features, or ask for the --table alone")
    torch.set_num_threads(1)
    world = World()
    opened: dict[str, Features] = {}
    for case in options.only if not options.table else ():
        network = network_of(metric_of(case))
        for n in options.sizes:
            if not stale(read(OUT), case, n, network, options.seconds):
                continue
            if network not in opened:
                opened[network] = Features(world, network, options.features)
            began = time.monotonic()
            try:
                row = measured(case, n, opened[network], seconds=options.seconds)
            except GandiagError as error:
                print(f"{case} at {n}: {error}", file=sys.stderr, flush=True)
                continue
            rest = [each for each in read(OUT) if (each["case"], each["n"]) != (case, n)]
            write([*rest, row], OUT)
            end = "" if "null" in row else f", left out: {row['seconds']} s a sample"
            took = time.monotonic() - began
            print(f"{case} at {n}: {took:.0f} s{end}", file=sys.stderr, flush=True)
    rows = read(OUT)
    draw(rows, OUT.with_suffix(".png"))
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
