"""Samples that a generator makes when they are asked for, each with a seed of its own."""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from gandiag.errors import GandiagError
from gandiag.sources.arrays import quantised, way_to_a_range
from gandiag.sources.base import Batch, Note
from gandiag.sources.decode import UnreadableError
from gandiag.sources.how import How
from gandiag.sources.images import checked_limit, checked_size
from gandiag.sources.naming import display
from gandiag.sources.notes import Passes, Tally, ValueRange
from gandiag.sources.samples import as_labels
from gandiag.state_dicts import first_line, read_state

BLOCK = 64
"""Samples made together. Matrix products round differently for other batch sizes: in the company of
its block, samples 64 b to 64 b + 63, a sample is the same to the last bit however it is read."""

DEFAULT = 50_000
"""Samples of a generator that nobody limits: as many as most papers score."""

LATENTS = ("z_dim", "latent_dim", "nz")
"""Attributes in which generators say how many latents they take."""

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)

Draw = Callable[[range], tuple[Tensor, Sequence[str] | None]]
"""Sample numbers => samples, and the class of each where there are classes.

Samples are images, (n, 3, height, width) uint8, or points, (n, d) float32, on the CPU. Sample i
depends on i and a seed, and on nothing that was asked for before.
"""

Sample = Callable[[Sequence[torch.Generator]], object]
"""One random generator a sample (on the CPU) => samples, or a pair of samples and their labels.

Images are (n, 1|3, height, width), uint8 or floats, in [-1, 1] unless another range is stated;
points are (n, d) floats. Labels are n integers or class names.
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
    value_range: ValueRange | None = None
    """Of the floats that `draw` quantises, where the user stated it."""
    doubted: bool = False
    """Whether each pass draws the first block twice, to see that it depends on its seeds alone."""
    trained_with: tuple[str, ...] = ()
    """Networks whose features the generator learned from: scores of these flatter it."""
    first: int = 0
    """The sample that a pass begins with."""
    seen: Passes = field(default_factory=Passes, repr=False)

    def count(self) -> int:
        """How many samples a pass gives: as many as one likes, see `limit`."""
        return self.total - self.first

    def batches(self, size: int) -> Iterator[Batch]:
        """Samples in order, `size` at a time but for the last; sample i is always the same."""
        checked_size(size)
        return self._batches(size)

    def _batches(self, size: int) -> Iterator[Batch]:
        tally = self.seen.begin()
        waiting: list[Batch] = []
        held = 0
        begin = self.first - self.first % BLOCK
        for start in range(begin, self.total, BLOCK):
            waiting.append(self._block(start))
            if start == begin and self.doubted and not _alike(waiting[0], self._block(begin)):
                tally.add("not-reproducible", waiting[0].names[0])
            self._note(waiting[-1], tally)
            held += len(waiting[-1].names)
            while held >= size:
                whole = _joined(waiting)
                yield _part(whole, slice(0, size))
                waiting, held = [_part(whole, slice(size, None))], held - size
        self.seen.end(tally)
        if held:
            yield _joined(waiting)

    def fingerprint(self) -> None:
        """None: samples are made afresh."""

    def stamp(self) -> None:
        """None: samples are made afresh."""

    def labelled(self) -> None:
        """None: only drawing tells."""

    def limit(self, count: int, seed: int) -> "GeneratedImages":
        """Samples 0 to `count` - 1; they were seeded when the generator was opened.

        Raises:
            GandiagError: `count` is not positive.
        """
        return replace(self, total=checked_limit(count), seen=Passes())

    def between(self, start: int, stop: int) -> "GeneratedImages":
        """Samples number `start` to `stop` - 1 of those that a pass gives."""
        return replace(self, first=self.first + start, total=self.first + stop, seen=Passes())

    def notes(self) -> Mapping[str, Note]:
        """What the last whole pass saw, by code (see `notes.CODES`)."""
        found = self.seen.notes()
        if self.trained_with:
            found["trained-with"] = Note(self.count(), self.name, self.trained_with)
        return found

    def _note(self, batch: Batch, tally: Tally) -> None:
        if batch.images.ndim == 4:
            for image, name in zip(batch.images, batch.names, strict=True):
                tally.add_image(image, name, self.value_range)

    def _block(self, start: int) -> Batch:
        samples, labels = self.draw(range(start, start + BLOCK))
        if len(samples) != BLOCK:
            raise GandiagError(
                f"the generator {self.name} gave {len(samples)} samples for {BLOCK} seeds; "
                "give one for each"
            )
        names = tuple(f"{self.name}[{i}]" for i in range(start, start + BLOCK))
        whole = Batch(samples, names, None if labels is None else tuple(labels))
        return _part(whole, slice(max(0, self.first - start), self.total - start))


def open_generated(
    path: Path,
    name: str,
    how: How,
    generator: Generator,
) -> GeneratedImages:
    """A file of weights and the user's code that knows them => samples.

    Args:
        path: of a state dict, .safetensors or as torch.save writes it.
        name: what to call the samples.
        how: the seed of the samples, where the network runs, and what is black and what is white
            in its floats, where that is not [-1, 1].
        generator: gets the state dict and the device.

    Raises:
        GandiagError: the file holds no state dict, the generator does not take it, or what it
            gives is no sample.
    """
    state = read_state(path, "a generator's weights")
    for key, tensor in state.items():
        # Integers of a byte are quantised weights, or a file that was meddled with.
        if tensor.dtype in (torch.int8, torch.uint8) and tensor.ndim > 1:
            raise GandiagError(
                f"{display(path)} holds {display(key)} as {tensor.dtype}, not as floats; "
                "save the weights as they were trained"
            )
    with told_of(display(path)):
        sample = generator(state, how.device)
    return open_sample(sample, name, how, display(path))


def open_sample(
    sample: Sample,
    name: str,
    how: How,
    shown: str | None = None,
) -> GeneratedImages:
    """A function of random generators => samples. It is drawn twice, see `doubted`.

    Args:
        sample: the function.
        name: what to call the samples.
        how: the seed, and the range of its floats.
        shown: what errors call the generator; by default the name.

    Raises:
        GandiagError: when it is drawn, it raises, or what it gives is no sample.
    """
    shown = shown or name

    @torch.no_grad()
    def draw(numbers: range) -> tuple[Tensor, Sequence[str] | None]:
        with told_of(shown):
            given = sample([rng_of(how.seed, number) for number in numbers])
        pair = isinstance(given, tuple) and len(given) == 2
        images, labels = cast(tuple[object, object], given) if pair else (given, None)
        if not isinstance(images, Tensor):
            raise GandiagError(
                f"the generator of {shown} gave {type(images).__name__}; "
                "give a tensor, or a pair of a tensor and labels"
            )
        samples = as_samples(images, shown, how.value_range)
        names = None if labels is None else as_labels(labels, len(images))
        if labels is not None and names is None:
            raise GandiagError(
                f"the generator of {shown} gave labels that are no classes; "
                f"give an integer or a name for each of its {len(images)} samples"
            )
        return samples, names

    return GeneratedImages(name, draw, value_range=how.value_range, doubted=True)


def open_module(network: nn.Module, name: str, how: How) -> GeneratedImages:
    """A generator that takes normal latents, and says how many as `z_dim`, `latent_dim` or `nz`.

    Latents are (n, d), or (n, d, 1, 1) for a network that begins with a convolution. It draws in
    evaluation mode where its weights are, and is put back after each block as it was.

    Raises:
        GandiagError: it does not say the number of its latents.
    """
    # DataParallel and its like keep the network in an attribute of that name.
    sizes = [
        getattr(each, key, None)
        for each in (network, getattr(network, "module", None))
        for key in LATENTS
    ]
    size = next((s for s in sizes if isinstance(s, int) and s > 0), None)
    if size is None:
        raise GandiagError(
            f"{name} does not say how many latents it takes (as {', '.join(LATENTS)}); give a "
            "function of random generators, as lambda rngs: "
            "G(torch.stack([torch.randn(128, generator=rng) for rng in rngs]))"
        )
    # A network without convolutions in front reshapes latents itself.
    first = next((m for m in network.modules() if getattr(m, "weight", None) is not None), None)
    shape = (size, 1, 1) if isinstance(first, CONVOLUTIONS) else (size,)

    def sample(rngs: Sequence[torch.Generator]) -> object:
        latents = torch.stack([torch.randn(shape, generator=rng) for rng in rngs])
        weight = next((p for p in network.parameters() if p.is_floating_point()), latents)
        training = [module for module in network.modules() if module.training]
        network.eval()
        try:
            return network(latents.to(weight))
        finally:
            for module in training:
                module.training = True

    return open_sample(sample, name, how)


def takes_one(function: object) -> bool:
    """Whether something can be called with one argument."""
    if not callable(function) or isinstance(function, type):
        return False
    try:
        inspect.signature(function).bind(())
    except (TypeError, ValueError):
        return False
    return True


def as_samples(given: Tensor, shown: str, value_range: ValueRange | None = None) -> Tensor:
    """What a generator gives => (n, 3, height, width) uint8, or (n, d) float32 as it is.

    Floats in [-1, 1] become round(127.5 v + 127.5), halves to even; those in a stated range are
    quantised as anywhere else, see `arrays.quantised`.

    Raises:
        GandiagError: another shape, or floats outside their range.
    """
    if given.layout != torch.strided or given.is_complex() or given.device.type == "meta":
        kind = "a complex" if given.is_complex() else "a sparse or empty"
        raise GandiagError(f"the generator of {shown} gave {kind} tensor; give a dense, real one")
    given = given.detach().cpu()
    size = " x ".join(map(str, given.shape))
    if given.ndim == 2 and given.numel() and (given.is_floating_point()):
        return given.float()
    if given.ndim != 4 or given.shape[1] not in (1, 3) or not given.numel():
        raise GandiagError(
            f"the generator of {shown} gave {size}; give (n, 3, height, width) or (n, d) floats"
        )
    if given.dtype == torch.uint8:
        return given.expand(-1, 3, -1, -1)
    low, high = float(given.min()), float(given.max())
    came = f"the generator of {shown} gave {given.dtype} from {low:.4g} to {high:.4g}"
    if value_range is not None and given.is_floating_point():
        try:
            levels = quantised(given.double().numpy(), *value_range)
        except UnreadableError as error:
            raise GandiagError(
                f"{came}, outside value_range={value_range}; state another"
            ) from error
        return torch.from_numpy(levels).expand(-1, 3, -1, -1)
    # NaN fails both comparisons. Dozens of images without one dark pixel are in [0, 1].
    if not (given.is_floating_point() and -1.001 <= low < 0 and high <= 1.001):
        raise GandiagError(
            f"{came}; give floats in [-1, 1], or uint8, or {way_to_a_range(low, high)}"
        )
    given = (given.float() * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)
    return given.expand(-1, 3, -1, -1)


@contextlib.contextmanager
def told_of(shown: str) -> Iterator[None]:
    """What a user's own code raises, in one sentence; `sys.exit` in it ends nothing silently."""
    try:
        yield
    except GandiagError:
        raise
    except (Exception, SystemExit) as error:
        why = first_line(Exception(*error.args))
        raise GandiagError(
            f"the generator of {shown} raised {type(error).__name__} ({why}); "
            "mend its code, or give the weights that it is made for"
        ) from error


def _alike(one: Batch, other: Batch) -> bool:
    """Whether two drawings are of the same samples.

    A GPU may add up in another order: a level of 255, or a millionth of a point, is no difference.
    """
    if one.images.shape != other.images.shape or one.labels != other.labels:
        return False
    if one.images.dtype == torch.uint8:
        return bool((one.images.int() - other.images.int()).abs().max() <= 1)
    return torch.allclose(one.images, other.images, rtol=1e-4, atol=1e-5, equal_nan=True)


def rng_of(seed: int, number: int) -> torch.Generator:
    """The random numbers of sample `number`, on the CPU."""
    # Neighbouring numbers seed unlike streams only after they are mixed well.
    mixed = (seed * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) % 2**64
    mixed = (mixed ^ (mixed >> 31)) * 0xD6E8FEB86659FD93 % 2**64
    return torch.Generator().manual_seed((mixed ^ (mixed >> 32)) % 2**63)


def _part(batch: Batch, rows: slice) -> Batch:
    labels = None if batch.labels is None else batch.labels[rows]
    return Batch(batch.images[rows], batch.names[rows], labels)


def _joined(batches: Sequence[Batch]) -> Batch:
    sizes = {tuple(batch.images.shape[1:]) for batch in batches}
    if len(sizes) > 1:
        raise GandiagError(
            f"the generator of {batches[0].names[0]} gave samples of different sizes "
            f"({', '.join(map(str, sorted(sizes)))}); give one size"
        )
    labels = [batch.labels for batch in batches if batch.labels is not None]
    return Batch(
        torch.cat([batch.images for batch in batches]),
        tuple(name for batch in batches for name in batch.names),
        tuple(each for part in labels for each in part) if labels else None,
    )
