"""Pack the traces that scoring needs into one file.

python -m benchmarks.detection.pack [--from FOLDER] [--to FILE]
"""

import argparse
from pathlib import Path

from benchmarks.detection.traces import FOLDER, PACKED, pack, stored
from gandiag.files import atomic_write


def main(arguments: list[str] | None = None) -> None:
    """Write the file and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="folder", type=Path, default=FOLDER)
    parser.add_argument("--to", type=Path, default=PACKED)
    given = parser.parse_args(arguments)
    traces = stored(given.folder)
    with atomic_write(given.to) as file:
        file.write(pack(traces))
    print(f"{len(traces)} runs, {given.to.stat().st_size / 2**20:.2f} MiB: {given.to}")


if __name__ == "__main__":
    main()
