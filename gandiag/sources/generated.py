"""Samples that a generator makes when they are asked for, each with a seed of its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.sources.base import Batch, Note
from gandiag.sources.images import checked_limit, checked_size
from gandiag.sources.naming import display
from gandiag.sources.stream import as_labels
from gandiag.state_dicts import read_state

BLOCK = 64
"""Samples made together. Matrix products round differently for other batch sizes: in the company of
its block, samples 64 b to 64 b + 63, a sample is the same to the last bit however it is read."""

DEFAULT = 50_000
"""Samples of a generator that nobody limits: as many as most papers score."""

Draw = Callable[[range], tuple[Tensor, Sequence[str] | None]]
"""Sample numbers => samples, and the class of each where there are classes.

Samples are images, (n, 3, height, width) uint8, or points, (n, d) float32, on the CPU. Sample i
depends on i and a seed, and on nothing that was asked for before.
"""

Sample = Callable[[Sequence[torch.Generator]], object]
"""One random generator a sample (on the CPU) => samples, or a pair of samples and their labels.

Images are (n, 1|3, height, width), uint8 or floats in [-1, 1]; points are (n, d) floats. Labels are
n integers or class names.
"""

Generator = Callable[[dict[str, Tensor], torch.device], Sample]
"""A user's own generator: a state dict and a device => what makes samples with it, as in

    def generator(state, device):
        network = Network().to(device).eval()
        network.load_state_dict(state)
        def sample(rngs):
            z = torch.stack([torch.randn(128, generator=rng) for rng in rngs])
            return network(z.to(device))
        return sample
"""


@dataclass(frozen=True, eq=False)
class GeneratedImages:
    """Samples 0, 1, 2 ... of a generator."""

    name: str
    draw: Draw
    total: int = DEFAULT

    def count(self) -> int:
        """How many samples a pass gives: as many as one likes, see `limit`."""
        return self.total

    def batches(self, size: int) -> Iterator[Batch]:
        """Samples in order, `size` at a time but for the last; sample i is always the same."""
        checked_size(size)
        waiting: list[Batch] = []
        held = 0
        for start in range(0, self.total, BLOCK):
            waiting.append(self._block(start))
            held += len(waiting[-1].names)
            while held >= size:
                whole = _joined(waiting)
                yield _part(whole, slice(0, size))
                waiting, held = [_part(whole, slice(size, None))], held - size
        if held:
            yield _joined(waiting)

    def fingerprint(self) -> None:
        """None: samples are made afresh."""

    def limit(self, count: int, seed: int) -> "GeneratedImages":
        """Samples 0 to `count` - 1; they were seeded when the generator was opened.

        Raises:
            GandiagError: `count` is not positive.
        """
        return replace(self, total=checked_limit(count))

    def notes(self) -> Mapping[str, Note]:
        """Nothing: what was just made is whole."""
        return {}

    def _block(self, start: int) -> Batch:
        samples, labels = self.draw(range(start, start + BLOCK))
        if len(samples) != BLOCK:
            raise GandiagError(
                f"the generator {self.name} gave {len(samples)} samples for {BLOCK} seeds; "
                "give one for each"
            )
        names = tuple(f"{self.name}[{i}]" for i in range(start, start + BLOCK))
        whole = Batch(samples, names, None if labels is None else tuple(labels))
        return _part(whole, slice(0, self.total - start))


def open_generated(
    path: Path, name: str, generator: Generator, *, seed: int, device: torch.device
) -> GeneratedImages:
    """A file of weights and the user's code that knows them => samples.

    Args:
        path: of a state dict, .safetensors or as torch.save writes it.
        name: what to call the samples.
        generator: gets the state dict and the device.
        seed: of the samples.
        device: where the network runs.

    Raises:
        GandiagError: the file holds no state dict, or what the generator gives is no sample.
    """
    sample = generator(read_state(path, "a generator's weights"), device)

    @torch.no_grad()
    def draw(numbers: range) -> tuple[Tensor, Sequence[str] | None]:
        given = sample([_rng(seed, number) for number in numbers])
        images, labels = given if isinstance(given, tuple) else (given, None)
        if not isinstance(images, Tensor):
            raise GandiagError(
                f"the generator of {display(path)} gave {type(images).__name__}; "
                "give a tensor, or a pair of a tensor and labels"
            )
        names = None if labels is None else as_labels(labels, len(images))
        if labels is not None and names is None:
            raise GandiagError(
                f"the generator of {display(path)} gave labels that are no classes; "
                f"give an integer or a name for each of its {len(images)} samples"
            )
        return as_samples(images, display(path)), names

    return GeneratedImages(name, draw)


def as_samples(given: Tensor, shown: str) -> Tensor:
    """What a generator gives => (n, 3, height, width) uint8, or (n, d) float32 as it is.

    Raises:
        GandiagError: another shape, or floats that cannot be images in [-1, 1].
    """
    given = given.detach().cpu()
    if given.ndim == 2:
        return given.float()
    if given.ndim != 4 or given.shape[1] not in (1, 3):
        size = " x ".join(map(str, given.shape))
        raise GandiagError(
            f"the generator of {shown} gave {size}; give (n, 3, height, width) or (n, d)"
        )
    if given.dtype != torch.uint8:
        low, high = float(given.min()), float(given.max())
        # NaN fails both comparisons. Dozens of images without one dark pixel are in [0, 1].
        if not (-1.001 <= low < 0 and high <= 1.001):
            raise GandiagError(
                f"the generator of {shown} gave floats from {low:.4g} to {high:.4g}; "
                "give floats in [-1, 1], or uint8"
            )
        given = (given.float() * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)
    return given.expand(-1, 3, -1, -1)


def _rng(seed: int, number: int) -> torch.Generator:
    # Neighbouring numbers seed unlike streams only after they are mixed well.
    mixed = (seed * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) % 2**64
    mixed = (mixed ^ (mixed >> 31)) * 0xD6E8FEB86659FD93 % 2**64
    return torch.Generator().manual_seed((mixed ^ (mixed >> 32)) % 2**63)


def _part(batch: Batch, rows: slice) -> Batch:
    labels = None if batch.labels is None else batch.labels[rows]
    return Batch(batch.images[rows], batch.names[rows], labels)


def _joined(batches: Sequence[Batch]) -> Batch:
    labels = [batch.labels for batch in batches if batch.labels is not None]
    return Batch(
        torch.cat([batch.images for batch in batches]),
        tuple(name for batch in batches for name in batch.names),
        tuple(each for part in labels for each in part) if labels else None,
    )
