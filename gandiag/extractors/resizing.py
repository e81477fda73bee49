"""Bringing images to a network's size: the resize alone moves FID by several points.

Every function has one signature:

    (batch, 3, height, width) uint8 => (batch, 3, size, size) float32 in 0..255, on `device`

The aspect ratio is not kept and nothing is cropped, as in all published protocols. Nothing is
rounded back to whole levels, but where the name says so. Another resize is a function and a line
of `RESIZES`.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

Resize = Callable[[Tensor, int, torch.device], Tensor]


def tf1_bilinear(images: Tensor, size: int, device: torch.device) -> Tensor:
    """Bilinear as TensorFlow 1's `resize_bilinear`: pixel i samples at i * in / out, no centres.

    So the image is shifted by up to half a pixel towards the top left, and reducing it aliases.
    The 2015 graph resizes like this, hence TTUR's original FID; torch-fidelity 0.4 has the same
    arithmetic, bit for bit.
    """
    images = _sent(images, device)
    left, right, across = _tf1_neighbours(images.shape[3], size, device)
    start = images[..., left].float()
    # Not torch.lerp, which rounds otherwise: this is the graph's own order of operations.
    rows = start + (images[..., right].float() - start) * across
    upper, lower, down = _tf1_neighbours(images.shape[2], size, device)
    above = rows[..., upper, :]
    return above + (rows[..., lower, :] - above) * down[:, None]


def _tf1_neighbours(length: int, size: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    # float32 throughout, as the graph computes it. Made on the CPU and copied without waiting.
    position = torch.arange(size, dtype=torch.float32) * torch.tensor(length / size)
    first = position.long()
    second = (first + 1).clamp_max(length - 1)
    share = position - first.float()
    return (
        first.to(device, non_blocking=True),
        second.to(device, non_blocking=True),
        share.to(device, non_blocking=True),
    )


def tf1_grid(images: Tensor, size: int, device: torch.device) -> Tensor:
    """The same sampling as `tf1_bilinear` through `grid_sample`: clean-fid's `legacy_tensorflow`.

    NVIDIA's TorchScript file resizes like this. Positions in -1..1 cost digits: on a picture of 400
    pixels the two differ by some 1e-3 of a level.
    """
    height, width = images.shape[2:]
    theta = torch.eye(2, 3)
    theta[0, 2] += theta[0, 0] / width - theta[0, 0] / size
    theta[1, 2] += theta[1, 1] / height - theta[1, 1] / size
    # Made on the CPU, where no switch of the process can lower the precision of this product.
    grid = F.affine_grid(theta[None], [1, 3, size, size], align_corners=False)
    images = _sent(images, device).float()
    grid = grid.to(device, non_blocking=True).expand(len(images), -1, -1, -1)
    return F.grid_sample(images, grid, "bilinear", "border", align_corners=False)


def torch_bilinear(images: Tensor, size: int, device: torch.device) -> Tensor:
    """Bilinear at pixel centres without antialiasing, as pytorch-fid 0.3 and dgm-eval."""
    images = _sent(images, device).float()
    return F.interpolate(images, (size, size), mode="bilinear", align_corners=False)


def torch_antialias(images: Tensor, size: int, device: torch.device) -> Tensor:
    """Bilinear with an antialiasing filter when reducing, as torchmetrics since 1.8."""
    return _antialiased(images, size, device, "bilinear")


def torch_bicubic(images: Tensor, size: int, device: torch.device) -> Tensor:
    """Antialiased bicubic by torch, in float, neither clipped nor rounded: EDM2's, for DINOv2.

    Bicubic overshoots, so at edges levels lie outside 0..255. But for that and for rounding it is
    `pil_bicubic`.
    """
    return _antialiased(images, size, device, "bicubic")


def _antialiased(images: Tensor, size: int, device: torch.device, mode: str) -> Tensor:
    # Not every accelerator has the antialiased kernels; the CPU and CUDA do.
    at = device if device.type in ("cpu", "cuda") else torch.device("cpu")
    images = _sent(images, at).float()
    resized = F.interpolate(images, (size, size), mode=mode, align_corners=False, antialias=True)
    return resized.to(device, non_blocking=True)


def pil_bicubic(images: Tensor, size: int, device: torch.device) -> Tensor:
    """Antialiased bicubic in float by Pillow, a channel at a time, clipped to 0..255: clean-fid.

    Bicubic overshoots at edges; the clip takes that off. It runs on the CPU, in threads, for any
    `device`, so it gives the same numbers everywhere. Parmar, Zhang and Zhu, "On Aliased Resizing
    and Surprising Subtleties in GAN Evaluation", CVPR 2022.
    """

    def one(image: np.ndarray, into: np.ndarray) -> None:
        for plane, resized in zip(image, into, strict=True):
            levels = Image.fromarray(plane.astype(np.float32))
            levels = levels.resize((size, size), Image.Resampling.BICUBIC)
            np.clip(np.asarray(levels), 0, 255, out=resized)

    return _in_threads(one, images, size, device)


def pil_bicubic_8bit(images: Tensor, size: int, device: torch.device) -> Tensor:
    """Antialiased bicubic by Pillow on whole levels, rounded: torchvision's `Resize` of a picture.

    This is how dgm-eval prepares images for DINOv2.
    """

    def one(image: np.ndarray, into: np.ndarray) -> None:
        picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
        resized = picture.resize((size, size), Image.Resampling.BICUBIC)
        into[:] = np.asarray(resized).transpose(2, 0, 1)

    return _in_threads(one, images, size, device)


def _in_threads(
    one: Callable[[np.ndarray, np.ndarray], None], images: Tensor, size: int, device: torch.device
) -> Tensor:
    # Pillow lets go of the interpreter's lock while it resizes. A thread that torch gives one
    # thread, as those that read images, takes no others either.
    pictures = images.cpu().numpy()
    resized = torch.empty((len(pictures), 3, size, size), pin_memory=device.type == "cuda")
    threads = min(8, torch.get_num_threads(), len(pictures))
    if threads < 2:
        for picture, into in zip(pictures, resized.numpy(), strict=True):
            one(picture, into)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, pictures, resized.numpy()))
    return resized.to(device, non_blocking=True)


def _sent(images: Tensor, device: torch.device) -> Tensor:
    """The same on `device`; to CUDA through pinned memory, without waiting."""
    if device.type == "cuda" and images.device.type == "cpu":
        images = images.pin_memory()
    return images.to(device, non_blocking=True)


RESIZES: dict[str, Resize] = {
    "tf1": tf1_bilinear,
    "tf1-grid": tf1_grid,
    "torch-bilinear": torch_bilinear,
    "torch-antialias": torch_antialias,
    "torch-bicubic": torch_bicubic,
    "pil-bicubic": pil_bicubic,
    "pil-bicubic-8bit": pil_bicubic_8bit,
}
