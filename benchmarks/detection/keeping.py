"""What a run leaves behind, in a file a run, and all runs in one file."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.corpus.case import Case
from benchmarks.digest import ROOT, digest_of
from gandiag.files import atomic_write

FOLDER = ROOT / "benchmarks" / "detection" / "runs"
PACKED = ROOT / "benchmarks" / "results" / "detection_runs.npz"
MONITORS = ("gandiag/monitors/*.py", "gandiag/monitors/signals/*.py")
"""What decides the signals of a run. Rules are replayed on them."""
TRAINING = (
    *(f"reference_models/{part}*.py" for part in ("", "networks/", "data/", "tricks/")),
    *(f"benchmarks/detection/truth/{name}.py" for name in ("judge", "worlds")),
    *("benchmarks/detection/faults/*.py", "benchmarks/detection/corpus/case.py"),
    *("benchmarks/detection/corpus/cases.py", "benchmarks/detection/recording.py"),
)
"""What decides what a run does, and what the judge sees of it. Labels are made of that anew."""

Row = tuple[int, dict[str, float]]


@dataclass(frozen=True, eq=False)
class Kept:
    """A finished run.

    Attributes:
        meta: case, seed, steps, digest, truth, context, alerts as they were told, seconds.
        names: of the signals.
        steps: of the checks, (n,) int32.
        values: (n, signals) float32; not a number where a signal was absent.
    """

    meta: Mapping[str, Any]
    names: tuple[str, ...]
    steps: NDArray[np.int32]
    values: NDArray[np.float32]

    def rows(self) -> list[Row]:
        """Signals as the detectors saw them."""
        return [
            (int(step), {n: float(v) for n, v in zip(self.names, row, strict=True) if v == v})
            for step, row in zip(self.steps, self.values, strict=True)
        ]


@cache
def digests() -> dict[str, str]:
    """Of the code that decides what a run is, in two parts."""
    return {"monitors": digest_of(MONITORS), "training": digest_of(TRAINING)}


def path_of(case: Case, seed: int, folder: Path = FOLDER) -> Path:
    """Where a run is kept."""
    return folder / f"{case.name.replace(' ', '_')}.{seed}.npz"


def write(kept: Kept, path: Path) -> None:
    """One run, whole or not at all."""
    with atomic_write(path) as file:
        file.write(pack([kept]))


def read(path: Path) -> list[Kept]:
    """What `write` or `pack` wrote."""
    return unpack(path.read_bytes())


def pack(runs: Sequence[Kept]) -> bytes:
    """All runs in one npz: rows stand one below the other, byte planes apart, for compression."""
    names = tuple(sorted({name for run in runs for name in run.names}))
    values = []
    for run in runs:
        wide = np.full((len(run.steps), len(names)), np.nan, np.float32)
        wide[:, [names.index(name) for name in run.names]] = run.values
        values.append(wide)
    file = io.BytesIO()
    np.savez_compressed(
        file,
        meta=np.array(json.dumps([dict(run.meta) for run in runs])),
        names=np.array(names),
        lengths=np.array([len(run.steps) for run in runs], np.int32),
        steps=np.concatenate([run.steps for run in runs]),
        values=_planes(np.concatenate(values)),
    )
    return file.getvalue()


def unpack(data: bytes) -> list[Kept]:
    """What `pack` packed; a signal that a run never had is a column of nothing."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        names = tuple(map(str, file["names"]))
        values, steps = _floats(file["values"]), file["steps"]
        ends = np.cumsum(file["lengths"])
        starts = ends - file["lengths"]
        return [
            Kept(meta, names, steps[a:b], values[a:b])
            for meta, a, b in zip(json.loads(str(file["meta"])), starts, ends, strict=True)
        ]


def rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """To eleven significant bits (2e-4 relative), so that zeros compress; the range stays."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    exact = ~np.isfinite(values)
    near = ((bits + np.uint32(1 << 12)) & np.uint32(0xFFFFE000)).view(np.float32)
    return np.where(exact, values, near).astype(np.float32)


def _planes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Columns of (rows, k) float32 as (4, k, rows) bytes."""
    columns = np.ascontiguousarray(rounded(values).T)
    return np.moveaxis(columns.view(np.uint8).reshape(*columns.shape, 4), -1, 0).copy()


def _floats(planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    columns = np.ascontiguousarray(np.moveaxis(planes, 0, -1)).view(np.float32)[..., 0]
    return np.ascontiguousarray(columns.T)
