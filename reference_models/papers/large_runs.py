"""From a published recipe, or a checkpoint of it, to its numbers."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gandiag.errors import GandiagError
from gandiag.monitors.sinks import Sink
from gandiag.sources import GeneratedImages, Generator, open_source
from reference_models.distributed import open_device
from reference_models.generator import sampler_of
from reference_models.papers.experiment import Result
from reference_models.papers.scoring import DRAWS, Advance, Draw, measure
from reference_models.recipe import Recipe
from reference_models.train import OnStep, train

CHECKPOINTS = 20
"""Of a run."""


def trained(
    recipe: Recipe,
    folder: Path,
    device: str,
    seed: int,
    *,
    on_step: OnStep | None = None,
    sinks: Iterable[Sink] | None = None,
) -> Draw:
    """Train a recipe to its end, from the newest checkpoint if there is one.

    Args:
        recipe: what to train.
        folder: of the run.
        device: as torch calls it.
        seed: of the training.
        on_step: called after each step.
        sinks: where the monitor's alerts go.

    Returns:
        Samples of its generator, by seed.
    """
    trainer = train(
        recipe,
        out=folder,
        resume=True,
        device=device,
        seed=seed,
        checkpoint_every=max(1, recipe.optimisation.steps // CHECKPOINTS),
        on_step=on_step,
        sinks=sinks,
    )
    sampler = sampler_of(trainer)
    return lambda of: GeneratedImages(recipe.name, replace(sampler, seed=of))


def of_file(file: Path, generator: Generator, device: str) -> Draw:
    """Samples, by seed, of a file of weights of somebody's generator.

    Args:
        file: a state dict, .safetensors or as torch.save writes it.
        generator: knows its network, see `gandiag.sources.Generator`.
        device: as torch calls it.
    """
    place = open_device(device)

    def draw(seed: int) -> GeneratedImages:
        source = open_source(file, generator=generator, seed=seed, device=place)
        if not isinstance(source, GeneratedImages):
            raise GandiagError(f"{file} makes no samples; give the weights of a generator")
        return source

    return draw


def scored(recipe: Recipe, draw: Draw, seed: int, device: str, advance: Advance) -> Result:
    """The numbers of a recipe's targets, see `measure`.

    Args:
        recipe: whose targets.
        draw: samples by seed.
        seed: of the samples.
        device: as torch calls it.
        advance: called at most `numbers_of` times, with 1.
    """
    return Result(measure(recipe, draw, seed, open_device(device), advance))


def numbers_of(recipe: Recipe) -> int:
    """How many numbers are computed, over all sets of samples."""
    return DRAWS * len(recipe.targets)
