"""The demo's image sets: real ones, and three generators whose faults are known."""

from collections.abc import Mapping
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from gandiag.errors import GandiagError
from gandiag.sources import StatisticsFile, open_source


def demo_sets(count: int, seed: int) -> tuple[str, dict[str, Tensor]]:
    """Real images and what three generators would make of them.

    ``good`` are real images that are not in ``real``: a generator without fault. ``blurred`` are
    the same out of focus: every image is wrong, none is missing. ``collapsed`` are a dozen of them
    over and over, with a little noise: every image is right, nearly all are missing.

    Returns:
        The name of the data, and set name -> (count, 3, height, width) uint8. Fashion-MNIST where
        it is installed, else scikit-learn's digits (then `count` is at most 898).

    """
    data, images = _real_images(2 * count, seed)
    count = min(count, len(images) // 2)
    real, good = images[:count], images[count : 2 * count]
    blurred = gaussian_blur(good, kernel_size=[9, 9], sigma=[good.shape[-1] / 14])
    few = good[:12].repeat(-(-count // 12), 1, 1, 1)[:count]
    noise = torch.randint(-8, 9, few.shape, generator=torch.Generator().manual_seed(seed))
    collapsed = (few + noise).clamp(0, 255).to(torch.uint8)
    return data, {"real": real, "good": good, "blurred": blurred, "collapsed": collapsed}


def write_folders(sets: Mapping[str, Tensor], folder: Path) -> None:
    """Each set as a folder of PNG files, over what was there."""
    for name, images in sets.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index, image in enumerate(images):
            path = folder / name / f"{index:05d}.png"
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)


def _real_images(count: int, seed: int) -> tuple[str, Tensor]:
    for name in ("fashion-mnist:test", "digits"):
        try:
            source = open_source(f"dataset:{name}")
        except GandiagError:
            continue
        assert not isinstance(source, StatisticsFile)
        if (available := source.count()) is not None:
            drawn = source.limit(min(count, available), seed)
            images = torch.cat([batch.images for batch in drawn.batches(256)])
            order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
            return name, images[order]
    raise GandiagError("no images to show: scikit-learn's digits are missing; reinstall it")
