"""What is kept of a run on a card: parts, each with the digest of its code."""

import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks.digest import ROOT, digest_of
from benchmarks.gpu import numbers, rates, training, waits
from benchmarks.gpu.rows import Row
from gandiag.files import atomic_write

OUT = ROOT / "benchmarks/results/gpu.json"
PACKAGES = ("gandiag", "torch", "torchvision", "numpy", "timm")


@dataclass(frozen=True)
class Part:
    """One thing to measure."""

    measure: Callable[[torch.device], Iterator[Row]]
    small: Callable[[torch.device], Iterator[Row]]
    """The same in seconds, for a rehearsal on the CPU."""
    sources: tuple[str, ...]
    """Of the code that decides it."""


EXTRACTORS = ("gandiag/extractors/*.py", "benchmarks/gpu/networks.py", "benchmarks/gpu/rows.py")
SCORER = (*EXTRACTORS, "gandiag/scoring/*.py", "gandiag/statistics/*.py", "benchmarks/gpu/waits.py")
TRAINER = ("reference_models/*.py", "reference_models/networks/*.py", "gandiag/monitors/**/*.py")

PARTS: Mapping[str, Part] = {
    "features": Part(
        numbers.features,
        lambda device: numbers.features(device, count=2),
        (*EXTRACTORS, "benchmarks/gpu/numbers.py"),
    ),
    "scores": Part(
        numbers.scores,
        lambda device: numbers.scores(device, count=120),
        ("gandiag/metrics/*.py", "gandiag/statistics/*.py", "benchmarks/gpu/numbers.py"),
    ),
    "waits": Part(waits.scoring, lambda device: waits.scoring(device, names=("pixels",)), SCORER),
    "peaks": Part(
        rates.peaks,
        lambda device: rates.peaks(device, side=128, seconds=0.01),
        ("benchmarks/gpu/rates.py",),
    ),
    "images": Part(
        rates.images,
        lambda device: rates.images(device, sizes=(2,), side=128, seconds=0.01),
        (*SCORER, "benchmarks/gpu/rates.py"),
    ),
    "training": Part(
        training.overhead,
        lambda device: training.overhead(device, block=2, blocks=2),
        (*TRAINER, "benchmarks/gpu/training.py"),
    ),
}
"""In the order in which they run: the checks first, should the card go away."""


CUDA_ALONE = ("waits",)


def digest(name: str) -> str:
    """Of the code that decides a part."""
    return digest_of(PARTS[name].sources)


def told(device: torch.device) -> str:
    """A device as people call it."""
    if device.type == "cuda":
        found = torch.cuda.get_device_properties(device)
        return f"{found.name}, {found.total_memory / 2**30:.0f} GiB"
    return f"{device.type}, {platform.machine()}"


def measured(name: str, device: torch.device, *, small: bool = False) -> dict[str, Any]:
    """A part as it is kept."""
    began = time.monotonic()
    part = PARTS[name]
    rows = [*(part.small if small else part.measure)(device)]
    return {
        "digest": digest(name),
        "device": told(device),
        "cuda": torch.version.cuda if device.type == "cuda" else None,
        "versions": {package: version(package) for package in PACKAGES},
        "python": platform.python_version(),
        "seconds": round(time.monotonic() - began, 1),
        "rows": rows,
    }


Kept = dict[str, dict[str, Any]]


def read(path: Path = OUT) -> Kept:
    """The parts that today's code measured."""
    kept: Kept = json.loads(path.read_text()) if path.exists() else {}
    return {
        name: kept[name] for name in PARTS if name in kept and kept[name]["digest"] == digest(name)
    }


def write(kept: Kept, path: Path = OUT) -> None:
    """Whole or not at all."""
    with atomic_write(path) as file:
        file.write((json.dumps(kept, indent=1) + "\n").encode())
