"""Scores of a fixed set of inputs to the last bit, to compare two versions of the code.

    git stash; python -m benchmarks.recorded before.json; git stash pop
    python -m benchmarks.recorded after.json --against before.json

It calls `gandiag.score` as a user does, and prints every number that differs. A change that moves a
score says so in CHANGELOG.md. Bits depend on the machine: compare within one.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import gandiag

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from random_inception import write_random_inception

PROTOCOLS = (
    "gandiag torch-fidelity pytorch-fid clean-fid clean-fid-legacy-pytorch "
    "clean-fid-legacy-tensorflow torchmetrics dgm-eval prdc"
).split()


def cases(root: Path) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Name, what is scored, and the keywords of `gandiag.score`."""
    digits, fashion = "dataset:digits", "dataset:fashion-mnist:test"
    drawn = {"max_images": 300, "cache": False}
    for features in ("pixels:8", "lite0"):
        for real in (digits, fashion):
            keywords = {"real": real, "features": features, "metrics": ("all",), **drawn}
            yield f"{features} {real}", folder(root / features.replace(":", "-"), real), keywords
    held = {"heldout": digits, "seed": 3, "features": "digits", "metrics": ("all",)}
    yield "classifier", digits, {"real": digits, **held, "per_class": True, **drawn}
    for name in ("ring8", "grid25"):
        points = torch.randn(500, 2, generator=torch.Generator().manual_seed(1))
        yield name, points, {"real": f"dataset:{name}", "metrics": ("all",), **drawn}
    for protocol in PROTOCOLS:
        keywords = {"real": fashion, "features": "inception", "protocol": protocol}
        few = {"max_images": 40, "cache": False, "allow_unverified": True}
        metrics = ("prdc",) if protocol == "prdc" else ("fid", "is")
        metrics = metrics if protocol in ("torchmetrics", "prdc") else ("fid",)
        yield protocol, folder(root / protocol, fashion), {**keywords, **few, "metrics": metrics}


def folder(root: Path, real: str) -> str:
    """Paler, cropped copies of a data set as PNG files."""
    path = root / real.replace(":", "-")
    path.mkdir(parents=True, exist_ok=True)
    source = gandiag.open_source(real).limit(150, seed=7)
    index = 0
    for batch in source.batches(64):
        for image in batch.images.permute(0, 2, 3, 1).numpy():
            pixels = np.ascontiguousarray(image[: -1 - index % 2] // 2 + 32)
            Image.fromarray(pixels).save(path / f"{index:04d}.png")
            index += 1
    return str(path)


def recorded(root: Path) -> dict[str, str]:
    """``CASE/SCORE`` => the value and its interval, as hexadecimal floats."""
    (root / "weights").mkdir()
    weights = write_random_inception(root / "weights")
    os.environ["GANDIAG_WEIGHTS"] = str(weights.full)
    found: dict[str, str] = {}
    for name, generated, keywords in cases(root):
        whole = gandiag.score(generated, **keywords).to_dict()
        tables = {"": whole["scores"], **whole.get("per_class", {})}
        for label, scores in tables.items():
            for score, row in scores.items():
                numbers = (row["value"], row["low"], row["high"], row.get("heldout"))
                text = " ".join("-" if each is None else float(each).hex() for each in numbers)
                found[f"{name}/{label}/{score}"] = text
        print(f"{name}: {len(found)} scores so far", flush=True)
    return found


def main() -> None:
    """Write the numbers, and compare them with those of another version."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--against", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        found = recorded(Path(root))
    options.out.write_text(json.dumps(found, indent=1) + "\n")
    if options.against is None:
        return
    before = json.loads(options.against.read_text())
    differ = sorted(key for key in {*before, *found} if before.get(key) != found.get(key))
    for key in differ:
        print(f"{key}\n  before {before.get(key)}\n  now    {found.get(key)}")
    print(f"{len(found) - len(differ)} of {len(found)} scores are the same to the last bit")
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
