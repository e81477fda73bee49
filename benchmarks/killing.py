"""Commands that are killed at a random moment, by the signal that nobody can catch, and run again.

    python -m benchmarks.killing                # 10 kills of each command
    python -m benchmarks.killing --kills 50

Each command runs undisturbed first. Then, in a folder of its own each time, it is killed at a
moment drawn evenly from that time, and run once more. What the second run wrote must be what the
undisturbed one wrote, and no other file may be left but the cache's index, which is of folders that
have stood still for a while.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.digest import ROOT, digest_of
from gandiag.files import atomic_write

OUT = ROOT / "benchmarks/results/killing.json"
CODE = (
    "benchmarks/killing.py",
    "gandiag/files.py",
    "gandiag/scoring/cache.py",
    "gandiag/statistics/storage.py",
    "reference_models/checkpoints.py",
    "reference_models/train.py",
)
"""What decides what is left after a kill."""
HOW = ("--features", "pixels:16", "--metrics", "fid,kid,prdc")
DIRAC = "mescheder2018-dirac"
RECIPE = ("ns-ring8", "--set", "steps=60", "--checkpoint-every", "10", "--no-monitor")

Row = dict[str, Any]


def commands(data: Path) -> dict[str, list[str]]:
    """Name => words after ``gandiag``; outputs are relative to the folder where it runs."""
    fake, other, real = (str(data / name) for name in ("fake", "other", "real"))
    return {
        "score, with a cache": ["score", fake, "--real", real, *HOW, "--json", "out.json"],
        "compare": ["compare", fake, other, "--real", real, *HOW, "--json", "out.json"],
        "stats": ["stats", real, "-o", "out.npz", *HOW],
        "train": ["train", *RECIPE, "--out", "run", "--resume"],
        "reproduce": [
            "reproduce",
            "mescheder2018-dirac",
            "--budget",
            "small",
            "--json",
            "out.json",
        ],
    }


def write_images(root: Path, count: int = 400) -> None:
    """Three folders of noise."""
    rng = np.random.default_rng(0)
    for name in ("fake", "other", "real"):
        (root / name).mkdir()
        for index in range(count):
            pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index:04d}.png")


def start(words: Sequence[str], folder: Path) -> "subprocess.Popen[bytes]":
    """The command in a folder, with a cache of its own there."""
    # One thread: a score's last digit may hang on how sums are shared out.
    env = {**os.environ, "GANDIAG_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "gandiag", *words],
        cwd=folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def content(path: Path) -> str:
    """Of a file, without what says when it was made."""
    if path.suffix == ".json":
        whole = json.loads(path.read_text())
        for name in ("seconds", "date"):
            whole.get("provenance", whole).pop(name, None)
        return json.dumps(whole, sort_keys=True)
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return repr({name: arrays[name].tobytes() for name in sorted(arrays)})
    return hashlib.sha256(path.read_bytes()).hexdigest()


def left(folder: Path) -> dict[str, str]:
    """Every file of a folder => its content."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    kept = (path for path in files if path.parent != folder / "cache/index")
    return {path.relative_to(folder).as_posix(): content(path) for path in kept}


def measure(name: str, words: list[str], kills: int, root: Path) -> Row:
    """Kill it so many times."""
    calm = root / "calm"
    calm.mkdir()
    began = time.monotonic()
    code = start(words, calm).wait()
    assert code in (0, 1), f"{name} ended with {code}"  # 1: a claim that does not hold
    seconds = time.monotonic() - began
    expected = left(calm)
    moments = random.Random(0)
    found = {"killed": 0, "differs": 0, "fails": 0, "left": 0}
    for index in range(kills):
        folder = root / f"{index}"
        folder.mkdir()
        process = start(words, folder)
        time.sleep(moments.uniform(0, seconds))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            found["killed"] += 1
        process.wait()
        found["fails"] += start(words, folder).wait() != code
        after = left(folder)
        found["differs"] += any(after.get(path) != each for path, each in expected.items())
        found["left"] += bool(after.keys() - expected.keys())
    return {"command": name, "runs": kills, **found}


def read() -> list[Row]:
    """The rows that the code at hand made."""
    kept = json.loads(OUT.read_text()) if OUT.exists() else {"digest": "", "rows": []}
    return list(kept["rows"]) if kept["digest"] == digest_of(CODE) else []


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The lines of the README's table."""
    if not rows:
        yield "Not measured with this code: `python -m benchmarks.killing`."
        return
    yield "| command | killed | the next run fails | writes something else | files left beside |"
    yield "|---|---|---|---|---|"
    for row in rows:
        numbers = (f"{row[key]}" for key in ("fails", "differs", "left"))
        yield f"| {row['command']} | {row['killed']} of {row['runs']} | {' | '.join(numbers)} |"


def main() -> None:
    """Measure all, and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    kills = parser.parse_args().kills
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_images(root)
        for name, words in commands(root).items():
            (root / name).mkdir()
            rows.append(measure(name, words, kills, root / name))
            print(json.dumps(rows[-1]), flush=True)
    with atomic_write(OUT) as file:
        file.write(
            (json.dumps({"digest": digest_of(CODE), "rows": rows}, indent=1) + "\n").encode()
        )
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
