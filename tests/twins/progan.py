"""ProGAN's sliced Wasserstein distance of patches, written again from what its source does.

Positions and directions are arguments, for the tool draws them unseeded. Everything is float64;
the tool computes in float32.
"""

import hashlib
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Images = NDArray[np.uint8]
SIDE, PATCHES = 7, 128
TAPS = np.array([1, 4, 6, 4, 1]) / 16

Places = Callable[[Images], list[NDArray[np.int64]]]
"""An image => for each level, the finest first, (2, 128): y and x of the upper left corners."""


def smoothed(image: Rows) -> Rows:
    """(channels, s, s), 5 x 5 taps, the border mirrored without its edge."""
    side = image.shape[1]
    wide = np.pad(image, ((0, 0), (2, 2), (2, 2)), mode="reflect")
    return sum(
        TAPS[i] * TAPS[j] * wide[:, i : i + side, j : j + side] for i in range(5) for j in range(5)
    )


def pyramid(image: Rows) -> list[Rows]:
    """(channels, s, s) => levels of side s, s / 2, ..., 16."""
    levels = []
    while image.shape[1] >= 32:
        half = smoothed(image)[:, ::2, ::2]
        spread = np.zeros_like(image)
        spread[:, ::2, ::2] = half
        levels.append(image - 4 * smoothed(spread))
        image = half
    return [*levels, image]


def descriptors(images: Images, places: Places) -> list[Rows]:
    """(n, 3, s, s) => for each level (n * 128, 3 * 7 * 7), every channel scaled over all of it."""
    found: list[list[Rows]] = []
    for image in images:
        for i, (level, corners) in enumerate(
            zip(pyramid(image.astype(np.float64)), places(image), strict=True)
        ):
            if i == len(found):
                found.append([])
            found[i] += [level[:, y : y + SIDE, x : x + SIDE] for y, x in corners.T]
    scaled = []
    for patches in found:
        stacked = np.stack(patches)
        for channel in range(3):
            values = stacked[:, channel]
            stacked[:, channel] = (values - values.mean()) / values.std()
        scaled.append(stacked.reshape(len(stacked), -1))
    return scaled


def sliced(a: Rows, b: Rows, directions: Rows) -> float:
    """Mean over unit `directions` (width, count) of the mean difference of sorted projections."""
    return float(
        np.mean([np.abs(np.sort(a @ each) - np.sort(b @ each)).mean() for each in directions.T])
    )


def swd(
    real: Images, generated: Images, places: Places, directions: list[Rows]
) -> tuple[float, list[float]]:
    """1,000 times the distance: the mean over levels, and each; as many real as generated."""
    if real.shape != generated.shape:
        raise ValueError("ProGAN compares equally many images")
    pairs = zip(descriptors(real, places), descriptors(generated, places), directions, strict=True)
    levels = [1000 * sliced(a, b, each) for a, b, each in pairs]
    return float(np.mean(levels)), levels


# --- Draws that do not depend on the run ---


def places_of_contents(image: Images) -> list[NDArray[np.int64]]:
    """By torch's generator, seeded with a digest of the image's levels."""
    seed = hashlib.blake2b(image.tobytes(), digest_size=7).digest()
    random = torch.Generator().manual_seed(int.from_bytes(seed, "little"))
    drawn, side = [], image.shape[1]
    while side >= 16:
        drawn.append(torch.randint(side - SIDE + 1, (2, PATCHES), generator=random).numpy())
        side //= 2
    return drawn


def unit_directions(levels: int, count: int = 512, seed: int = 0) -> list[Rows]:
    """(3 * 7 * 7, count) for each level, from one generator."""
    random = torch.Generator().manual_seed(seed)
    drawn = []
    for _ in range(levels):
        each = torch.randn(3 * SIDE * SIDE, count, generator=random, dtype=torch.float64).numpy()
        drawn.append(each / np.sqrt(np.square(each).sum(0)))
    return drawn
