"""The images, and the features of each set of them, kept on disk."""

import hashlib
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor

import gandiag
from benchmarks.sensitivity.disturbances import (
    DISTURBANCES,
    NEAR,
    Index,
    Pool,
    Sample,
    disturbed,
    name_of,
    seed_of,
    undisturbed,
)
from gandiag.extractors import open_extractor
from gandiag.extractors.base import FeatureExtractor
from gandiag.files import atomic_write
from gandiag.statistics import Bank

BATCH = 8
"""Images at once, which a core's cache likes best."""


KEPT = ("lite0",)
"""Networks whose features are worth a place on disk; the others' are made anew."""


class Sizes(NamedTuple):
    """How many images there are of each kind, all different."""

    real: int = 1000
    heldout: int = 1000
    pool: int = 4000
    """What samples are drawn from."""
    more: int = 600
    """Of the first class alone."""
    base: int = 1000
    """Of the pool, whose pixels are disturbed: the largest sample."""


SIZES = Sizes()


@dataclass(frozen=True)
class World:
    """A dataset split into disjoint sets, by chance and always alike."""

    dataset: str = "dataset:fashion-mnist"
    sizes: Sizes = SIZES

    @cached_property
    def _drawn(self) -> dict[str, tuple[Tensor, NDArray[np.str_]]]:
        source = gandiag.open_source(self.dataset)
        assert not isinstance(source, gandiag.sources.StatisticsFile)
        images: list[Tensor] = []
        labels: list[str] = []
        for batch in source.batches(1000):
            images.append(batch.images)
            labels += batch.labels or ()
        whole, names = torch.cat(images), np.array(labels)
        order = np.random.default_rng(seed_of("world")).permutation(len(names))
        found, start = {}, 0
        for name in ("real", "heldout", "pool"):
            index = order[start : start + getattr(self.sizes, name)]
            start += len(index)
            found[name] = whole[index], names[index]
        rest = order[start:]
        index = rest[names[rest] == np.unique(names)[0]][: self.sizes.more]
        return {**found, "more": (whole[index], names[index])}

    @cached_property
    def pool(self) -> Pool:
        """The labels of all sets that samples come from."""
        return Pool(*(self._drawn[name][1] for name in ("pool", "real", "more")))

    def labels(self, name: str) -> NDArray[np.str_]:
        """Of ``real`` or ``heldout``."""
        return self._drawn[name][1]

    @cached_property
    def base(self) -> Sample:
        """The samples whose pixels are disturbed."""
        return undisturbed(self.pool, self.sizes.base, np.random.default_rng(seed_of("base")))

    def images(self, name: str) -> Tensor:
        """(n, 3, h, w) uint8: of a set, of near copies, or of the base disturbed."""
        if name in self._drawn:
            return self._drawn[name][0]
        if name == "near":
            real = self._drawn["real"][0]
            return disturbed("near", NEAR, real[: len(real) // 2])
        key, _, strength = name.partition(" ")
        images = self._drawn["pool"][0][self.base.parts[0].rows]
        return disturbed(key, float(strength), images)

    def names(self) -> list[str]:
        """All sets of images, in the order that results need them."""
        changed = [
            name_of(key, strength)
            for key, each in DISTURBANCES.items()
            if each.pixels
            for strength in each.strengths
        ]
        return ["real", "heldout", "pool", "more", "near", *changed]


@dataclass(frozen=True)
class Features:
    """The features of a world's sets by one network."""

    world: World
    network: str
    """As after ``--features``."""
    folder: Path
    """Where those are kept that take long."""

    @cached_property
    def extractor(self) -> FeatureExtractor:
        """The network."""
        return open_extractor(self.network, device=torch.device("cpu"))

    def rows(self, name: str, index: Index | None = None) -> dict[str, Tensor]:
        """A set's rows, or some of them, by layer: (n, width) float32."""
        if self.network not in KEPT:
            images = self._images(name)
            return self._extracted(images if index is None else images[torch.from_numpy(index)])
        if name not in self._known:
            self._known[name] = self._read_or_made(name)
        whole = self._known[name]
        if index is None:
            return whole
        return {layer: rows[torch.from_numpy(index)] for layer, rows in whole.items()}

    @cached_property
    def _known(self) -> dict[str, dict[str, Tensor]]:
        return {}

    @cached_property
    def _seen(self) -> dict[str, Tensor]:
        return {}

    def _images(self, name: str) -> Tensor:
        if name not in self._seen:
            self._seen[name] = self.world.images(name)
        return self._seen[name]

    def _extracted(self, images: Tensor) -> dict[str, Tensor]:
        layers = [*self.extractor.layers]
        parts = [
            self.extractor(self.extractor.prepare(part), layers)
            for part in torch.split(images, BATCH)
        ]
        return {layer: torch.cat([part[layer] for part in parts]) for layer in layers}

    def _read_or_made(self, name: str) -> dict[str, Tensor]:
        # Its name holds a digest of the pixels and of what pins the network: none is another's.
        images = self.world.images(name)
        digest = hashlib.sha256(images.numpy().tobytes())
        digest.update(repr(sorted(self.extractor.provenance().items())).encode())
        text = f"{self.network}-{name}".replace(" ", "-").replace(":", "-")
        path = self.folder / f"{text}-{digest.hexdigest()[:16]}.safetensors"
        if path.exists():
            return load_file(path)
        began = time.monotonic()
        rows = self._extracted(images)
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(save(rows))
        seconds = time.monotonic() - began
        print(f"{self.network}: {name}, {seconds:.0f} s", file=sys.stderr, flush=True)
        return rows

    def bank(self, sample: Sample, layer: str) -> Bank:
        """What a metric eats of a sample."""
        rows = [self.rows(part.name, part.rows)[layer] for part in sample.parts]
        return Bank.of(torch.cat(rows)).labelled(sample.labels.tolist())

    def reference(self, role: str, layer: str) -> Bank:
        """All of ``real`` or ``heldout``."""
        return Bank.of(self.rows(role)[layer]).labelled(self.world.labels(role).tolist())
