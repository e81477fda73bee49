"""A run, and how far its samples are from data that it never saw."""

import dataclasses
import json
import math
import platform
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.digest import ROOT, digest_of
from benchmarks.reference_models import coverage, digit_classifier, settings
from gandiag.metrics import frechet_distance, sliced_wasserstein
from reference_models.generator import sampler_of
from reference_models.recipe import Recipe
from reference_models.trainer import Trainer, prepare

RESULTS = ROOT / "benchmarks" / "results" / "tricks.jsonl"
SAMPLES = 2500
Row = dict[str, Any]


def distance(real: Tensor, generated: Tensor) -> float:
    """Sliced W2 of points; of 8x8 images the Fréchet distance of their pixels.

    Samples that are not finite are as far as one point, the mean of the real ones, would be: what a
    generator that makes nothing else gets.
    """
    real, generated = real.flatten(1), generated.flatten(1)
    if not torch.isfinite(generated).all():
        generated = real.mean(dim=0).expand(len(real), -1)
    if real.shape[1] > 2:
        return frechet_distance(real, generated)
    return float(sliced_wasserstein(real, generated, order=2, directions=64, seed=0))


def score(trainer: Trainer) -> dict[str, float]:
    """Of the last step's generator, or of its average where the recipe has one."""
    sampler = dataclasses.replace(sampler_of(trainer), seed=1)
    real = trainer.data.split("heldout", SAMPLES).x
    x = next(sampler.batches(SAMPLES, SAMPLES)).x
    found = {"distance": distance(real, x)}
    if len(trainer.data.shape) == 1:
        seen = coverage(x, trainer.data.draw)  # type: ignore[attr-defined]
        return {**found, "modes": seen["modes"], "high_quality": seen["high_quality"]}
    classify, _ = digit_classifier()
    shares = torch.bincount(classify(torch.nan_to_num(x)), minlength=10).double() / len(x)
    return {**found, "modes": int((shares >= 0.01).sum())}


def code(recipe: Recipe) -> str:
    """Of what decides a run: the trainer and the tricks that are on, not those that are off."""
    tricks = [Path(f"reference_models/tricks/{trick.name}.py") for trick in recipe.tricks]
    names = ("build", "ema", "latents", "losses", "penalties", "randomness", "trainer")
    return digest_of([
        *(f"reference_models/{name}.py" for name in names),
        *("reference_models/networks/*.py", "reference_models/data/*.py"),
        *("reference_models/tricks/base.py", *(path.as_posix() for path in tricks)),
        "benchmarks/tricks/running.py",
    ])[:16]  # fmt: skip


def run(recipe: Recipe, seed: int) -> Row:
    """Train and score."""
    trainer = prepare(recipe, seed=seed)
    for _ in trainer.steps():
        pass
    found = score(trainer)
    assert math.isfinite(found["distance"])
    return {
        "data": recipe.data,
        "settings": settings(recipe),
        "seed": seed,
        "code": code(recipe),
        **{name: float(f"{value:.6g}") for name, value in found.items()},
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def alone() -> None:
    """A process to itself: one thread, and no subnormal numbers, slow on some processors."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def job(task: tuple[Recipe, int]) -> Row:
    """A run."""
    return run(*task)


def read(path: Path = RESULTS) -> dict[tuple[str, int], Row]:
    """The newest row of each recipe's settings and seed."""
    rows = (json.loads(line) for line in path.read_text().splitlines()) if path.exists() else ()
    return {(row["settings"], row["seed"]): row for row in rows}


def current(recipe: Recipe, seed: int, rows: dict[tuple[str, int], Row]) -> Row | None:
    """The row of today's code."""
    row = rows.get((settings(recipe), seed))
    return row if row and row["code"] == code(recipe) else None
