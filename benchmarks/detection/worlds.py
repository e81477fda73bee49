"""The data of the corpus, with a truth that only the oracle knows.

Every world draws without end from a distribution that is known exactly, so that fresh samples for
the oracle, held-out ones for the monitor and the training stream never mix:

- ring8, grid25: Gaussian mixtures in two dimensions.
- digits: an 8 x 8 digit of scikit-learn moved towards one of its five nearest neighbours of the
  same class by U[0, 1), plus noise; stacked: two of them as channels, hence 100 modes.
- wine, cancer: scikit-learn's tables, standardised, their first six principal components, with
  Gaussian noise of sd .25 (a kernel density, sampled exactly).
- dirac: the point 0 in one dimension; bilinear: N(0, .3^2) in two (Mescheder et al. 2018).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from reference_models.data.base import Batch
from reference_models.data.points import Mixture, grid, ring
from reference_models.randomness import generator

Draw = Callable[[int, torch.Generator], Batch]
Assign = Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class World:
    """A distribution and what the oracle knows of it.

    Attributes:
        name: of the world.
        family: of the world, for leave-one-family-out.
        shape: of one sample.
        classes: how many; a draw's label is its class.
        draw: (count, generator) -> Batch.
        assign: samples (n, *shape) -> modes (n,) and whether each lies on its mode (n,).
        modes: how many.
    """

    name: str
    family: str
    shape: tuple[int, ...]
    classes: int
    draw: Draw
    assign: Assign
    modes: int

    def fixed(self, count: int, *path: str | int) -> Batch:
        """Samples that are the same in every run."""
        return self.draw(count, generator(self.name, *path))


def _mixture(name: str, mixture: Mixture) -> World:
    means = mixture.means

    def assign(x: Tensor) -> tuple[Tensor, Tensor]:
        distance, mode = torch.cdist(x, means).min(1)
        return mode, distance < 3 * mixture.sd

    def draw(count: int, rng: torch.Generator) -> Batch:
        return Batch(*mixture(count, rng))

    return World(name, "points", (2,), len(means), draw, assign, len(means))


def _neighbours(x: Tensor, y: Tensor, k: int) -> Tensor:
    """The k nearest rows of the same class: (n, k)."""
    distance = torch.cdist(x, x) + 1e9 * (y[:, None] != y[None])
    distance.fill_diagonal_(1e9)
    return distance.topk(k, largest=False).indices


def _bank(draw: Draw, count: int = 600) -> Assign:
    """Nearest of `count` true samples: its class, and whether it is as near as true ones are."""
    bank = draw(count, generator("bank"))
    flat = bank.x.flatten(1)
    fresh = draw(1000, generator("bank", "limit")).x.flatten(1)
    limit = torch.cdist(fresh, flat).amin(1).quantile(0.99)

    def assign(x: Tensor) -> tuple[Tensor, Tensor]:
        distance, nearest = torch.cdist(x.flatten(1), flat).min(1)
        return bank.y[nearest], distance < limit

    return assign


def _digit_draw() -> Draw:
    from sklearn.datasets import load_digits

    loaded = load_digits()
    images = torch.from_numpy(loaded.images.astype(np.float32) / 8 - 1).flatten(1)
    labels = torch.from_numpy(loaded.target.astype(np.int64))
    near = _neighbours(images, labels, 5)

    def draw(count: int, rng: torch.Generator) -> Batch:
        row = torch.randint(len(images), (count,), generator=rng)
        other = near[row, torch.randint(5, (count,), generator=rng)]
        share = torch.rand(count, 1, generator=rng)
        noise = 0.05 * torch.randn(count, 64, generator=rng)
        x = images[row] + share * (images[other] - images[row]) + noise
        return Batch(x.clamp(-1, 1).reshape(-1, 1, 8, 8), labels[row])

    return draw


def _digits() -> World:
    draw = _digit_draw()
    return World("digits", "images", (1, 8, 8), 10, draw, _bank(draw), 10)


def _stacked() -> World:
    single = _digit_draw()
    assign_one = _bank(single)

    def draw(count: int, rng: torch.Generator) -> Batch:
        a, b = single(count, rng), single(count, rng)
        return Batch(torch.cat([a.x, b.x], 1), 10 * a.y + b.y)

    def assign(x: Tensor) -> tuple[Tensor, Tensor]:
        (a, on_a), (b, on_b) = assign_one(x[:, :1]), assign_one(x[:, 1:])
        return 10 * a + b, on_a & on_b

    return World("stacked", "images", (2, 8, 8), 100, draw, assign, 100)


def _table(name: str) -> World:
    from sklearn.cluster import KMeans
    from sklearn.datasets import load_breast_cancer, load_wine
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    loaded = load_wine() if name == "wine" else load_breast_cancer()
    components = PCA(6, svd_solver="full").fit_transform(
        StandardScaler().fit_transform(loaded.data)
    )
    rows = torch.from_numpy((components / components.std()).astype(np.float32))
    labels = torch.from_numpy(loaded.target.astype(np.int64))

    def draw(count: int, rng: torch.Generator) -> Batch:
        row = torch.randint(len(rows), (count,), generator=rng)
        return Batch(rows[row] + 0.25 * torch.randn(count, 6, generator=rng), labels[row])

    # No modes of its own: cells of a k-means partition of fresh data stand in.
    sample = draw(2000, generator(name, "cells")).x
    means = KMeans(8, n_init=4, random_state=0).fit(sample.numpy()).cluster_centers_
    centres = torch.from_numpy(means.astype(np.float32))
    near, cell = torch.cdist(sample, centres).min(1)
    limits = torch.stack([near[cell == k].quantile(0.99) for k in range(8)])

    def assign(x: Tensor) -> tuple[Tensor, Tensor]:
        distance, mode = torch.cdist(x, centres).min(1)
        return mode, distance < limits[mode]

    return World(name, "tabular", (6,), int(labels.max()) + 1, draw, assign, 8)


def _game(name: str, dimension: int, sd: float) -> World:
    def draw(count: int, rng: torch.Generator) -> Batch:
        x = sd * torch.randn(count, dimension, generator=rng)
        return Batch(x, torch.zeros(count, dtype=torch.int64))

    def assign(x: Tensor) -> tuple[Tensor, Tensor]:
        mode = torch.zeros(len(x), dtype=torch.int64)
        return mode, x.norm(dim=1) < max(4 * sd, 0.1)

    return World(name, "games", (dimension,), 1, draw, assign, 1)


FAMILIES = {
    **dict.fromkeys(("ring8", "grid25"), "points"),
    **dict.fromkeys(("digits", "stacked"), "images"),
    **dict.fromkeys(("wine", "cancer"), "tabular"),
    **dict.fromkeys(("dirac", "bilinear"), "games"),
}


@lru_cache
def open_world(name: str) -> World:
    """By name: ring8, grid25, digits, stacked, wine, cancer, dirac, bilinear."""
    builders: dict[str, Callable[[], World]] = {
        "ring8": lambda: _mixture("ring8", ring(8, 2.0, 0.1)),
        "grid25": lambda: _mixture("grid25", grid(5, 1.5, 0.15)),
        "digits": _digits,
        "stacked": _stacked,
        "wine": lambda: _table("wine"),
        "cancer": lambda: _table("cancer"),
        "dirac": lambda: _game("dirac", 1, 0.0),
        "bilinear": lambda: _game("bilinear", 2, 0.3),
    }
    return builders[name]()
