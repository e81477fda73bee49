"""Six more evaluators, written again, plainly, from what their sources do.

As in `evaluators`: images (n, 3, height, width) uint8, real and generated, and a network of random
weights. What a tool draws unseeded is an argument here, so that both sides can draw alike.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from twins.evaluators import (
    Images,
    Networks,
    Rows,
    Scores,
    cubic,
    frechet,
    in_splits,
    inception_score,
    prdc,
    tf1,
    torch_legacy,
)

Draws = Sequence[NDArray[np.int64]]

# --- Images ---


def pillow_bicubic(image: Images) -> Rows:
    """IQA-PyTorch: each channel by Pillow as floats, cut off at 0 and 255; then (x - 128) / 128."""
    planes = [
        Image.fromarray(plane).resize((299, 299), Image.Resampling.BICUBIC)
        for plane in image.astype(np.float32)
    ]
    return (np.stack([np.asarray(plane) for plane in planes]).clip(0, 255) - 128) / 128


def clip_336(image: Images) -> Rows:
    """CMMD: the central square as an image of whole levels by Pillow's bicubic; CLIP's scaling."""
    height, width = image.shape[1:]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    square = Image.fromarray(image.transpose(1, 2, 0)).crop((left, top, left + side, top + side))
    levels = np.asarray(square.resize((336, 336), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    mean = np.array([0.48145466, 0.4578275, 0.40821073])[:, None, None]
    std = np.array([0.26862954, 0.26130258, 0.27577711])[:, None, None]
    return (levels / 255 - mean) / std


# --- Scores of features ---


def kid_of_subsets(first: Rows, second: Rows, *, count: int, size: int, seed: int) -> float:
    """The mean over `count` subsets of `size`, drawn by numpy from `first` and then `second`."""
    random = np.random.RandomState(seed)
    values = []
    for _ in range(count):
        x = first[random.choice(len(first), size, replace=False)]
        y = second[random.choice(len(second), size, replace=False)]
        k, between = cubic(x, x) + cubic(y, y), cubic(x, y)
        values.append((k.sum() - np.trace(k)) / (size * (size - 1)) - 2 * between.mean())
    return float(np.mean(values))


def sizes_of_dgm_eval(n: int) -> list[int]:
    """15 sizes from a tenth of `n`, at most 5,000, to `n`, cut down to whole numbers."""
    first = min(5000, max(n // 10, 2))
    return [int(first + (n - first) * i / 14) for i in range(15)]


def fid_infinity(real: Rows, generated: Rows, draws: Draws) -> float:
    """A line in 1/n by least squares through FID of the rows drawn, at 1/n = 0."""
    distances = [frechet(real, generated[rows], ddof=1) for rows in draws]
    _slope, intercept = np.polyfit([1 / len(rows) for rows in draws], distances, 1)
    return float(intercept)


def cmmd(real: Rows, generated: Rows) -> float:
    """1,000 times the biased squared MMD of unit rows, exp(-|x - y|^2 / 200), in float64.

    The tool computes it in float32: its kernel is near 1, so that it keeps about 1e-4 of 1,000.
    """
    x, y = (rows / np.sqrt(np.square(rows).sum(1, keepdims=True)) for rows in (real, generated))

    def mean(u: Rows, v: Rows) -> float:
        return float(np.mean([np.exp(-np.square(v - row).sum(1) / 200) for row in u]))

    return 1000 * (mean(x, x) + mean(y, y) - 2 * mean(x, y))


# --- The six ---


def dgm_eval(
    real: Images, generated: Images, networks: Networks, draws: Draws, seed: int = 0
) -> Scores:
    """dgm-eval with ``--model inception`` (and ``sinception``), up to 10,000 images of each set.

    `draws` are those of `fid_inf`; `seed` is that given to numpy just before KID. Its Inception
    Score is here of the generated images.
    """
    x, y = (networks.inception(images, torch_legacy) for images in (real, generated))
    n = len(generated)
    order = np.random.RandomState(2020).permutation(n)
    cuts = [slice(i * (n // 10), (i + 1) * (n // 10)) for i in range(10)]
    size = min(1000, len(real), n)
    return {
        "fid": frechet(x.pool, y.pool, ddof=1),
        "fid_inf": fid_infinity(x.pool, y.pool, draws),
        "sfid": frechet(x.after_6e, y.after_6e, ddof=1),
        "kid": kid_of_subsets(x.pool, y.pool, count=100, size=size, seed=seed),
        "is": inception_score(y.unbiased[order], cuts),
        **prdc(x.pool, y.pool, 5, np.less),
    }


def iqa_pytorch(real: Images, generated: Images, networks: Networks) -> Scores:
    """IQA-PyTorch's ``fid`` and ``sfid``, mode ``clean``."""
    x, y = (networks.inception(images, pillow_bicubic) for images in (real, generated))
    return {
        "fid": frechet(x.pool, y.pool, ddof=1),
        "sfid": frechet(x.after_6a, y.after_6a, ddof=1),
    }


def mmd_gan(real: Images, generated: Images, networks: Networks, size: int = 1000) -> Scores:
    """MMD-GAN's ``compute_scores.py --do-mmd``, numpy seeded with 0; `size` is its option."""
    x, y = (networks.inception(images, tf1) for images in (real, generated))
    return {"kid": kid_of_subsets(y.pool, x.pool, count=100, size=size, seed=0)}


def mimicry(real: Images, generated: Images, networks: Networks) -> Scores:
    """mimicry's metrics of equally many images as they are, numpy seeded with 0 just before KID.

    It runs whole batches of 50 only and leaves the rest of its array unset.
    """
    n = len(generated)
    if len(real) != n or n % min(n, 50):
        raise ValueError("mimicry takes whole batches of 50, and as many real images")
    x, y = (networks.inception(images, tf1) for images in (real, generated))
    return {
        "fid": frechet(x.pool, y.pool, ddof=1),
        "kid": kid_of_subsets(x.pool, y.pool, count=10, size=n // 10, seed=0),
        "is": inception_score(y.unbiased, in_splits(n, 10)),
    }


def image_generation_metrics(real: Images, generated: Images, networks: Networks) -> Scores:
    """pytorch-image-generation-metrics, reading the files in order."""
    x, y = (networks.inception(images, torch_legacy) for images in (real, generated))
    return {
        "fid": frechet(x.pool, y.pool, ddof=1),
        "is": inception_score(y.unbiased, in_splits(len(generated), 10)),
    }


def cmmd_of_images(
    real: Images, generated: Images, embed: Callable[[torch.Tensor], torch.Tensor]
) -> Scores:
    """CMMD's ``main.py``; `embed` takes (1, 3, 336, 336) float32 to (1, width)."""
    sets = []
    with torch.inference_mode():
        for images in (real, generated):
            rows = [embed(torch.from_numpy(clip_336(image)).float()[None]) for image in images]
            sets.append(torch.cat(rows).double().numpy())
    return {"cmmd": cmmd(*sets)}
