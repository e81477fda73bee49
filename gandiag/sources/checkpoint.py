"""Checkpoints of generators: a folder that says which installed package reads it.

    RUN/step-00000100/checkpoint.json       {"loader": "reference_models", "step": 100, ...}

With ``"trained_with": ["lite0"]`` it says which networks the generator learned from, as projected
GANs do, so that a score of the same network is told to flatter it.

The loader is the name of an entry point in the group ``gandiag.generators``: a function
``load(folder, *, device, seed)`` of an installed package that gives a `Draw`. A checkpoint never
names a module or a file of code, so that reading one runs nothing that was not installed.
"""

import json
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from gandiag.errors import GandiagError
from gandiag.sources.generated import GeneratedImages
from gandiag.sources.how import How
from gandiag.sources.naming import display

GROUP = "gandiag.generators"
HEAD = "checkpoint.json"


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder is a checkpoint, or a run that holds some."""
    return (folder / HEAD).is_file() or next(folder.glob(f"*/{HEAD}"), None) is not None


def checkpoints(run: Path) -> list[tuple[int, Path]]:
    """The checkpoints of a run with their steps, the earliest first.

    Raises:
        GandiagError: there is none, or one cannot be read.
    """
    heads = [run / HEAD] if (run / HEAD).is_file() else run.glob(f"*/{HEAD}")
    found = [path.parent for path in heads if path.is_file()]  # to open a pipe would wait for ever
    # What a killed run left half-written has a name with a dot.
    there = sorted((int(_head(p)["step"]), p) for p in found if not p.name.startswith("."))
    if not there:
        raise GandiagError(f"{display(run)} holds no checkpoint; name the folder of a run")
    return there


def open_checkpoint(folder: Path, name: str, how: How) -> GeneratedImages:
    """Samples of a checkpoint, or of the newest checkpoint of a run.

    Raises:
        GandiagError: it cannot be read, or the package that wrote it is not installed.
    """
    step, newest = checkpoints(folder)[-1]
    head = _head(newest)
    loader = head["loader"]
    found = entry_points(group=GROUP, name=loader)
    if not found:
        raise GandiagError(
            f"{display(newest)} is read by {loader!r}, which no installed package provides; "
            f"install the package that registers it in the group {GROUP}"
        )
    draw = next(iter(found)).load()(newest, device=str(how.device), seed=how.seed)
    called = name if newest == folder else f"{name} (step {step})"
    return GeneratedImages(called, draw, trained_with=tuple(head["trained_with"]))


def _head(checkpoint: Path) -> dict[str, Any]:
    path = checkpoint / HEAD
    try:
        head = json.loads(path.read_bytes())
        return {
            "step": int(head["step"]),
            "loader": str(head["loader"]),
            "trained_with": [str(name) for name in head.get("trained_with", ())],
        }
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise GandiagError(
            f"{display(path)} is no checkpoint's: it needs a step and a loader; "
            "use another checkpoint"
        ) from error
