"""Train a recipe into a folder, and go on where it stopped."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from gandiag.errors import GandiagError
from gandiag.files import atomic_write, check_output
from gandiag.monitors.sinks import Sink
from reference_models import build, checkpoints
from reference_models.data.table import look_up
from reference_models.distributed import open_device, processes, wait_for_all
from reference_models.generator import Sampler, sampler_of
from reference_models.recipe import Recipe, from_json, replace, to_json
from reference_models.trainer import Losses, Trainer, prepare
from reference_models.watching import tell, watch

Score = Callable[[Sampler], float]
OnStep = Callable[[Trainer, Losses], None]


class Cost(NamedTuple):
    """What a recipe takes, known before it runs."""

    generator_parameters: int
    discriminator_parameters: int
    discriminator_updates: int
    generator_updates: int
    real_samples: int
    """That pass through the discriminator, repetitions counted."""


def train(
    recipe: Recipe,
    *,
    out: str | Path,
    resume: bool = False,
    device: str = "cpu",
    seed: int = 0,
    checkpoint_every: int = 1000,
    keep: int = 3,
    score: Score | None = None,
    on_step: OnStep | None = None,
    monitored: bool = True,
    sinks: Iterable[Sink] | None = None,
) -> Trainer:
    """Train to the recipe's last step, with checkpoints on the way.

    Under torchrun every process calls this; they share each batch, and the first one writes.

    Args:
        recipe: what to train.
        out: the folder of the run.
        resume: go on from the newest checkpoint there; start afresh if there is none.
        device: as torch calls it.
        seed: of everything random.
        checkpoint_every: steps between checkpoints; the last step always has one.
        keep: how many of the newest checkpoints stay, besides the best; 0 for all.
        score: of the averaged generator, taken at each checkpoint; the lowest is the best. It
            should look at held-out data.
        on_step: called after each step, before a checkpoint of it.
        monitored: whether a `gandiag.Monitor` watches; it writes ``monitor.jsonl`` in the folder,
            and its state is saved and resumed with the run.
        sinks: where its alerts go besides; None for the log.

    Returns:
        The trainer at its last step.

    Raises:
        GandiagError: the folder holds another run; the data or the device is not there; the recipe
            does not fit the data; nothing can be written.
    """
    out = Path(out)
    _ready(out)
    place = open_device(device)
    with ExitStack() as stack:
        group = stack.enter_context(processes(place))
        trainer = prepare(recipe, seed=seed, device=place, processes=group)
        _open(out, recipe, resume=resume)
        there = checkpoints.find(out)
        monitor = stack.enter_context(watch(trainer, out, sinks)) if monitored else None
        if there:
            saved = checkpoints.restore(trainer, there[-1])
            if monitor and "monitor" in saved:
                monitor.load_state_dict(saved["monitor"])
        if group.rank == 0:
            with atomic_write(out / "recipe.json") as file:
                file.write(to_json(recipe).encode())
        how = recipe.optimisation
        for losses in trainer.steps():
            if monitor:
                tell(monitor, losses)
            if on_step:
                on_step(trainer, losses)
            if trainer.finished % checkpoint_every == 0 or trainer.finished == how.steps:
                if group.rank == 0:
                    states = {"monitor": monitor.state_dict()} if monitor else {}
                    value = score(sampler_of(trainer)) if score else None
                    checkpoints.save(trainer, out, score=value, companions=states)
                    checkpoints.prune(out, keep)
                wait_for_all()
    return trainer


def cost(recipe: Recipe) -> Cost:
    """What a recipe takes; its data is not opened, but for a folder's.

    Raises:
        GandiagError: the recipe does not fit its data.
    """
    known = look_up(recipe.data, recipe.resolution)
    classes = known.classes
    if classes is None:
        classes = len(known.open(recipe.resolution).classes)
    # Spectral normalisation adds no parameters, and its first iterations are slow without memory.
    norm_d = recipe.networks.norm_d.replace("spectral", "none")
    bare = replace(recipe, norm_d=norm_d)
    with torch.device("meta"):
        generator = build.generator(bare, known.shape, classes)
        discriminator = build.discriminator(bare, known.shape, classes)
    how = recipe.optimisation
    updates = how.steps * how.n_critic + how.warmup
    return Cost(
        _parameters(generator),
        _parameters(discriminator),
        updates,
        how.steps * how.n_gen,
        updates * how.batch,
    )


def _ready(out: Path) -> None:
    """Look before any data is read whether the folder of a run can be made and written.

    Raises:
        GandiagError: it cannot.
    """
    try:
        there = next(each for each in (out, *out.absolute().parents) if each.exists())
    except OSError as error:
        raise GandiagError(
            f"cannot write {out}: {error.strerror or error}; name another folder (--out)"
        ) from error
    if not there.is_dir():
        raise GandiagError(f"cannot write {out}: {there} is no folder; name another one (--out)")
    check_output(there / "recipe.json")


def _open(out: Path, recipe: Recipe, *, resume: bool) -> None:
    if checkpoints.find(out) and not resume:
        raise GandiagError(
            f"{out} already holds a run; resume it, or name another folder (--resume, --out)"
        )
    path = out / "recipe.json"
    # With a checkpoint there, `restore` compares it with the recipe, field by field.
    if path.exists() and not checkpoints.find(out):
        _check_ours(path, recipe)
    wait_for_all()


def _check_ours(path: Path, recipe: Recipe) -> None:
    """Refuse to write over a recipe.json that the trainer did not write, or of another run.

    Raises:
        GandiagError: it is one.
    """
    try:
        there = from_json(path.read_text(encoding="utf-8"), str(path))
    except (GandiagError, ValueError) as error:
        raise GandiagError(
            f"{path} is no recipe of a run and would be written over; name another folder (--out)"
        ) from error
    if there != recipe:
        raise GandiagError(
            f"{path} is the recipe of another run and would be written over; "
            "name another folder (--out)"
        )


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
