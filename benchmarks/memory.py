"""The most memory that each metric takes above the features it reads, at 20,000 x 2,048.

    python -m benchmarks.memory                       # what is missing or of other code
    python -m benchmarks.memory --only prdc emd --table

Each metric runs in a process of its own on normal features, ten classes, logits of width 1,000; the
held-out images of those that ask for some are as many. Scores of a run are computed one after the
other, so that the largest number is what all of them take together. Linux alone tells the memory
that a process had at a moment. `ms_ssim` and `swd_patches` read no features, and are left out.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.coverage_draws import sources_of
from benchmarks.digest import ROOT, digest_of
from gandiag.files import atomic_write
from gandiag.metrics import METRICS
from gandiag.statistics import Bank, Statistic

OUT = ROOT / "benchmarks/results/memory.json"
ROWS, WIDTH, CLASSES = 20_000, 2048, 1000
MEASURED = [name for name in METRICS if name not in ("ms_ssim", "swd_patches")]
LIMIT = 4.0
"""GiB."""
STATUS = Path("/proc/self/status")

Row = dict[str, Any]


def digest(name: str) -> str:
    """Of the code that decides a metric's memory."""
    files = [path.relative_to(ROOT).as_posix() for path in sources_of(METRICS[name])]
    return digest_of([*files, "benchmarks/memory.py"])


def held(which: str) -> float:
    """GiB of this process: ``VmRSS`` at this moment, ``VmHWM`` the most since it was reset."""
    (line,) = (each for each in STATUS.read_text().splitlines() if each.startswith(which))
    return int(line.split()[1]) / 2**20


def features(rows: int, width: int, seed: int) -> Bank:
    """Normal features of ten classes, made in parts, so that there is never more than them."""
    random = torch.Generator().manual_seed(seed)
    parts = tuple(torch.randn(500, width, generator=random) for _ in range(rows // 500))
    return Bank(parts).labelled([str(i % 10) for i in range(rows)])


def measure(name: str, rows: int) -> float:
    """GiB above the features, in this process."""
    metric = METRICS[name]()
    width = CLASSES if metric.reads == "logits" else WIDTH
    given: dict[str, Statistic] = {}
    for seed, role in enumerate(metric.accepts):
        bank = features(rows, width, seed)
        _ = bank.rows  # joined, as every metric finds them
        given[role] = (
            bank if Bank in metric.accepts[role] else metric.accepts[role][0].of(bank.rows)
        )
    Path("/proc/self/clear_refs").write_text("5")  # the most is counted from here
    before = held("VmRSS")
    metric(**given)
    return held("VmHWM") - before


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The largest first."""
    yield f"| score | GiB above the features, {ROWS:,} x {WIDTH:,} |"
    yield "|---|---|"
    for row in sorted(rows, key=lambda row: -row["gib"]):
        over = "" if row["gib"] < LIMIT else " (above the limit)"
        yield f"| `{row['metric']}` | {row['gib']:.1f}{over} |"


def read(path: Path = OUT) -> list[Row]:
    """The rows of today's code."""
    rows: list[Row] = json.loads(path.read_text()) if path.exists() else []
    return [
        row for row in rows if row["metric"] in MEASURED and row["digest"] == digest(row["metric"])
    ]


def main() -> None:
    """Measure what is missing, each metric in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=MEASURED, default=MEASURED, metavar="NAME")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--table", action="store_true", help="print the table and measure nothing")
    parser.add_argument("--child", choices=MEASURED, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(measure(options.child, options.rows))
        return
    for name in options.only if not options.table else ():
        rows = read()
        if any((row["metric"], row["rows"]) == (name, options.rows) for row in rows):
            continue
        command = [sys.executable, "-m", "benchmarks.memory", "--child", name]
        ran = subprocess.run(
            [*command, "--rows", str(options.rows)], capture_output=True, text=True, cwd=ROOT
        )
        if ran.returncode:
            print(f"{name}: {ran.stderr.strip().splitlines()[-1]}", file=sys.stderr, flush=True)
            continue
        row = {
            "metric": name,
            "rows": options.rows,
            "gib": round(float(ran.stdout), 3),
            "digest": digest(name),
        }
        rows = [each for each in read() if each["metric"] != name] + [row]
        with atomic_write(OUT) as file:
            text = ",\n".join(json.dumps(each) for each in rows)
            file.write(f"[\n{text}\n]\n".encode())
        print(f"{name}: {row['gib']} GiB", file=sys.stderr, flush=True)
    print("\n".join(table(read())))


if __name__ == "__main__":
    main()
