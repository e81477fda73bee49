"""What all rows of the agreement with other tools share: images, weights, and how they are read."""

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from random_inception import RandomInception, write_random_inception
from twins.random_vgg16 import random_vgg16

import gandiag

Folders = tuple[Path, Path]
TINT = np.array([4, 3, 2])
"""Quarters of the level in red, green and blue: channels in another order would show."""


def write_images(root: Path, count: int, side: int | None = None) -> Folders:
    """Generated and real images as folders of PNG files; once for each number and side."""
    name = f"{count}" if side is None else f"{count}-{side}"
    folders = root / f"generated-{name}", root / f"real-{name}"
    if folders[1].exists():
        return folders
    for folder, split in zip(folders, ("test", "train"), strict=True):
        source = gandiag.open_source(f"dataset:fashion-mnist:{split}").limit(count, seed=0)
        folder.mkdir()
        index = 0
        for batch in source.batches(256):
            for image in batch.images.permute(0, 2, 3, 1).numpy():
                levels = image // 2 + 32 if split == "test" else image
                picture = Image.fromarray((levels * TINT // 4).astype(np.uint8))
                if side is not None:
                    picture = picture.resize((side, side), Image.Resampling.BICUBIC)
                picture.save(folder / f"{index:05d}.png")
                index += 1
    return folders


def pixels(folder: Path) -> torch.Tensor:
    """(n, 3, height, width) uint8."""
    arrays = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.iterdir())]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


def count_of(folders: Folders) -> int:
    """Images of each set."""
    return len(os.listdir(folders[0]))


def at_most_half(count: int) -> int:
    """KID's subsets: 1,000 as the tools have it, or half of fewer images."""
    return 1000 if count >= 1000 else count // 2


def tenth(count: int) -> int:
    """KID's subsets as mimicry makes them."""
    return count // 10


def write_weights(folder: Path) -> RandomInception:
    """Inception in its three forms, and VGG-16 under the names of NVIDIA's file."""
    weights = write_random_inception(folder)
    state = random_vgg16()
    names = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    theirs = [f"conv{n}" for n in range(1, 14)] + ["fc1", "fc2", "fc3"]
    renamed = {
        f"layers.{new}.{part}": state[f"{name}.{part}"]
        for name, new in zip(names, theirs, strict=True)
        for part in ("weight", "bias")
    }
    torch.save(renamed, folder / "vgg16.pt")
    return weights
