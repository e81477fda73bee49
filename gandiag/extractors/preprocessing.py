"""From image levels to network input, as the published protocols do it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.extractors.resizing import RESIZES


@dataclass(frozen=True)
class Scaling:
    """(x - mean) / std, channel by channel, on levels 0..255."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @classmethod
    def of_unit_range(
        cls, mean: tuple[float, float, float], std: tuple[float, float, float]
    ) -> "Scaling":
        """From a mean and deviation stated for images in 0..1, as networks publish them."""
        red, green, blue = mean
        r, g, b = std
        return cls((255 * red, 255 * green, 255 * blue), (255 * r, 255 * g, 255 * b))

    def __call__(self, levels: Tensor) -> Tensor:
        """(batch, 3, height, width) float32 => the same, scaled."""
        if self._uniform():
            return (levels - self.mean[0]) / self.std[0]
        # Made on the CPU and copied without waiting: no synchronisation with the device.
        mean, std = (
            torch.tensor(values)[:, None, None].to(levels.device, non_blocking=True)
            for values in (self.mean, self.std)
        )
        return (levels - mean) / std

    def __str__(self) -> str:
        if self._uniform():
            return f"(x - {self.mean[0]:g}) / {self.std[0]:g}"
        mean = ", ".join(f"{value:.6g}" for value in self.mean)
        std = ", ".join(f"{value:.6g}" for value in self.std)
        return f"(x - ({mean})) / ({std})"

    def _uniform(self) -> bool:
        return len({*self.mean}) == len({*self.std}) == 1


SCALINGS = {
    "128": Scaling((128.0,) * 3, (128.0,) * 3),
    "127.5": Scaling((127.5,) * 3, (127.5,) * 3),
}

IMAGENET = Scaling.of_unit_range((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes the input of the 2015 Inception network.

    Other networks take the resize from here and keep their own mean and standard deviation.

    Raises:
        GandiagError: there is no such resize or normalisation.
    """

    resize: str
    """A name in `RESIZES`."""
    normalise: Literal["128", "127.5"] = "128"
    """(x - 128) / 128 as the 2015 graph does, or (x - 127.5) / 127.5, which is 2 x / 255 - 1."""

    def __post_init__(self) -> None:
        _require(RESIZES, self.resize, "resize")
        _require(SCALINGS, self.normalise, "normalisation")


def _require(table: Mapping[str, object], name: str, what: str) -> None:
    if name not in table:
        raise GandiagError(f"there is no {what} {name!r}; choose {', '.join(table)}")


TORCH_FIDELITY = Preprocessing("tf1", "128")
"""torch-fidelity: TensorFlow 1's bilinear resize."""
PYTORCH_FID = Preprocessing("torch-bilinear", "127.5")
"""pytorch-fid: torch's bilinear resize, without antialiasing."""
CLEAN_FID = Preprocessing("pil-bicubic", "128")
"""clean-fid's mode clean: Pillow's bicubic resize in float, antialiased."""
CLEAN_FID_LEGACY_PYTORCH = PYTORCH_FID
"""clean-fid's mode legacy_pytorch."""
CLEAN_FID_LEGACY_TENSORFLOW = Preprocessing("tf1-grid", "128")
"""clean-fid's mode legacy_tensorflow: the same resize by sampling a grid."""
TORCHMETRICS = Preprocessing("torch-antialias", "128")
"""torchmetrics: torch's bilinear resize, antialiased."""
TORCHMETRICS_NO_ANTIALIAS = TORCH_FIDELITY
"""torchmetrics with ``antialias=False``."""
DGM_EVAL = PYTORCH_FID
"""dgm-eval's Inception; its DINOv2 is the extractor ``dinov2`` as it comes."""
ADM = Preprocessing("tf1", "128")
"""guided-diffusion feeds levels to the 2015 graph, which resizes."""
STYLEGAN = EDM = EDM2 = Preprocessing("tf1-grid", "128")
"""The network that NVIDIA publishes resizes inside."""
EDM2_DINOV2 = Preprocessing("torch-bicubic")
"""EDM2's resize for DINOv2, the extractor ``dinov2``; its slower ``resize_mode='pil'`` is
dgm-eval's."""
STUDIOGAN = Preprocessing("torch-bilinear", "127.5")
"""StudioGAN's ``post_resizer`` ``legacy``: torch's bilinear; mean and deviation are .5."""
TFGAN = Preprocessing("tf1", "128")
"""Since TF-GAN's network comes from TF-Hub (``inception_metrics``) its caller resizes. Its CIFAR
example does so by the bilinear op of ``tf.compat.v1``, hence without pixel centres under TensorFlow
2 too. (x - 128) / 128 is the 2015 graph's, and that of `preprocess_image` in earlier versions."""


def prepare(
    images: Tensor,
    size: int,
    resize: str,
    scaling: Scaling,
    device: torch.device,
    layout: torch.memory_format | None = None,
) -> Tensor:
    """(batch, 3, height, width) uint8 => (batch, 3, size, size) float32 on `device`.

    In the `layout` that the network takes, so that it need not copy a batch once more.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(
            f"images must be uint8 of shape (batch, 3, height, width), not {images.dtype} of shape "
            f"{tuple(images.shape)}"
        )
    with torch.inference_mode():
        levels = RESIZES[resize](images, size, device)
        return scaling(levels if layout is None else levels.contiguous(memory_format=layout))
