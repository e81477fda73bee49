"""Steps a second of the reference trainer, with and without the monitor, in turns."""

import statistics
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

import gandiag
from benchmarks.gpu.rates import synchronise
from benchmarks.gpu.rows import Row, tried
from benchmarks.gpu.waits import waits
from reference_models.latents import draw_latents
from reference_models.recipe import Recipe, replace
from reference_models.recipes import RECIPES
from reference_models.trainer import Trainer, prepare
from reference_models.watching import constraint, tell

LONG = 20_000
"""Steps that the recipe says it has: shorter runs are looked at more often."""
REALS = 2000


def monitor_of(trainer: Trainer, reals: int = REALS) -> gandiag.Monitor:
    """As a reader of the README writes it: no budget, and every default."""
    recipe, device = trainer.recipe, trainer.device

    def sampler(count: int, rng: torch.Generator) -> Any:
        z = draw_latents(recipe.networks, count, rng).to(device)
        return trainer.generator(z, torch.zeros(count, dtype=torch.int64, device=device))

    def judge(x: Tensor) -> Tensor:
        x = x.to(device)
        labels = torch.zeros(len(x), dtype=torch.int64, device=device)
        found: Tensor = trainer.discriminator(x, labels)
        return found[:, 0]

    return gandiag.Monitor(
        trainer.generator,
        trainer.discriminator,
        opt_g=trainer.g_optimizer,
        opt_d=trainer.d_optimizer,
        loss=recipe.objective.loss,
        lipschitz=constraint(recipe),
        sampler=sampler,
        real=trainer.data.split("train", reals).x / recipe.scale,
        heldout=trainer.data.split("heldout", reals).x / recipe.scale,
        discriminator=judge,
        sinks=[],
    )


def steps(trainer: Trainer, monitor: gandiag.Monitor | None, count: int) -> None:
    """So many, without waiting for the last."""
    for _ in range(count):
        losses = trainer.step()
        if monitor is not None:
            tell(monitor, losses)


def seconds(trainer: Trainer, monitor: gandiag.Monitor | None, count: int) -> float:
    """Of so many steps, the device done."""
    synchronise(trainer.device)
    began = time.perf_counter()
    steps(trainer, monitor, count)
    synchronise(trainer.device)
    return time.perf_counter() - began


def overhead(
    device: torch.device,
    *,
    names: tuple[str, ...] = ("ns-r1-ring8", "ns-digits"),
    block: int = 200,
    blocks: int = 6,
) -> Iterator[Row]:
    """A row a recipe. A block holds whole checks where it is a multiple of a hundred steps."""
    for name in names:
        yield tried({"of": name}, partial(_overhead, RECIPES[name], device, block, blocks))


def _overhead(recipe: Recipe, device: torch.device, block: int, blocks: int) -> Row:
    recipe = replace(recipe, steps=LONG)
    plain, watched = (prepare(recipe, device=device) for _ in range(2))
    with monitor_of(watched) as monitor:
        # The first block is of compilations and allocations.
        seconds(plain, None, block)
        seconds(watched, monitor, block)
        pairs: list[tuple[float, float]] = []
        for turn in range(blocks):
            if turn % 2:  # each goes first every other time
                without = seconds(plain, None, block)
                pairs.append((without, seconds(watched, monitor, block)))
            else:
                beside = seconds(watched, monitor, block)
                pairs.append((seconds(plain, None, block), beside))
        alone = waits(lambda: steps(plain, None, block), device)
        monitored = waits(lambda: steps(watched, monitor, block), device)
    return {
        "steps_per_second": block / statistics.median(without for without, _ in pairs),
        "monitored": block / statistics.median(beside for _, beside in pairs),
        "overhead": statistics.median(beside / without for without, beside in pairs) - 1,
        "waits": {key: (monitored[key] - alone[key]) / block for key in alone},
    }
