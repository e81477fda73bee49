"""Agreement with other tools: the same files, the same weights, each tool's own code.

    python -m benchmarks.agreement                      # what is missing or was made by other code
    python -m benchmarks.agreement --only adm clean-fid --images 500
    python -m benchmarks.agreement --table              # the table for the README, and no run

The published Inception weights are not redistributable, so a random network in the same format
stands in (He initialisation, batch norm set from photographs); each tool loads the same file
through its own loader. Images are Fashion-MNIST (train against test) as PNG, tinted, with the
generated ones paler, so that scores are far from zero.

Tools that can be installed run as a whole. Evaluators that need their authors' weights, a GPU or
TensorFlow are held against twins that were written from their sources (tests/twins). What has
neither is in the table without numbers. Rows are written as they come; a row is made anew where
the code that decides it has changed since, see `Job.digest`.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from benchmarks.agreement_compare import Row, compare
from benchmarks.agreement_inputs import write_images, write_weights
from benchmarks.agreement_jobs import JOBS
from gandiag.files import atomic_write

OUT = Path("benchmarks/results/agreement.json")


def stale(rows: list[Row], name: str, images: int | None) -> bool:
    """Whether a job has no row, one of other code, or not the number of images asked for."""
    own = [row for row in rows if row["job"] == name]
    job = JOBS[name]
    now = {"protocol": job.protocol, "tool": job.tool(), "digest": job.digest()}
    return not own or any(
        any(row[key] != value for key, value in now.items())
        or (images is not None and row.get("images", images) != images)
        for row in own
    )


def table(rows: list[Row]) -> Iterator[str]:
    """The lines of the README's table."""
    yield "| protocol | held against | N | score | theirs | ours | relative difference |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        if "theirs" not in row:
            yield f"| {row['protocol']} | {row['tool']} | | {row['score']} | | | |"
            continue
        yield (
            f"| {row['protocol']} | {row['tool']} | {row['images']:,} | {row['score']} "
            f"| {row['theirs']:.8g} | {row['ours']:.8g} | {row['relative_difference']:.1e} |"
        )


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, help="of each set; the default is each tool's own")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", choices=[*JOBS], default=[*JOBS], metavar="NAME")
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    options = parser.parse_args()
    rows: list[Row] = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    due = (
        []
        if options.table
        else [name for name in options.only if stale(rows, name, options.images)]
    )
    with tempfile.TemporaryDirectory() as root:
        weights = write_weights(Path(root)) if due else None
        os.environ["GANDIAG_WEIGHTS"] = root
        for name in due:
            assert weights is not None
            began = time.monotonic()
            folders = write_images(Path(root), options.images or JOBS[name].images, JOBS[name].side)
            made = compare(name, folders, weights)
            rows = [row for row in rows if row["job"] != name] + made
            rows.sort(key=lambda row: [*JOBS].index(row["job"]))
            done = {
                "rows": rows,
                "machine": platform.machine(),
                "versions": {
                    package: version(package)
                    for package in ("gandiag", "torch", "numpy", "scipy", "pillow")
                },
            }
            options.out.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(options.out) as file:
                file.write((json.dumps(done, indent=2) + "\n").encode())
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
