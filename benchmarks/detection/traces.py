"""What a run leaves behind: its signals, the oracle's rows, its alerts. One npz a run."""

import dataclasses
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gandiag
from benchmarks.detection.case import Case
from benchmarks.detection.cases import CASES
from benchmarks.detection.labels import Facts, label
from benchmarks.detection.oracle import COLUMNS
from benchmarks.detection.worlds import FAMILIES
from gandiag.files import atomic_write

FOLDER = Path(__file__).parent / "traces"
PACKED = Path(__file__).parent.parent / "results" / "detection_corpus.npz"
LOOP_VERSION = 1
"""Raised when the loop, the worlds or the oracle change what a case does."""

Row = tuple[int, dict[str, float]]


@dataclass(frozen=True)
class Trace:
    """A finished run.

    Attributes:
        meta: case, seed, digest, version of the signals, context, alerts, seconds.
        names: of the signals.
        steps: of the checks, (n,) int32.
        values: (n, signals) float32; not a number where a signal was absent.
        oracle: (m, columns) float32.
    """

    meta: Mapping[str, Any]
    names: tuple[str, ...]
    steps: NDArray[np.int32]
    values: NDArray[np.float32]
    oracle: NDArray[np.float32]

    @property
    def case(self) -> Case:
        """Of the table."""
        return CASES[self.meta["case"]]

    def rows(self) -> list[Row]:
        """Signals as the detectors saw them."""
        return [
            (int(step), {n: float(v) for n, v in zip(self.names, row, strict=True) if v == v})
            for step, row in zip(self.steps, self.values, strict=True)
        ]

    def labels(self) -> dict[str, int]:
        """Of the oracle's rows."""
        columns = {n: self.oracle[:, i].astype(np.float64) for i, n in enumerate(COLUMNS)}
        return label(columns, facts(self.case))


def facts(case: Case) -> Facts:
    """What the labels must know of a case."""
    from benchmarks.detection.worlds import open_world

    classes = open_world(case.world).classes if case.conditional else 0
    game = FAMILIES[case.world] == "games"
    return Facts(case.world, game, classes, case.declared, case.steps)


def digest(case: Case) -> str:
    """Of all that decides what a run does, but for its seed."""
    fields = dataclasses.asdict(case)
    for name in ("intends", "why", "seeds"):
        fields.pop(name)
    return hashlib.sha256(json.dumps([LOOP_VERSION, fields]).encode()).hexdigest()[:12]


@lru_cache
def version_of_signals() -> str:
    """Of the code that turns training into rows; detectors are not part of it."""
    folder = Path(gandiag.__file__).parent / "monitors"
    later = {"alerts.py", "context.py", "recording.py", "notebook.py", "report.py"}
    later |= {"thresholds.py", "table.py", "__init__.py"}
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        if path.name not in later and path.parent.name not in ("pathologies", "sinks"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """To eleven significant bits (2e-4 relative), so that zeros compress; the range stays."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    exact = ~np.isfinite(values)
    near = ((bits + np.uint32(1 << 12)) & np.uint32(0xFFFFE000)).view(np.float32)
    return np.where(exact, values, near).astype(np.float32)


def write(path: Path, trace: Trace) -> None:
    """One run, whole or not at all."""
    with atomic_write(path) as file:
        np.savez_compressed(
            file,
            meta=np.array(json.dumps(dict(trace.meta))),
            names=np.array(trace.names),
            steps=trace.steps,
            values=rounded(trace.values),
            oracle=rounded(trace.oracle),
        )


def read(path: Path) -> Trace:
    """What `write` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return Trace(
            json.loads(str(file["meta"])),
            tuple(map(str, file["names"])),
            file["steps"],
            file["values"],
            file["oracle"],
        )


def path_of(folder: Path, case: Case, seed: int) -> Path:
    """Where a run's trace is kept."""
    return folder / f"{case.name}.{seed}.npz"


def stored(folder: Path) -> list[Trace]:
    """The traces of a folder whose case is as it is today, in the table's order."""
    traces = []
    for case in CASES.values():
        for seed in range(case.seeds):
            path = path_of(folder, case, seed)
            if path.exists() and (trace := read(path)).meta["digest"] == digest(case):
                traces.append(trace)
    return traces


def pack(traces: list[Trace]) -> bytes:
    """All runs in one npz: rows stand one below the other, byte planes apart, for compression."""
    names = tuple(sorted({name for trace in traces for name in trace.names}))
    values = []
    for trace in traces:
        wide = np.full((len(trace.steps), len(names)), np.nan, np.float32)
        wide[:, [names.index(name) for name in trace.names]] = trace.values
        values.append(wide)
    file = io.BytesIO()
    np.savez_compressed(
        file,
        meta=np.array(json.dumps([dict(trace.meta) for trace in traces])),
        names=np.array(names),
        lengths=np.array([[len(t.steps), len(t.oracle)] for t in traces], np.int32),
        steps=np.concatenate([trace.steps for trace in traces]),
        values=_planes(np.concatenate(values)),
        oracle=_planes(np.concatenate([trace.oracle for trace in traces])),
    )
    return file.getvalue()


def unpack(data: bytes) -> list[Trace]:
    """What `pack` packed; a signal that a run never had is a column of nothing."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        names = tuple(map(str, file["names"]))
        values, oracle = _floats(file["values"]), _floats(file["oracle"])
        steps, lengths = file["steps"], file["lengths"]
        traces, at, at_oracle = [], 0, 0
        for meta, (n, m) in zip(json.loads(str(file["meta"])), lengths, strict=True):
            rows, oracle_rows = slice(at, at + n), slice(at_oracle, at_oracle + m)
            traces.append(Trace(meta, names, steps[rows], values[rows], oracle[oracle_rows]))
            at, at_oracle = at + int(n), at_oracle + int(m)
    return traces


def _planes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Columns of (rows, k) float32 as (4, k, rows) bytes."""
    columns = np.ascontiguousarray(rounded(values).T)
    return np.moveaxis(columns.view(np.uint8).reshape(*columns.shape, 4), -1, 0).copy()


def _floats(planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    columns = np.ascontiguousarray(np.moveaxis(planes, 0, -1)).view(np.float32)[..., 0]
    return np.ascontiguousarray(columns.T)
