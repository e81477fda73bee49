"""One run: train a case under the monitor, as the README's lines have it, and under the judge."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

import gandiag
from benchmarks.detection.corpus.case import Case
from benchmarks.detection.keeping import Kept, digests
from benchmarks.detection.truth.judge import Judge
from benchmarks.detection.truth.worlds import open_world
from gandiag.monitors.alerts import Alert
from reference_models.latents import draw_latents
from reference_models.trainer import Trainer, prepare
from reference_models.watching import constraint, tell

LOOKS = 10
"""Of the judge after the first, evenly through the run."""
REALS = 2000
"""Samples that the monitor is given as `real` and, of others, as `heldout`."""
FIELDS = ("pathology", "level", "step", "since")


class Recorder:
    """A sink that keeps rows and alerts."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.alerts: list[dict[str, Any]] = []

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """Keep a row."""
        self.rows.append((step, dict(values)))

    def alert(self, alert: Alert) -> None:
        """Keep what scoring needs of it."""
        told = alert.to_json()
        self.alerts.append({name: told[name] for name in FIELDS})

    def close(self) -> None:
        """Nothing."""


def monitor_of(trainer: Trainer, recorder: Recorder) -> gandiag.Monitor:
    """As a reader of the README writes it: no budget, and every default."""
    recipe, generator, discriminator = trainer.recipe, trainer.generator, trainer.discriminator
    labelled, classes = recipe.networks.conditional, max(1, len(trainer.data.classes))

    def sampler(count: int, rng: torch.Generator) -> Any:
        z = draw_latents(recipe.networks, count, rng)
        y = torch.randint(classes, (count,), generator=rng)
        x = generator(z, y)
        return (x, y) if labelled else x

    def judge(x: Tensor, y: Tensor | None = None) -> Tensor:
        scores: Tensor = discriminator(x, torch.zeros(len(x)).long() if y is None else y)
        return scores[:, 0]

    def reals(split: Any) -> Any:
        x, y = trainer.data.split(split, REALS)
        return (x / recipe.scale, y) if labelled else x / recipe.scale

    return gandiag.Monitor(
        generator,
        discriminator,
        opt_g=trainer.g_optimizer,
        opt_d=trainer.d_optimizer,
        loss=recipe.objective.loss,
        lipschitz=constraint(recipe),
        sampler=sampler,
        real=reals("train"),
        heldout=reals("heldout"),
        discriminator=judge,
        sinks=[recorder],
    )


def record(case: Case, seed: int, steps: int | None = None) -> Kept:
    """Train one case with one seed, `steps` of it at most.

    A run whose loss refuses what it gets ends there, and that is noted.
    """
    start = time.process_time()
    recipe = case.recipe()
    total = recipe.optimisation.steps if steps is None else steps
    trainer = prepare(recipe, seed=seed)
    world, recorder = open_world(recipe.data), Recorder()
    judge = Judge(trainer, world)
    if case.fault and not case.begins:
        case.fault.breaks(trainer)
    monitor = monitor_of(trainer, recorder)
    at = {round(total * i / LOOKS) for i in range(1, LOOKS + 1)}
    looks, nonfinite, raised = [judge.look()], None, None
    while trainer.finished < total:
        if case.fault and trainer.finished == case.begins > 0:
            case.fault.breaks(trainer)
        try:
            losses = trainer.step()
        except (RuntimeError, ValueError) as error:
            raised = f"{type(error).__name__} at step {trainer.finished}"
            break
        tell(monitor, losses)
        if nonfinite is None and not bool((losses.d_loss + losses.g_loss).isfinite()):
            nonfinite = trainer.finished
        if trainer.finished in at:
            looks.append(judge.look())
    monitor.close()
    truth = {
        "looks": looks,
        "nonfinite": nonfinite,
        "raised": raised,
        "lipschitz": monitor.context.lipschitz,
        "conditional": recipe.networks.conditional,
    }
    meta = {
        "case": case.name,
        "seed": seed,
        "steps": total,
        "digests": digests(),
        "truth": truth,
        "context": monitor.context.to_json(),
        "alerts": recorder.alerts,
        "seconds": round(time.process_time() - start, 1),
    }
    names = tuple(sorted({name for _, values in recorder.rows for name in values}))
    rows = [[values.get(name, np.nan) for name in names] for _, values in recorder.rows]
    return Kept(
        meta,
        names,
        np.array([step for step, _ in recorder.rows], np.int32),
        np.array(rows, np.float32).reshape(len(recorder.rows), len(names)),
    )
