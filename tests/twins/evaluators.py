"""Six evaluators that cannot be installed here, written again, plainly, from what their sources do.

Each takes images (n, 3, height, width) uint8, real and generated, and a network of random weights,
and gives the numbers that the tool would print. Nothing here is gandiag's: images are resized by
the formula in float64, the network keeps its batch norms, roots of matrices are scipy's, neighbours
are found by every single distance. What the tools compute in float16 is in `squares_of_adm` and
`distances_of_stylegan`.
"""

import warnings
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import scipy.linalg
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from random_inception import TorchScriptInception
from torch import Tensor

Rows = NDArray[np.floating]
Images = NDArray[np.uint8]
Scores = dict[str, float]

# --- Images ---


def sampled(image: Images, size: int, *, centres: bool) -> Rows:
    """(3, height, width) => (3, size, size) float64, bilinear without antialiasing.

    Output pixel i lies at i * in / out, as TensorFlow 1 has it, or with `centres` half a pixel in.
    """
    found = image.astype(np.float64)
    for axis in (1, 2):
        length = image.shape[axis]
        at = np.arange(size) * (length / size)
        if centres:
            at = np.maximum((np.arange(size) + 0.5) * (length / size) - 0.5, 0)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, length - 1)
        share = (at - low)[:, None] if axis == 1 else at - low
        below, above = np.take(found, low, axis), np.take(found, high, axis)
        found = below * (1 - share) + above * share
    return found


def tf1(image: Images) -> Rows:
    """The 2015 graph's own way: (x - 128) / 128."""
    return (sampled(image, 299, centres=False) - 128) / 128


def torch_legacy(image: Images) -> Rows:
    """StudioGAN's ``legacy``: pixel centres; 0..1 less a mean of .5 by a deviation of .5."""
    return (sampled(image, 299, centres=True) / 255 - 0.5) / 0.5


# --- Networks ---


class Read(NamedTuple):
    """What evaluators take of one set of images, float64."""

    pool: Rows
    """(n, 2048)."""
    spatial: Rows
    """(n, 17 * 17 * 7), channels innermost: the 1 x 1 branch of the graph's ``mixed_6``."""
    logits: Rows
    """(n, 1008), with the last layer's bias."""
    unbiased: Rows
    """(n, 1008), without."""
    after_6a: Rows
    """(n, 7 * 17 * 17): the first seven channels of ``mixed_3``, torchvision's Mixed_6a."""
    after_6e: Rows
    """The same of ``mixed_7``, torchvision's Mixed_6e."""


Inception = Callable[[Images, Callable[[Images], Rows]], Read]


def inception_of(state: Mapping[str, Tensor]) -> Inception:
    """The tests' own copy of the graph, one image at a time."""
    network = TorchScriptInception({key: value.clone() for key, value in state.items()}).eval()
    seen: dict[str, list[Tensor]] = {"mixed_6.conv": [], "mixed_3": [], "mixed_7": []}
    for name, maps in seen.items():
        network.layers.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, out, maps=maps: maps.append(out[:, :7].clone())
        )

    def run(images: Images, prepare: Callable[[Images], Rows]) -> Read:
        for maps in seen.values():
            maps.clear()
        with torch.inference_mode():
            pool = torch.cat(
                [
                    network.layers(torch.from_numpy(prepare(image)).float()[None]).flatten(1)
                    for image in images
                ]
            ).double()
        branch, after_6a, after_6e = (torch.cat(maps).double() for maps in seen.values())
        spatial = branch.permute(0, 2, 3, 1).flatten(1)
        unbiased = pool @ state["fc.weight"].double().T
        logits = unbiased + state["fc.bias"].double()
        maps = after_6a.flatten(1), after_6e.flatten(1)
        return Read(*(each.numpy() for each in (pool, spatial, logits, unbiased, *maps)))

    return run


Vgg = Callable[[Images], Rows]


def vgg16_of(state: Mapping[str, Tensor]) -> Vgg:
    """From torchvision's names: levels on the 2015 graph's grid, ImageNet's scaling, fc2's ReLU."""
    mean, std = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    convolutions = [
        name[:-7] for name in state if name.startswith("features.") and "weight" in name
    ]
    halved_after = {1, 3, 6, 9, 12}

    def run(images: Images) -> Rows:
        found = []
        with torch.inference_mode():
            for image in images:
                levels = sampled(image, 224, centres=False)
                x = torch.from_numpy((levels / 255 - mean) / std).float()[None]
                for index, name in enumerate(convolutions):
                    x = F.conv2d(
                        x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1
                    ).relu()
                    if index in halved_after:
                        x = F.max_pool2d(x, 2)
                x = x.flatten(1)
                for name in ("classifier.0", "classifier.3"):
                    x = F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"]).relu()
                found.append(x)
        return torch.cat(found).double().numpy()

    return run


# --- Scores of features ---


def frechet(real: Rows, generated: Rows, *, ddof: int) -> float:
    """``|mu_r - mu_g|^2 + tr(S_r + S_g - 2 (S_g S_r)^(1/2))`` by scipy's root.

    In coordinates of the space that the rows span, where all of it is as it was: with 2,048 the
    root of a singular matrix takes minutes, and is worth three digits.
    """
    both = np.concatenate([real, generated])
    middle = both.mean(0)
    _, values, axes = np.linalg.svd(both - middle, full_matrices=False)
    axes = axes[values > 1e-10 * values[0]]
    x, y = (real - middle) @ axes.T, (generated - middle) @ axes.T
    s, t = np.cov(x, rowvar=False, ddof=ddof), np.cov(y, rowvar=False, ddof=ddof)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each covariance alone may be singular
        root = scipy.linalg.sqrtm(t @ s)
    shift = x.mean(0) - y.mean(0)
    return float(shift @ shift + np.trace(s) + np.trace(t) - 2 * np.trace(root).real)


def inception_score(logits: Rows, cuts: list[slice]) -> float:
    """The mean over parts of ``exp(mean KL(p(c | x) || mean of p(c | x)))``."""
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    parts = [p[cut] for cut in cuts]
    divergences = [(q * (np.log(q) - np.log(q.mean(0)))).sum(1).mean() for q in parts]
    return float(np.mean(np.exp(divergences)))


def in_blocks(n: int, size: int) -> list[slice]:
    """ADM: `size` images each, the last with what is left."""
    return [slice(start, start + size) for start in range(0, n, size)]


def in_splits(n: int, splits: int) -> list[slice]:
    """StyleGAN and StudioGAN: cut at i n // splits."""
    return [slice(i * n // splits, (i + 1) * n // splits) for i in range(splits)]


def distances(u: Rows, v: Rows) -> Rows:
    """(n, width), (m, width) => (n, m), each by itself."""
    return np.stack([np.sqrt(np.square(v - row).sum(1)) for row in u])


Compare = Callable[[Rows, Rows], NDArray[np.bool_]]


def prdc(
    real: Rows,
    generated: Rows,
    k: int,
    inside: Compare,
    measure: Callable[[Rows, Rows], Rows] = distances,
) -> Scores:
    """Balls reach to the k-th neighbour: the (k + 1)-th smallest of a row that has itself in it."""
    real_radii = np.sort(measure(real, real), axis=1)[:, k]
    generated_radii = np.sort(measure(generated, generated), axis=1)[:, k]
    between = measure(real, generated)
    in_real = inside(between, real_radii[:, None])
    in_generated = inside(between, generated_radii[None, :])
    return {
        "precision": float(in_real.any(0).mean()),
        "recall": float(in_generated.any(1).mean()),
        "density": float(in_real.sum(0).mean() / k),
        "coverage": float(inside(between.min(1), real_radii).mean()),
    }


def cubic(x: Rows, y: Rows) -> Rows:
    """(x.y / width + 1)^3."""
    return (x @ y.T / x.shape[1] + 1) ** 3


def unbiased_mmd(x: Rows, y: Rows) -> float:
    """Means over pairs of different rows within each set, less twice the mean between them."""

    def within(rows: Rows) -> float:
        k = cubic(rows, rows)
        n = len(rows)
        return float(sum(k[i, j] for i in range(n) for j in range(n) if i != j)) / (n * (n - 1))

    return within(x) + within(y) - 2 * float(cubic(x, y).mean())


def kid_of_stylegan(real: Rows, generated: Rows, seed: int) -> float:
    """100 subsets as large as the smaller set, at most 1,000; the generated are drawn first."""
    drawn = np.random.RandomState(seed)
    size = min(len(real), len(generated), 1000)
    values = []
    for _ in range(100):
        x = generated[drawn.choice(len(generated), size, replace=False)]
        y = real[drawn.choice(len(real), size, replace=False)]
        k, between = cubic(x, x) + cubic(y, y), cubic(x, y)
        within = (k.sum() - np.trace(k)) / (size * (size - 1))
        values.append(within - 2 * between.mean())
    return float(np.mean(values))


def blocks_of_tfgan(n: int, count: int) -> list[slice]:
    """As even as can be; the longer ones come last."""
    least, longer = n // count, n % count
    ends = np.cumsum([0] + [least] * (count - longer) + [least + 1] * longer)
    return [slice(int(a), int(b)) for a, b in pairwise(ends)]


def kid_of_tfgan(real: Rows, generated: Rows, most: int) -> tuple[float, float]:
    """The mean over blocks of at most `most` rows, and its standard error."""
    count = int(np.ceil(max(len(real), len(generated)) / most))
    values = [
        unbiased_mmd(real[r], generated[g])
        for r, g in zip(
            blocks_of_tfgan(len(real), count), blocks_of_tfgan(len(generated), count), strict=True
        )
    ]
    error = np.std(values, ddof=1) / np.sqrt(count) if count > 1 else np.nan
    return float(np.mean(values)), float(error)


# --- float16 ---


def half(values: Rows) -> Rows:
    """Rounded to float16, as float32."""
    return values.astype(np.float16).astype(np.float32)


def squares_of_adm(u: Rows, v: Rows) -> Rows:
    """Squared distances as ADM takes them: every term and every sum rounded to float16.

    Products are summed in float32 and rounded once, as a matrix product on an accelerator does.
    """
    u, v = half(u), half(v)
    sizes, others = (half(half(rows**2).sum(1)) for rows in (u, v))
    crossed = half(2 * half(u @ v.T))
    return np.maximum(half(half(sizes[:, None] - crossed) + others), 0)


def distances_of_stylegan(u: Rows, v: Rows) -> Rows:
    """Distances as torch's `cdist` takes them in float16: norms enter the product, rounded."""
    u, v = half(u), half(v)
    sizes, others = (half(half(rows**2).sum(1)) for rows in (u, v))
    squares = half(half(-2 * u) @ v.T + sizes[:, None] + others)
    return half(np.sqrt(np.maximum(squares, 0)))


# --- The six ---


class Networks(NamedTuple):
    """What the evaluators run."""

    inception: Inception
    vgg16: Vgg | None = None
    """NVIDIA's, for StyleGAN's precision and recall; None leaves these out."""


def adm(real: Images, generated: Images, networks: Networks, block: int = 5000) -> Scores:
    """guided-diffusion's ``evaluations/evaluator.py``, with exact distances."""
    x, y = (networks.inception(images, tf1) for images in (real, generated))
    found = prdc(x.pool, y.pool, 3, np.less_equal)
    return {
        "fid": frechet(x.pool, y.pool, ddof=1),
        "sfid": frechet(x.spatial, y.spatial, ddof=1),
        "is": inception_score(y.unbiased, in_blocks(len(y.pool), block)),
        "precision": found["precision"],
        "recall": found["recall"],
    }


def stylegan(real: Images, generated: Images, networks: Networks) -> Scores:
    """StyleGAN2-ADA's and 3's ``metrics``, seeded with 0, with exact distances."""
    x, y = (networks.inception(images, tf1) for images in (real, generated))
    scores = {
        "fid": frechet(x.pool, y.pool, ddof=0),
        "kid": kid_of_stylegan(x.pool, y.pool, 0),
        "is": inception_score(y.unbiased, in_splits(len(y.pool), 10)),
    }
    if networks.vgg16 is not None:
        found = prdc(networks.vgg16(real), networks.vgg16(generated), 3, np.less_equal)
        scores |= {name: found[name] for name in ("precision", "recall")}
    return scores


def edm(real: Images, generated: Images, networks: Networks) -> Scores:
    """EDM's ``fid.py``, and EDM2's FID."""
    x, y = (networks.inception(images, tf1) for images in (real, generated))
    return {"fid": frechet(x.pool, y.pool, ddof=1)}


def studiogan(real: Images, generated: Images, networks: Networks) -> Scores:
    """PyTorch-StudioGAN's ``src/metrics``, with its defaults."""
    x, y = (networks.inception(images, torch_legacy) for images in (real, generated))
    return {
        "fid": frechet(x.pool, y.pool, ddof=1),
        "is": inception_score(y.logits, in_splits(len(y.pool), 1)),
        **prdc(x.pool, y.pool, 5, np.less),
    }


def tfgan(real: Images, generated: Images, networks: Networks, block: int = 1024) -> Scores:
    """TF-GAN's ``classifier_metrics``, on images resized as its examples do."""
    x, y = (networks.inception(images, tf1) for images in (real, generated))
    return {
        "fid": frechet(x.pool, y.pool, ddof=1),
        "kid": kid_of_tfgan(x.pool, y.pool, block)[0],
    }


EVALUATORS: dict[str, Callable[[Images, Images, Networks], Scores]] = {
    "adm": adm,
    "stylegan": stylegan,
    "edm": edm,
    "edm2": edm,
    "studiogan": studiogan,
    "tfgan": tfgan,
}
"""Protocol => its tool's twin."""
