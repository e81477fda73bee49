"""A generator seen from its latents: what a path or a truncation needs, which samples alone hide.

What may be given is a `LatentGenerator`: a network that says how many latents it takes. All else is
optional, and read where the object has it:

- ``classes``: the names of its classes, or ``num_classes``, how many there are. It is then called
  with labels, (n,) int64, as the second argument.
- ``prior``: where latents come from: ``normal`` (the default), ``uniform`` in [-1, 1), or
  ``sphere``, of radius sqrt(d).
- ``mapping`` and ``synthesis``: the two halves of a generator such as StyleGAN's. ``mapping(z)``,
  or ``mapping(z, labels)``, gives w, (n, d) or (n, layers, d); ``synthesis(w)`` the samples.
- ``w_avg``: the mean of w, which truncation contracts to; also looked for in ``mapping``. Where
  there is none it is the mean of 10,000.

Samples are images, (n, 1|3, height, width), or points, (n, d). StyleGAN2's own class takes an
argument more, so that it needs a few lines:

    class Mine:
        z_dim = G.z_dim
        mapping = staticmethod(lambda z: G.mapping(z, None))
        synthesis = staticmethod(lambda w: G.synthesis(w, noise_mode="const").clamp(-1, 1))
        __call__ = lambda self, z: self.synthesis(self.mapping(z))
"""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import torch
from torch import Tensor, nn

from gandiag.errors import GandiagError, unknown
from gandiag.sources import ValueRange
from gandiag.sources.generated import CONVOLUTIONS, as_samples, rng_of, told_of

Space = Literal["z", "w"]
Prior = Literal["normal", "uniform", "sphere"]

ENOUGH = 64
"""Samples of which one has a dark pixel, if any has."""

OF_MEAN = 10_000
"""Latents that a missing mean of w is taken over, as many as StyleGAN2's projector takes."""


@runtime_checkable
class LatentGenerator(Protocol):
    """A function of latents that says how many it takes: as `z_dim`, `latent_dim` or `nz`.

    Any ``nn.Module`` with one of the three attributes, say.
    """

    z_dim: int

    def __call__(self, *latents: Any) -> Tensor:
        """``(z)``, or ``(z, labels)`` with classes => samples; z is (n, z_dim) float32."""
        ...


@dataclass(frozen=True, eq=False)
class LatentSpace:
    """A generator with its latents; `open_generator` makes it."""

    name: str
    network: Any
    """A `LatentGenerator`."""
    width: int
    """Of a latent: d."""
    device: torch.device
    value_range: ValueRange | None = None
    """What is black and what is white in its floats; None for [-1, 1], which is then checked."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty without any."""
        names = getattr(self.network, "classes", None)
        if names:
            return tuple(map(str, names))
        count = getattr(self.network, "num_classes", 0)
        return tuple(map(str, range(count))) if isinstance(count, int) else ()

    @property
    def prior(self) -> Prior:
        """Where its latents come from."""
        prior: Prior = getattr(self.network, "prior", "normal")
        return prior

    @property
    def mapped(self) -> bool:
        """Whether it has a space w."""
        return all(callable(getattr(self.network, each, None)) for each in ("mapping", "synthesis"))

    def check(self, space: str, label: str | None = None) -> None:
        """Refuse a space or a class that it does not have.

        Raises:
            GandiagError: it has none of that name.
        """
        if space not in get_args(Space):
            raise unknown("latent space", space, get_args(Space))
        if space == "w" and not self.mapped:
            raise GandiagError(
                f"{self.name} has no space w: it lacks `mapping` and `synthesis`; choose z"
            )
        if label is not None and label not in self.classes:
            if not self.classes:
                raise GandiagError(f"{self.name} has no classes; leave the class out")
            raise unknown(f"class of {self.name}", label, self.classes)

    def latents(self, seed: int, numbers: range) -> Tensor:
        """(n, d) float64: latent i depends on the seed and i alone."""
        rows = [self._latent(rng_of(seed, number)) for number in numbers]
        return torch.stack(rows) if rows else torch.empty(0, self.width, dtype=torch.float64)

    def labels(self, seed: int, numbers: range, label: str | None = None) -> Tensor | None:
        """(n,) int64: the class `label`, or one drawn evenly for each number; None without any."""
        names = self.classes
        if not names:
            return None
        if label is not None:
            return torch.full((len(numbers),), names.index(label))
        # Mixed with another number than latents are, which would else go with classes.
        rngs = (rng_of(seed + 0x5EED, number) for number in numbers)
        return torch.tensor([int(torch.randint(len(names), (), generator=r)) for r in rngs])

    def in_space(self, z: Tensor, labels: Tensor | None, space: Space) -> Tensor:
        """z => z itself, or the w that it is mapped to, in float64 on the CPU."""
        if space == "z":
            return z
        with self._running("mapping"):
            return self._checked(self.network.mapping(*self._arguments(z, labels))).double().cpu()

    def samples(self, latents: Tensor, labels: Tensor | None, space: Space = "z") -> Tensor:
        """Latents of a space => what the network gives for them, on its device, unchecked floats.

        Raises:
            GandiagError: the network raises, or gives no tensor with a sample for each latent.
        """
        with self._running("generator"):
            if space == "w":
                given = self.network.synthesis(latents.to(self.device, self._dtype))
            else:
                given = self.network(*self._arguments(latents, labels))
            given = self._checked(given)
        if len(given) != len(latents):
            raise GandiagError(
                f"{self.name} gave {len(given)} samples for {len(latents)} latents; "
                "give one for each"
            )
        return given

    def check_floats(self, given: Tensor) -> None:
        """Refuse samples that no small step along a path can be seen in; look at many at once.

        Raises:
            GandiagError: they are bytes, no images, or outside [-1, 1] and no other range is
                stated.
        """
        if given.dtype == torch.uint8:
            raise GandiagError(
                f"{self.name} gives bytes, in which a small step is lost; have it give floats"
            )
        if self.value_range is None:
            as_samples(given, self.name)
        elif given.ndim != 2 and (given.ndim != 4 or given.shape[1] not in (1, 3)):
            as_samples(given, self.name, self.value_range)

    def sure(self) -> "LatentSpace":
        """The same with its range looked at: [-1, 1] unless another is stated.

        Few samples that are alike, all bright, would else be doubted; here 64 from all of the prior
        are looked at.

        Raises:
            GandiagError: they are outside [-1, 1], or seem to be in [0, 1].
        """
        if self.value_range is not None:
            return self
        numbers = range(ENOUGH)
        given = self.samples(self.latents(0, numbers), self.labels(0, numbers))
        self.pictures(given)
        images = given.ndim == 4 and given.is_floating_point()
        return replace(self, value_range=(-1.0, 1.0)) if images else self

    def levels(self, given: Tensor) -> Tensor:
        """Float images => (n, 3, height, width) in levels 0..255, neither rounded nor cut.

        Points, (n, d), stay as they are, and float64 stays float64.

        Raises:
            GandiagError: a value is not finite.
        """
        if not torch.isfinite(given).all():
            raise GandiagError(f"{self.name} gives values that are not finite; see to its weights")
        if given.ndim == 2:
            return given
        low, high = self.value_range or (-1.0, 1.0)
        floats = given if given.dtype == torch.float64 else given.float()
        return ((floats - low) * (255 / (high - low))).expand(-1, 3, -1, -1)

    def pictures(self, given: Tensor) -> Tensor:
        """Samples => (n, 3, height, width) uint8 on the CPU; points, (n, d), float32.

        Raises:
            GandiagError: as `gandiag.score` refuses them.
        """
        return as_samples(given, self.name, self.value_range)

    def _latent(self, rng: torch.Generator) -> Tensor:
        if self.prior == "uniform":
            return 2 * torch.rand(self.width, generator=rng, dtype=torch.float64) - 1
        z = torch.randn(self.width, generator=rng, dtype=torch.float64)
        return z * (math.sqrt(self.width) / z.norm()) if self.prior == "sphere" else z

    def _arguments(self, z: Tensor, labels: Tensor | None) -> tuple[Tensor, ...]:
        z = z.to(self.device, self._dtype).view(-1, *self._shape)
        return (z,) if labels is None else (z, labels.to(self.device))

    @property
    def parameters(self) -> list[Tensor]:
        """The weights of a module that are floats."""
        network = self.network
        found = network.parameters() if isinstance(network, nn.Module) else ()
        return [each for each in found if each.is_floating_point()]

    @property
    def _dtype(self) -> torch.dtype:
        return next((each.dtype for each in self.parameters), torch.float32)

    @property
    def _shape(self) -> tuple[int, ...]:
        """Of a latent as the network takes it; one that begins with a convolution wants a map."""
        network = self.network
        if not isinstance(network, nn.Module) or self.mapped:
            return (self.width,)
        first = next((m for m in network.modules() if getattr(m, "weight", None) is not None), None)
        return (self.width, 1, 1) if isinstance(first, CONVOLUTIONS) else (self.width,)

    def _checked(self, given: object) -> Tensor:
        if not isinstance(given, Tensor) or given.ndim < 2:
            raise GandiagError(
                f"{self.name} gave {type(given).__name__}; give a tensor, a sample a row"
            )
        return given.detach()

    @contextlib.contextmanager
    def _running(self, what: str) -> Iterator[None]:
        """Without gradients and in evaluation mode; the network is put back as it was."""
        modules = self.network.modules() if isinstance(self.network, nn.Module) else ()
        training = [module for module in modules if module.training]
        for module in training:
            module.training = False
        try:
            with torch.no_grad(), told_of(f"{self.name} ({what})"):
                yield
        finally:
            for module in training:
                module.training = True
