"""Samples of a trained generator, each with a seed of its own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor, nn

from gandiag.errors import GandiagError
from reference_models import build, checkpoints
from reference_models.data import Batch
from reference_models.data.images import to_bytes
from reference_models.distributed import open_device
from reference_models.latents import draw_latents
from reference_models.randomness import generator as rng_of
from reference_models.randomness import seeded
from reference_models.recipe import Recipe
from reference_models.trainer import Trainer

BLOCK = 64


@dataclass
class Sampler:
    """A frozen generator as a function of a sample's number.

    Sample i has its own latent, from a generator seeded by (seed, i), and the label i modulo the
    number of classes. It is always computed in the company of its block, samples 64 b to 64 b + 63:
    matrix products round differently for other batch sizes, so that only this makes sample 17 the
    same to the last bit however it is asked for. Who shares work among processes should hand out
    whole blocks.

    Attributes:
        network: the generator, in evaluation mode.
        recipe: what it was trained with.
        shape: of one sample.
        classes: their names; empty for an unconditional generator.
        device: where it runs.
        seed: of the samples.
        only: a class, as a number; all samples then have this label.
    """

    network: nn.Module
    recipe: Recipe
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    device: torch.device
    seed: int = 0
    only: int | None = None

    @property
    def latent(self) -> "Latent":
        """The same generator as a function of its latents."""
        return Latent(self.network, self.recipe, self.classes, self.device)

    def samples(self, numbers: Iterable[int]) -> Batch:
        """Samples by number, in the order asked for: (n, *shape) float32, images in [-1, 1]."""
        pieces = []
        for block, members in groupby(numbers, key=lambda number: number // BLOCK):
            rows = torch.tensor([number % BLOCK for number in members], dtype=torch.int64)
            whole = self._block(block)
            pieces.append(Batch(whole.x[rows], whole.y[rows]))
        if not pieces:
            return Batch(torch.zeros(0, *self.shape), torch.zeros(0, dtype=torch.int64))
        return Batch(torch.cat([p.x for p in pieces]), torch.cat([p.y for p in pieces]))

    def __call__(self, numbers: range) -> tuple[Tensor, tuple[str, ...] | None]:
        """Samples as `gandiag` scores them: images as bytes, points as they are; their classes."""
        x, y = self.samples(numbers) if len(self.shape) < 3 else self.images(numbers)
        return x, tuple(self.classes[i] for i in y.tolist()) if self.classes else None

    def images(self, numbers: Iterable[int]) -> tuple[Tensor, Tensor]:
        """The same as (n, 3, h, w) uint8; grey images have three equal channels.

        Raises:
            GandiagError: the generator gives NaN or an infinity, which no byte could show.
        """
        x, y = self.samples(numbers)
        if not torch.isfinite(x).all():
            raise GandiagError(
                f"the generator of {self.recipe.name} gives values that are not finite: its "
                "training diverged; use an earlier checkpoint"
            )
        return to_bytes(x).expand(-1, 3, -1, -1), y

    def labels(self, numbers: Tensor) -> Tensor:
        """The label of each sample; zeros for an unconditional generator."""
        if self.only is not None:
            return torch.full_like(numbers, self.only)
        return numbers % max(1, len(self.classes))

    def batches(self, count: int, size: int) -> Iterator[Batch]:
        """Samples 0 to `count`, `size` at a time but for the last; no block is computed twice."""
        waiting = Batch(torch.zeros(0, *self.shape), torch.zeros(0, dtype=torch.int64))
        for block in range(-(-count // BLOCK)):
            new = self._block(block)
            x, y = torch.cat([waiting.x, new.x]), torch.cat([waiting.y, new.y])
            if block == count // BLOCK:
                x, y = x[: len(x) - BLOCK + count % BLOCK], y[: len(y) - BLOCK + count % BLOCK]
            while len(x) >= size:
                yield Batch(x[:size], y[:size])
                x, y = x[size:], y[size:]
            waiting = Batch(x, y)
        if len(waiting.x):
            yield waiting

    @torch.no_grad()
    def _block(self, block: int) -> Batch:
        numbers = torch.arange(block * BLOCK, (block + 1) * BLOCK)
        latents = torch.cat(
            [
                draw_latents(self.recipe.networks, 1, rng_of("sample", self.seed, number))
                for number in numbers.tolist()
            ]
        )
        labels = self.labels(numbers)
        x = self.network(latents.to(self.device), labels.to(self.device))
        return Batch(x.float().cpu() * self.recipe.scale, labels)


@dataclass
class Latent:
    """A frozen generator as a function of its latents, as `gandiag.generators` takes it.

    Latents come from the whole prior, also for recipes that truncate it.

    Attributes:
        network: the generator, in evaluation mode.
        recipe: what it was trained with.
        classes: their names; empty for an unconditional generator.
        device: where it runs.
    """

    network: nn.Module
    recipe: Recipe
    classes: tuple[str, ...]
    device: torch.device

    @property
    def z_dim(self) -> int:
        """How many latents a sample has."""
        return self.recipe.networks.latent

    @property
    def prior(self) -> str:
        """``normal``, ``uniform`` or ``sphere``, see `draw_latents`."""
        return self.recipe.networks.latent_kind

    def __call__(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """(n, z_dim), and (n,) with classes => (n, *shape), images in [-1, 1]."""
        if labels is None:
            labels = torch.zeros(len(z), dtype=torch.int64, device=z.device)
        samples: Tensor = self.network(z.float(), labels).float() * self.recipe.scale
        return samples


def sampler_of(trainer: Trainer, seed: int = 0) -> Sampler:
    """The average of a trainer's generator; it changes as the trainer goes on."""
    recipe = trainer.recipe
    classes = trainer.data.classes if recipe.networks.condition_g != "none" else ()
    return Sampler(
        trainer.average.network, recipe, trainer.data.shape, classes, trainer.device, seed
    )


def load(folder: str | Path, *, device: str = "cpu", seed: int = 0) -> Sampler:
    """The generator of a checkpoint, or of the newest checkpoint of a run.

    The entry point ``reference_models`` of the group ``gandiag.generators``. The data it was
    trained on need not be there.

    Args:
        folder: of the checkpoint or the run.
        device: as torch calls it.
        seed: of the samples.

    Raises:
        GandiagError: no checkpoint, one of another version or architecture, or no such device.
    """
    checkpoint = checkpoints.newest(Path(folder))
    head = checkpoints.read_head(checkpoint)
    recipe = checkpoints.read_recipe(checkpoint)
    place = open_device(device)
    shape, classes = tuple(head["shape"]), tuple(head["classes"])
    with seeded(torch.device("cpu"), "weights that are overwritten"):
        network = build.generator(recipe, shape, len(classes))
    checkpoints.load_weights(network, checkpoint / "average.safetensors")
    network = network.to(place).eval().requires_grad_(False)
    names = classes if recipe.networks.condition_g != "none" else ()
    return Sampler(network, recipe, shape, names, place, seed)
