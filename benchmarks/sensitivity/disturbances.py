"""What is done to good samples: to their pixels, or to which of them are there.

Noise, blur, salt and pepper, black rectangles and swirl are those of Heusel et al. 2017 (appendix),
whose weakest strengths stand near our strongest. Classes go one after another or all but one become
rarer at once, as modes do in Naeem et al. 2020.
"""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Index = NDArray[np.int64]
Pixels = Callable[[Tensor, float, torch.Generator], Tensor]


class Part(NamedTuple):
    """Some rows of a set, by the set's name."""

    name: str
    rows: Index


class Sample(NamedTuple):
    """What plays the generated images: parts in order, and a label for each row."""

    parts: tuple[Part, ...]
    labels: NDArray[np.str_]


class Pool(NamedTuple):
    """What samples are made of: labels of sets of images.

    `pool` and `real` are (n,) labels; all of `more` are of the first class.
    """

    pool: NDArray[np.str_]
    real: NDArray[np.str_]
    more: NDArray[np.str_]


@dataclass(frozen=True)
class Disturbance:
    """A column of the picture."""

    title: str
    what: str
    """The unit of the strengths, for people."""
    strengths: tuple[float, ...]
    """From the weakest to the strongest."""
    pixels: Pixels | None = None
    """(n, 3, h, w) in 0 .. 255, strength, generator => the same shape."""
    sample: "Callable[[Pool, int, float, np.random.Generator], Sample] | None" = None
    """Else: which rows."""


def name_of(key: str, strength: float) -> str:
    """Of a set of images, and of a sample: ``noise 0.02``."""
    return f"{key} {strength:g}"


def seed_of(text: str) -> int:
    """A seed for each name, so that a new disturbance moves no other."""
    return zlib.crc32(text.encode())


# --- pixels ---


def noise(images: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """(1 - a) X + a N, with N Gaussian and spread over the whole range, as Heusel et al.

    The same in all channels, for the images are grey.
    """
    n, _, height, width = images.shape
    drawn = torch.randn(n, 1, height, width, generator=rng)
    drawn = (drawn - drawn.min()) / (drawn.max() - drawn.min()) * 255
    return (1 - share) * images + share * drawn


def blur(images: Tensor, sigma: float, rng: torch.Generator) -> Tensor:
    """A Gaussian of `sigma` pixels, to 4 sigma; the border is mirrored."""
    reach = max(1, math.ceil(4 * sigma))
    x = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = (-0.5 * (x / sigma) ** 2).exp()
    kernel = (kernel / kernel.sum()).expand(images.shape[1], 1, -1)
    padded = nn.functional.pad(images, (reach,) * 4, mode="reflect")
    across = nn.functional.conv2d(padded, kernel[:, :, None], groups=images.shape[1])
    return nn.functional.conv2d(across, kernel[..., None], groups=images.shape[1])


def salt_and_pepper(images: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """A share of the pixels becomes black or white, all channels together."""
    n, _, height, width = images.shape
    hit = torch.rand(n, 1, height, width, generator=rng) < share
    white = torch.rand(n, 1, height, width, generator=rng) < 0.5
    return torch.where(hit, white * 255.0, images)


def rectangles(images: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Five black squares, each as wide as a share of the image, one pixel at least."""
    n, _, height, width = images.shape
    side = max(1, round(share * height))
    found = images.clone()
    for i in range(n):
        for _ in range(5):
            top = int(torch.randint(height - side + 1, (), generator=rng))
            left = int(torch.randint(width - side + 1, (), generator=rng))
            found[i, :, top : top + side, left : left + side] = 0
    return found


def swirl(images: Tensor, strength: float, rng: torch.Generator) -> Tensor:
    """Turn about the centre, either way, by `strength` times exp(-r / (5 log 2)) at r pixels.

    scikit-image's formula with Heusel's radius of 25; bilinear.
    """
    n, _, height, width = images.shape
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    rho = (x**2 + y**2).sqrt()
    way = (torch.rand(n, 1, 1, generator=rng) < 0.5) * 2.0 - 1
    angle = torch.atan2(y, x) + way * strength * torch.exp(-rho / (25 / 5 * math.log(2)))
    grid = torch.stack(
        (rho * angle.cos() / ((width - 1) / 2), rho * angle.sin() / ((height - 1) / 2)), dim=-1
    )
    return nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=True)


def disturbed(key: str, strength: float, images: Tensor) -> Tensor:
    """(n, 3, h, w) uint8 => the same, disturbed, and always so.

    Args:
        key: of `DISTURBANCES`, or ``near`` for the noise of near copies.
        strength: of it.
        images: what to disturb.
    """
    change = noise if key == "near" else DISTURBANCES[key].pixels
    assert change is not None
    rng = torch.Generator().manual_seed(seed_of(name_of(key, strength)))
    return change(images.float(), strength, rng).clamp(0, 255).round().to(torch.uint8)


# --- which rows ---


def undisturbed(pool: Pool, n: int, rng: np.random.Generator) -> Sample:
    """`n` of the pool by chance, no two the same."""
    index = rng.permutation(len(pool.pool))[:n]
    return Sample((Part("pool", index),), pool.pool[index])


def classes_left_out(pool: Pool, n: int, count: float, rng: np.random.Generator) -> Sample:
    """Images of all but the last `count` classes."""
    kept = np.unique(pool.pool)[: -int(count)]
    index = rng.permutation(np.flatnonzero(np.isin(pool.pool, kept)))[:n]
    return Sample((Part("pool", index),), pool.pool[index])


def classes_rarer(pool: Pool, n: int, share: float, rng: np.random.Generator) -> Sample:
    """A share of every class but the first becomes images of the first."""
    first = np.unique(pool.pool)[0]
    sample = undisturbed(pool, n, rng)
    index, labels = sample.parts[0].rows, sample.labels
    others = np.flatnonzero(labels != first)
    out = rng.permutation(others)[: round(share * len(others))]
    kept = np.setdiff1d(np.arange(n), out)
    unused = np.setdiff1d(np.flatnonzero(pool.pool == first), index)
    of_pool = rng.permutation(unused)[: len(out)]
    parts = (
        Part("pool", np.concatenate((index[kept], of_pool))),
        Part("more", np.arange(len(out) - len(of_pool))),
    )
    return Sample(parts, np.concatenate((labels[kept], np.repeat(first, len(out)))))


def few_of_each_class(pool: Pool, n: int, count: float, rng: np.random.Generator) -> Sample:
    """Each class shows `count` different images, drawn with repetition, and is as frequent."""
    labels = undisturbed(pool, n, rng).labels
    index = np.empty(n, dtype=np.int64)
    for label in np.unique(labels):
        few = rng.permutation(np.flatnonzero(pool.pool == label))[: int(count)]
        index[labels == label] = rng.choice(few, size=int((labels == label).sum()))
    return Sample((Part("pool", index),), labels)


def copies(pool: Pool, n: int, share: float, rng: np.random.Generator) -> Sample:
    """A share of the samples are real images themselves."""
    return _copied("real", pool, n, share, rng)


def near_copies(pool: Pool, n: int, share: float, rng: np.random.Generator) -> Sample:
    """A share of the samples are real images with noise of 1 %, which no eye sees."""
    return _copied("near", pool, n, share, rng)


def _copied(name: str, pool: Pool, n: int, share: float, rng: np.random.Generator) -> Sample:
    count = round(share * n)
    sample = undisturbed(pool, n - count, rng)
    # Each real one once, and from the first half, which is what has near copies.
    index = rng.permutation(len(pool.real) // 2)[:count]
    labels = np.concatenate((pool.real[index], sample.labels))
    return Sample((Part(name, index), *sample.parts), labels)


def labels_shuffled(pool: Pool, n: int, share: float, rng: np.random.Generator) -> Sample:
    """The labels of a share of the samples go round among these; images stay as they are."""
    sample = undisturbed(pool, n, rng)
    which = rng.permutation(n)[: round(share * n)]
    labels = sample.labels.copy()
    labels[which] = labels[rng.permutation(which)]
    return Sample(sample.parts, labels)


NEAR = 0.01
"""The noise of near copies."""

DISTURBANCES: dict[str, Disturbance] = {
    "noise": Disturbance("noise", "share of noise", (0.02, 0.08, 0.25), noise),
    "blur": Disturbance("blur", "pixels", (0.3, 0.5, 1.0), blur),
    "salt": Disturbance("salt and\npepper", "of pixels", (0.002, 0.02, 0.1), salt_and_pepper),
    "rectangles": Disturbance("black\nsquares", "of the side", (0.04, 0.1, 0.25), rectangles),
    "swirl": Disturbance("swirl", "radians", (0.1, 0.3, 1.0), swirl),
    "classes": Disturbance("classes\nleft out", "of ten", (1.0, 3.0, 5.0), sample=classes_left_out),
    "rarer": Disturbance(
        "all classes\nbut one rarer", "of them gone", (0.1, 0.3, 0.9), sample=classes_rarer
    ),
    "few": Disturbance(
        "few images\nin a class", "different ones", (100.0, 20.0, 4.0), sample=few_of_each_class
    ),
    "copies": Disturbance("copies of\nreal images", "of samples", (0.05, 0.2, 0.5), sample=copies),
    "near-copies": Disturbance("near copies", "of samples", (0.05, 0.2, 0.5), sample=near_copies),
    "labels": Disturbance(
        "labels\nshuffled", "of labels", (0.05, 0.2, 0.5), sample=labels_shuffled
    ),
}
"""The columns of the picture, in order."""
