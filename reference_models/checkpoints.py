"""Checkpoints: a folder each, whole or absent, of safetensors and JSON.

    RUN/recipe.json
    RUN/step-00000100/
        checkpoint.json             format, loader, step, position, seed, score, shape, ...
        recipe.json                 what was trained
        average.safetensors         the generator to sample from
        generator.safetensors
        discriminator.safetensors
        optimizers.safetensors      of both, and what tricks remember

A checkpoint is written beside its place and renamed into it, so that a killed run leaves either all
of it or none. Nothing in it is code, and nothing in it is executed.
"""

import json
import math
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gandiag.errors import GandiagError
from reference_models.recipe import Recipe, from_json, settings_of, to_json
from reference_models.trainer import Trainer

FORMAT = 2
LOADER = "reference_models"
"""The entry point in the group ``gandiag.generators`` that reads these folders."""

PREFIX = "step-"


def find(run: Path) -> list[Path]:
    """The checkpoints below a run, the oldest first."""
    return sorted(p for p in run.glob(f"{PREFIX}*") if (p / "checkpoint.json").is_file())


def newest(path: Path) -> Path:
    """A checkpoint itself, or the newest of a run.

    Raises:
        GandiagError: neither is there.
    """
    if (path / "checkpoint.json").is_file():
        return path
    there = find(path) if path.is_dir() else []
    if not there:
        raise GandiagError(
            f"{path} holds no checkpoint; name a run's folder or one of its {PREFIX}... folders"
        )
    return there[-1]


def read_head(checkpoint: Path) -> dict[str, Any]:
    """What checkpoint.json says.

    Raises:
        GandiagError: it cannot be read, or was written by another version.
    """
    path = checkpoint / "checkpoint.json"
    try:
        head = json.loads(path.read_bytes())
        version = head["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GandiagError(f"cannot read {path}: {error}; use another checkpoint") from error
    if version != FORMAT:
        raise GandiagError(
            f"{path} has format {version}, and this version reads {FORMAT}; "
            "use the version of gandiag that wrote it"
        )
    return dict(head)


def read_recipe(checkpoint: Path) -> Recipe:
    """The recipe that a checkpoint was trained with."""
    path = checkpoint / "recipe.json"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise GandiagError(f"cannot read {path}: {error}; use another checkpoint") from error
    return from_json(text, str(path))


def load_weights(network: nn.Module, path: Path) -> None:
    """Put the tensors of a file in a network of exactly the same names and shapes.

    Raises:
        GandiagError: the file cannot be read, or belongs to another architecture.
    """
    _fill(network.state_dict(), _read(path), path)


def save(
    trainer: Trainer,
    run: Path,
    *,
    score: float | None = None,
    companions: Mapping[str, object] | None = None,
) -> Path:
    """Write a checkpoint of a trainer below `run`; one that is there for this step is kept.

    Args:
        trainer: what to save.
        run: the folder of the run.
        score: of the averaged generator, the lower the better; NaN counts as none.
        companions: what else belongs to the state, as JSON values by name.

    Returns:
        The checkpoint's folder.
    """
    target = run / f"{PREFIX}{trainer.finished:08d}"
    if target.exists():
        return target
    try:
        run.mkdir(parents=True, exist_ok=True)
        # Not tempfile's, whose folders are for the owner alone: a run is read by others.
        temporary = run / f".{PREFIX}{secrets.token_hex(8)}"
        temporary.mkdir()
    except OSError as error:
        raise _cannot_write(run, error) from error
    try:
        for name, tensors in _tensors(trainer).items():
            contiguous = {key: value.detach().contiguous() for key, value in tensors.items()}
            save_file(contiguous, temporary / f"{name}.safetensors")
        head = {
            "format": FORMAT,
            "loader": LOADER,
            "step": trainer.finished,
            "seen": trainer.seen,
            "seed": trainer.seed,
            "score": score if score is not None and math.isfinite(score) else None,
            "shape": list(trainer.data.shape),
            "classes": list(trainer.data.classes),
            "scaler": trainer.scaler.state_dict(),
            "companions": dict(companions or {}),
            "torch": torch.__version__,
        }
        (temporary / "recipe.json").write_text(to_json(trainer.recipe), encoding="utf-8")
        # With NaN: the monitor of a diverging run remembers some, and json reads its own tokens.
        text = json.dumps(head, indent=2) + "\n"
        (temporary / "checkpoint.json").write_text(text, encoding="utf-8")
        for path in (*temporary.iterdir(), temporary):
            _flush(path)
        temporary.rename(target)
        _flush(run)
    except (OSError, SafetensorError) as error:
        raise _cannot_write(target, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def restore(trainer: Trainer, checkpoint: Path) -> dict[str, Any]:
    """Bring a fresh trainer to where a checkpoint was; bit for bit, on the same machine.

    Returns:
        What was saved as `companions`.

    Raises:
        GandiagError: the checkpoint is of another recipe, seed, version or architecture, or of
            data with other classes.
    """
    head = read_head(checkpoint)
    _compare(read_recipe(checkpoint), trainer.recipe, checkpoint)
    if head["classes"] != list(trainer.data.classes):
        raise GandiagError(
            f"{checkpoint} was trained on {len(head['classes'])} classes, and {trainer.data.name} "
            f"now has {len(trainer.data.classes)} or names them otherwise; "
            "bring the data back, or name another folder"
        )
    if head["seed"] != trainer.seed:
        raise GandiagError(
            f"{checkpoint} was trained with seed {head['seed']}, not {trainer.seed}; "
            "resume with its seed, or name another folder"
        )
    for network, name in (
        (trainer.generator, "generator"),
        (trainer.discriminator, "discriminator"),
        (trainer.average.network, "average"),
    ):
        load_weights(network, checkpoint / f"{name}.safetensors")
    path = checkpoint / "optimizers.safetensors"
    tensors = _read(path)
    for optimizer, name in ((trainer.g_optimizer, "g"), (trainer.d_optimizer, "d")):
        state: dict[int, dict[str, Tensor]] = {}
        for key in [key for key in tensors if key.startswith(f"{name}.")]:
            _, index, field = key.split(".")
            state.setdefault(int(index), {})[field] = tensors.pop(key)
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})
    _fill(_remembered(trainer), tensors, path)
    trainer.scaler.load_state_dict(head["scaler"])
    trainer.finished, trainer.seen = head["step"], head["seen"]
    return dict(head["companions"])


def best(run: Path) -> Path | None:
    """The checkpoint with the lowest score; None if none has one.

    `prune` never removes it, so that it is the best of the whole run.
    """
    scored = [(read_head(checkpoint)["score"], checkpoint) for checkpoint in find(run)]
    return min((pair for pair in scored if pair[0] is not None), default=(0, None))[1]


def prune(run: Path, keep: int) -> None:
    """Remove all checkpoints but the newest `keep` and the best; 0 keeps all.

    Also what killed runs left half-written.
    """
    for remains in run.glob(f".{PREFIX}*"):
        shutil.rmtree(remains, ignore_errors=True)
    spared = best(run)
    for checkpoint in find(run)[:-keep] if keep else []:
        if checkpoint != spared:
            # Out of sight first: half a checkpoint must never look like one.
            hidden = checkpoint.with_name(f".{checkpoint.name}")
            checkpoint.rename(hidden)
            shutil.rmtree(hidden)


def _tensors(trainer: Trainer) -> dict[str, dict[str, Tensor]]:
    """What to save, by file."""
    optimizers = _remembered(trainer)
    for optimizer, name in ((trainer.g_optimizer, "g"), (trainer.d_optimizer, "d")):
        for index, fields in optimizer.state_dict()["state"].items():
            # SGD without momentum has None for a field.
            tensors = {f: v for f, v in fields.items() if isinstance(v, Tensor)}
            optimizers |= {f"{name}.{index}.{field}": value for field, value in tensors.items()}
    return {
        "generator": trainer.generator.state_dict(),
        "discriminator": trainer.discriminator.state_dict(),
        "average": trainer.average.network.state_dict(),
        "optimizers": optimizers,
    }


def _remembered(trainer: Trainer) -> dict[str, Tensor]:
    return {
        f"tricks.{name}.{key}": value
        for name, state in trainer.states.items()
        for key, value in state.items()
    }


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise GandiagError(f"cannot read {path}: {error}; use another checkpoint") from error


def _fill(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], path: Path) -> None:
    shapes = {name: tuple(value.shape) for name, value in ours.items()}
    for name in sorted(shapes.keys() | theirs.keys()):
        there = tuple(theirs[name].shape) if name in theirs else None
        if shapes.get(name) != there:
            raise GandiagError(
                f"{path} has {name} of shape {there}, and the recipe's network {shapes.get(name)}; "
                "it belongs to another architecture"
            )
        if ours[name].is_floating_point() != theirs[name].is_floating_point():
            raise GandiagError(
                f"{path} holds {name} as {theirs[name].dtype}, and it is {ours[name].dtype}; "
                "use another checkpoint"
            )
    with torch.no_grad():
        for name, value in ours.items():
            value.copy_(theirs[name])


def _compare(theirs: Recipe, ours: Recipe, checkpoint: Path) -> None:
    if theirs == ours:
        return
    there, here = settings_of(theirs), settings_of(ours)
    name = next(name for name in here if there[name] != here[name])
    raise GandiagError(
        f"{checkpoint} was trained with {name} {there[name]!r}, not {here[name]!r}; "
        "resume with its recipe, or name another folder"
    )


def _cannot_write(path: Path, error: Exception) -> GandiagError:
    reason = getattr(error, "strerror", None) or error
    return GandiagError(f"cannot write {path}: {reason}; free space there, or name another place")


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
