"""The monitor of a reference trainer."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

import gandiag
from gandiag.monitors.context import LOSSES as KNOWN
from gandiag.monitors.sinks import Sink
from reference_models.data import Batch
from reference_models.latents import draw_latents
from reference_models.recipe import Recipe
from reference_models.trainer import Losses, Trainer
from reference_models.tricks.weight_clipping import WeightClipping

REALS = 1000
"""Real samples that the panel is compared with, and as many held-out ones."""


def watch(trainer: Trainer, out: Path, sinks: Iterable[Sink] | None = None) -> gandiag.Monitor:
    """A monitor on a trainer, as a user would attach it to a loop of their own.

    It looks at the generator itself, not at its average, which shows a collapse later.

    Args:
        trainer: fresh, or at any step.
        out: the folder of the run, for ``monitor.jsonl``.
        sinks: where alerts go besides; None for the log.
    """
    recipe, device = trainer.recipe, trainer.device
    steps = recipe.optimisation.steps * recipe.optimisation.n_gen
    # In a short run more often than every 100 steps; of images, whose checks cost more, less so.
    checks = 20 if len(trainer.data.shape) == 3 else 40
    classes = len(trainer.data.classes) if recipe.networks.conditional else 0

    def sampler(count: int, rng: torch.Generator) -> Tensor | tuple[Tensor, Tensor]:
        z = draw_latents(recipe.networks, count, rng)
        # From a random one on: the monitor draws in parts, and there may be more classes than rows.
        first = torch.randint(max(1, classes), (1,), generator=rng)
        labels = (torch.arange(count) + first) % max(1, classes)
        x = trainer.generator(z.to(device), labels.to(device))
        return (x, labels) if classes else x

    def judge(x: Tensor, y: Tensor | None = None) -> Tensor:
        labels = torch.zeros(len(x), dtype=torch.int64) if y is None else y
        scores: Tensor = trainer.discriminator(x.to(device), labels.to(device))
        return scores[:, 0]

    def reals(batch: Batch) -> Tensor | tuple[Tensor, Tensor]:
        x = batch.x / recipe.scale
        return (x, batch.y) if classes else x

    return gandiag.Monitor(
        trainer.generator,
        trainer.discriminator,
        opt_g=trainer.g_optimizer,
        opt_d=trainer.d_optimizer,
        # Of another loss the monitor knows nothing, and says so.
        loss=loss if (loss := recipe.objective.loss) in KNOWN else None,
        lipschitz=constraint(recipe),
        sampler=sampler,
        real=reals(trainer.data.split("train", REALS)),
        heldout=reals(trainer.data.split("heldout", REALS)),
        discriminator=judge,
        every=min(100, max(1, steps // checks)),
        # A resumed run writes the rows of one that was not stopped: all steps of the same.
        overhead=None,
        budget=steps,
        run=out,
        sinks=sinks,
        seed=trainer.seed,
    )


def constraint(recipe: Recipe) -> str | None:
    """How a recipe holds the discriminator's slope, in the monitor's words."""
    known = {
        "sn": recipe.networks.norm_d == "spectral",
        "gp": recipe.objective.gradient_penalty > 0,
        "clip": recipe.trick(WeightClipping).weight_clip > 0,
        "r1": recipe.objective.r1 > 0,
    }
    return next((name for name, holds in known.items() if holds), None)


def tell(monitor: gandiag.Monitor, losses: Losses) -> None:
    """Hand a step's findings over."""
    monitor.step(
        d_real=losses.d_real, d_fake=losses.d_fake, loss_d=losses.d_loss, loss_g=losses.g_loss
    )
