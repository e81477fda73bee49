"""How often a nominal 95 % interval holds the mean of its number at that N, by simulation.

    nice python -m benchmarks.coverage                        # what is missing or of other code
    python -m benchmarks.coverage --only fid kid --budget 600
    python -m benchmarks.coverage --table                     # the README's table, and no run

Sets are drawn from Gaussian, heavy-tailed and mixture features of width 16, 64 and 256, from
logits of 10, 100 and 1,000 classes, from points that come again, and, with `--features` (a file of
`python -m benchmarks.coverage_features`), from lite0 features of Fashion-MNIST; N = 200, 1,000 and
5,000; with the generated distribution equal to the real one, shrunk and moved, or without a fifth
of the classes. What an interval's method says to be drawn anew is drawn anew, and the other sets
stay, with 2,000 real rows or more. Rows are appended as they come, cheap ones first. One is made
anew where the code that decides it has changed. What is too slow for the time that a setting has
leaves a row that says so, which the table counts, and which a run with more time makes anew.
"""

import argparse
import dataclasses
import functools
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.coverage_draws import TooSlowError, half_width, setting, simulate, sources_of
from benchmarks.coverage_populations import (
    MODE_DEVIATION,
    Case,
    Population,
    Stored,
    modes_of,
    populations,
)
from benchmarks.digest import ROOT, digest_of
from gandiag.errors import GandiagError
from gandiag.files import atomic_write
from gandiag.metrics import METRICS, Metric, ModeCoverage

OUT = ROOT / "benchmarks/results/coverage.jsonl"
SIZES = 200, 1000, 5000
BAND = 0.92, 0.98
NAMED = 3
"""Misses that the table names of an output."""

Row = dict[str, Any]
Setting = tuple[Metric, Population, int, Case]


def settings(
    only: Sequence[str], features: Path | None, sizes: Sequence[int] = SIZES
) -> Iterator[Setting]:
    """All of them, from the table of metrics, those of few narrow rows first."""
    there = sorted(populations(features), key=lambda each: (isinstance(each, Stored), each.width))
    for n in sizes:
        for population in there:
            if isinstance(population, Stored) and (population.size or 0) < 10 * n + 2000:
                continue  # so few that sets drawn without return would vary less
            for name in only:
                metric = METRICS[name]()
                if not fits(metric, population):
                    continue
                if isinstance(metric, ModeCoverage) and population.kind == "features":
                    means = tuple(map(tuple, modes_of(population.width).tolist()))
                    metric = dataclasses.replace(metric, means=means, sd=MODE_DEVIATION)
                for case in population.cases:
                    if case != "alternative" or "real" in metric.accepts:
                        yield metric, population, n, case


def fits(metric: Metric, population: Population) -> bool:
    """Whether such rows are what the metric is made for."""
    if population.kind == "copies":
        return metric.name == "birthday"
    if isinstance(metric, ModeCoverage) and population.name == "mixture":
        return True
    return population.kind == metric.reads


@functools.cache
def digest(name: str) -> str:
    """Of the code that decides a metric's rows."""
    return digest_of([path.relative_to(ROOT).as_posix() for path in sources_of(METRICS[name])])


def current(row: Row) -> bool:
    """Whether a row was made by the code at hand."""
    return row["metric"] in METRICS and row["digest"] == digest(row["metric"])


def run(
    metric: Metric, population: Population, n: int, case: Case, draws: int, seconds: float
) -> list[Row]:
    """A row for each output; one that says why, where the metric is not to be had."""
    of = common(metric, population, n, case)
    try:
        found = simulate(metric, population, n, case, draws, seconds)
    except GandiagError as refused:
        return [{**of, "refused": str(refused)}]
    return [{**of, "output": name, **row} for name, row in found.items()]


def common(metric: Metric, population: Population, n: int, case: Case) -> Row:
    """What every row of a setting has."""
    found = {
        "metric": metric.name,
        "population": population.name,
        "width": population.width,
        "n": n,
        "case": case,
        "digest": digest(metric.name),
    }
    return found | ({} if population.size is None else {"of": population.size})


def outputs_of(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Each output in the order of the table of metrics, with its rows."""
    for name, metric in METRICS.items():
        for output in metric.outputs:
            own = [r for r in rows if r["metric"] == name and r.get("output") == output]
            if own:
                yield output, own


def slow(rows: Sequence[Row], metric: str) -> int:
    """Settings of a metric that were left out for want of time."""
    return sum(row["metric"] == metric and "slow" in row for row in rows)


def misses(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Rows whose coverage is below the band, and above, by more than the simulation's own error."""
    below, above = [], []
    for row in sorted(rows, key=lambda row: row["coverage"]):
        error = half_width(row["coverage"], row["draws"])
        if row["coverage"] < BAND[0] - error:
            below.append(row)
        elif row["coverage"] > BAND[1] + error:
            above.append(row)
    return below, above


def told(row: Row) -> str:
    """A setting in few words, with its coverage."""
    where = f"{row['population']}, width {row['width']}, N = {row['n']:,}"
    return f"{100 * row['coverage']:.0f} ({where}, {row['case']})"


def sets_of(row: Row) -> str:
    """What is drawn anew, and what is not."""
    accepted = METRICS[row["metric"]].accepts
    fixed = [role for role in accepted if role not in row["redrawn"]]
    anew = " and ".join(role for role in accepted if role in row["redrawn"])
    return anew + (f"; {' and '.join(fixed)} fixed" if fixed else "")


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The lines of the README's table; where a value does not vary, every interval holds it."""
    yield "| score | drawn anew | settings with an interval | coverage, % | below 92 | above 98 |"
    yield "|---|---|---|---|---|---|"
    for output, own in outputs_of(rows):
        shown = [row for row in own if row.get("deviation") and "coverage" in row]
        left = slow(rows, own[0]["metric"])
        count = f"{len(shown)} of {len(own)}" + (f"; {left} too slow" if left else "")
        if not shown:
            yield f"| `{output}` | | {count} | {own[-1]['method']} | | |"
            continue
        anew = sorted({sets_of(row) for row in shown})
        shares = [100 * row["coverage"] for row in shown]
        below, above = misses(shown)
        more = f" and {len(below) - NAMED} more" if len(below) > NAMED else ""
        yield (
            f"| `{output}` | {', or '.join(anew)} | {count} "
            f"| {min(shares):.0f} to {max(shares):.0f} "
            f"| {'; '.join(map(told, below[:NAMED]))}{more} | {len(above) or ''} |"
        )


def read(path: Path) -> list[Row]:
    """The rows of a file that the code at hand made."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [row for row in map(json.loads, lines) if current(row)]


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--draws", type=int, default=1000, help="of a setting, at most")
    parser.add_argument("--seconds", type=float, default=60, help="of a setting, about")
    parser.add_argument("--budget", type=float, default=float("inf"), help="seconds in all, about")
    parser.add_argument("--only", nargs="*", choices=[*METRICS], default=[*METRICS], metavar="NAME")
    parser.add_argument("--sizes", nargs="*", type=int, choices=SIZES, default=SIZES, metavar="N")
    parser.add_argument("--features", type=Path, help="a file of benchmarks.coverage_features")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = read(options.out)
    if options.table:
        print("\n".join(table(rows)))
        return
    options.out.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        row
        for row in rows
        if row.get("slow", math.inf) >= options.seconds
        or row["metric"] not in options.only
        or row["n"] not in options.sizes
    ]
    with atomic_write(options.out) as file:  # without the rows of other code
        file.write("".join(json.dumps(row) + "\n" for row in rows).encode())
    there = {setting(row) for row in rows}
    began = time.monotonic()
    for metric, population, n, case in settings(options.only, options.features, options.sizes):
        if time.monotonic() - began > options.budget:
            break
        key = (metric.name, population.name, population.width, n, case)
        if key in there:
            continue
        try:
            made = run(metric, population, n, case, options.draws, options.seconds)
        except TooSlowError as late:
            print(*key, late, file=sys.stderr, flush=True)
            made = [{**common(metric, population, n, case), "slow": options.seconds}]
        with options.out.open("a") as file:
            file.write("".join(json.dumps(row) + "\n" for row in made))
        rows += made
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
