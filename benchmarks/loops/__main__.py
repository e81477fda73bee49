"""The monitor on loops in the styles that people write, as the README tells people to use it.

    nice python -m benchmarks.loops                      # what is missing or of other code
    python -m benchmarks.loops --only dcgan wgan_gp      # some styles; another process takes others
    python -m benchmarks.loops --table                   # figures of what is there, and no run

No budget, the default `every` and thresholds, images of Fashion-MNIST at 28x28 or 32x32, 1,200 to
4,000 steps of the generator. No rule or threshold was made on these loops. What is true of a run is
said by `benchmarks.detection.truth.labels`, from a classifier of real images and from the
discriminator's errors on images that nobody else sees; the right answer is what the run did, not
what was broken, but for faults that are so by construction (`Case.also`). A row a run goes to
benchmarks/results/loops.jsonl. In the table `fd` is in units of real images of half of the classes.
"""

import argparse
import json
import logging
import sys

import torch

from benchmarks.loops import figures
from benchmarks.loops.record import OUT, Run, append, current, of_row, read, record, runs
from benchmarks.loops.styles import STYLES
from gandiag.files import atomic_write


def main() -> None:
    """Record what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[*STYLES], choices=STYLES, metavar="STYLE")
    parser.add_argument("--case", help="of these styles, and no other")
    parser.add_argument("--seeds", type=int, help="at most so many of each case")
    parser.add_argument("--steps", type=int, help="a try of so many, of which no row is kept")
    parser.add_argument("--table", action="store_true", help="make no row")
    options = parser.parse_args()
    torch.set_num_threads(1)
    # What the monitor says is in the rows; a try shows it.
    logging.getLogger("gandiag").addHandler(logging.NullHandler())
    logging.getLogger("gandiag").propagate = False
    wanted = [run for run in runs(options.only, options.seeds) if options.case in (None, run.case)]
    if options.steps is not None:
        rows = [record(run._replace(steps=options.steps)) for run in wanted]
    else:
        if not options.table:
            recorded(wanted)
        order = sorted(runs())
        rows = sorted(filter(current, read()), key=lambda row: order.index(of_row(row)))
    verdicts = [figures.verdict(row) for row in rows]
    print("\n".join([*figures.headline(verdicts), "", *figures.table(verdicts)]))


def recorded(wanted: list[Run]) -> None:
    """Rows of other code go, and what is missing is made."""
    if stale := [row for row in read() if not current(row)]:
        kept = [json.dumps(row) + "\n" for row in read() if row not in stale]
        with atomic_write(OUT) as file:
            file.write("".join(kept).encode())
    for run in wanted:
        if run in {of_row(row) for row in read() if current(row)}:
            continue
        row = record(run)
        append(row)
        verdict = figures.verdict(row)
        said = ", ".join(f"{step} {name}" for step, name in verdict.warned) or "nothing"
        truth = ", ".join(sorted(verdict.found)) or "unlabelled"
        print(
            f"{run.style} {run.case} {run.seed}: {truth}; warned of {said}; {row['seconds']} s",
            file=sys.stderr, flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
