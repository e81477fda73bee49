"""Checks and figures of one accelerator, in under five minutes.

    python -m benchmarks.gpu                       # on CUDA, all parts
    python -m benchmarks.gpu --only features waits # some of them
    python -m benchmarks.gpu --device mps          # the parts that need no CUDA
    python -m benchmarks.gpu --rehearse            # every part, small, on the CPU; writes nothing
    python -m benchmarks.gpu --table               # what is kept, and no run

`features` and `scores` compare with the CPU; `waits` counts what a scorer waits for; `peaks` and
`images` are operations and images a second; `training` is the reference trainer with and without
the monitor. Each part is written to benchmarks/results/gpu.json when it is done. Exit code 1 where
a check failed, 2 where there is no device.
"""

import argparse
import json
import sys

import torch

from benchmarks.gpu.page import table
from benchmarks.gpu.results import CUDA_ALONE, OUT, PARTS, measured, read, write
from benchmarks.gpu.rows import failed

ABSENT = (
    "there is no {} device here, and nothing is claimed of any; run it where there is one, or try "
    "every part on the CPU with --rehearse"
)


def there(device: torch.device) -> bool:
    """Whether this machine has it."""
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type == "cuda" and torch.cuda.is_available()


def main() -> int:
    """Measure, write, and print the table; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", metavar="D", help="cuda, cuda:N or mps")
    parser.add_argument("--only", nargs="*", choices=[*PARTS], default=[*PARTS], metavar="PART")
    parser.add_argument("--rehearse", action="store_true", help="small, on the CPU; writes nothing")
    parser.add_argument("--table", action="store_true", help="print the table and measure nothing")
    options = parser.parse_args()
    if options.table:
        print("\n".join(table(read())))
        return 0
    device = torch.device("cpu" if options.rehearse else options.device)
    if not options.rehearse and not there(device):
        print(ABSENT.format(device.type.upper()), file=sys.stderr)
        return 2
    kept = {} if options.rehearse else read()
    bad = 0
    for name in options.only:
        if name in CUDA_ALONE and device.type == "mps":
            continue
        part = kept[name] = measured(name, device, small=options.rehearse)
        if not options.rehearse:
            write(kept)
        wrong = [row for row in part["rows"] if failed(row)]
        bad += len(wrong)
        print(
            f"{name}: {kept[name]['seconds']} s, {len(wrong)} failed", file=sys.stderr, flush=True
        )
        for row in wrong:
            print(f"  {json.dumps(row)}", file=sys.stderr, flush=True)
    if options.rehearse:
        print("A rehearsal: these are figures of no accelerator, and too small to be of a CPU.\n")
    print("\n".join(table(kept)))
    if not options.rehearse:
        print(f"written to {OUT}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
