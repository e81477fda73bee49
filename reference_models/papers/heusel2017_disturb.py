"""Heusel et al. 2017, section 3: FID rises with how much images are disturbed."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn.functional import grid_sample

from gandiag.extractors import ADM, FeatureExtractor, open_extractor
from gandiag.extractors.resizing import RESIZES
from gandiag.metrics import frechet_distance
from reference_models.data.images import to_bytes, to_float
from reference_models.papers.drawing import COLOURS, PAPER, canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.randomness import generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE = 64
"""Of a patch; as CelebA there."""
NAMES = ("none", "weak", "medium", "strong")
REFERENCE = {"small": 24, "default": 400}
SET = {"small": 4, "default": 80}
"""Patches of one set, whose distance to the reference is one repeat."""
REPEATS = 4
RECTANGLES = 5
RADIUS = 70.0
BORDER = 3
INCEPTION = 299
"""The side that the network of 2015 resizes images to."""


def noise(images: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """(1 - a) X + a N, N normal and stretched to the whole range by its own extremes."""
    drawn = torch.randn(images.shape, generator=rng)
    low, high = drawn.amin((1, 2, 3), keepdim=True), drawn.amax((1, 2, 3), keepdim=True)
    return (1 - share) * images + share * (2 * (drawn - low) / (high - low) - 1)


def blur(images: Tensor, sd: float, rng: torch.Generator) -> Tensor:
    """A Gaussian kernel of this deviation in pixels."""
    return torch.from_numpy(gaussian_filter(images.numpy(), (0, 0, sd, sd)))


def rectangles(images: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Five black squares, their side this share of the image's, anywhere within it."""
    side = images.shape[-1]
    length = round(share * side)
    corners = torch.randint(side - length + 1, (len(images), RECTANGLES, 2), generator=rng)
    images = images.clone()
    for image, places in zip(images, corners.tolist(), strict=True):
        for top, left in places:
            image[:, top : top + length, left : left + length] = -1
    return images


def swirl(images: Tensor, strength: float, rng: torch.Generator) -> Tensor:
    """Turned about the middle by s exp(-rho / r), r = R log 2 / 5, either way; the border stays.

    scikit-image's swirl, which the paper's code calls with the radius R = 70 for CelebA.
    """
    n, _, side, _ = images.shape
    ticks = torch.arange(side) - (side - 1) / 2
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    rho = torch.hypot(x, y)
    turn = strength * torch.exp(-rho / (RADIUS * math.log(2) / 5))
    way = 2.0 * torch.randint(2, (n, 1, 1), generator=rng) - 1
    theta = torch.atan2(y, x) + way * turn
    source = torch.stack([rho * theta.cos(), rho * theta.sin()], dim=3) / ((side - 1) / 2)
    turned = grid_sample(images, source, padding_mode="border", align_corners=True)
    inside = slice(BORDER, side - BORDER)
    images = images.clone()
    images[:, :, inside, inside] = turned[:, :, inside, inside]
    return images


def salt_and_pepper(images: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """This share of the pixels is black or white, in all channels."""
    n, _, height, width = images.shape
    drawn = torch.rand(n, 1, height, width, generator=rng)
    colour = 2.0 * torch.randint(2, drawn.shape, generator=rng) - 1
    return torch.where(drawn < share, colour, images)


class Disturbance(NamedTuple):
    """What is done to images, how much, and what the paper found."""

    do: Callable[[Tensor, float, torch.Generator], Tensor] | None
    """None: a share of the images is replaced by other ones."""
    amounts: tuple[float, float, float]
    fids: tuple[float, float, float]


KINDS: Mapping[str, Disturbance] = {
    "noise": Disturbance(noise, (0.25, 0.5, 0.75), (41.6, 76.3, 218.0)),
    "blur": Disturbance(blur, (1.0, 2.0, 4.0), (13.8, 73.9, 229.0)),
    "rectangles": Disturbance(rectangles, (0.25, 0.5, 0.75), (123.0, 178.0, 249.0)),
    "swirl": Disturbance(swirl, (1.0, 2.0, 4.0), (4.8, 15.4, 139.0)),
    "salt and pepper": Disturbance(salt_and_pepper, (0.1, 0.2, 0.3), (371.0, 383.0, 381.0)),
    "other images": Disturbance(None, (0.25, 0.5, 0.75), (33.3, 85.7, 149.0)),
}
UNDISTURBED = 0.7
"""The published FID of images against the set that they were taken from."""


def patches(picture: str, count: int, rng: torch.Generator) -> Tensor:
    """(count, 3, SIDE, SIDE) float32 in [-1, 1], anywhere from a photograph of scikit-learn."""
    from sklearn.datasets import load_sample_image

    # A copy: the array is read only.
    image = to_float(torch.tensor(load_sample_image(picture))).permute(2, 0, 1)
    tops = torch.randint(image.shape[1] - SIDE + 1, (count,), generator=rng).tolist()
    lefts = torch.randint(image.shape[2] - SIDE + 1, (count,), generator=rng).tolist()
    cut = [image[:, i : i + SIDE, j : j + SIDE] for i, j in zip(tops, lefts, strict=True)]
    return torch.stack(cut)


def disturbed(kind: str, images: Tensor, amount: float, *path: int | str) -> Tensor:
    """The images after it; the randomness is that of the path."""
    rng = generator(kind, str(amount), *path)
    do = KINDS[kind].do
    if do is not None:
        return do(images, amount, rng)
    replaced = round(amount * len(images))
    return torch.cat([patches("flower.jpg", replaced, rng), images[replaced:]])


def features(extractor: FeatureExtractor, images: Tensor) -> Tensor:
    """(n, width)."""
    with torch.no_grad():
        found = extractor(extractor.prepare(to_bytes(images)), (extractor.features,))
    return found[extractor.features]


def shift() -> float:
    """How far the 2015 graph's resize moves a picture of this side to the left, in its pixels.

    Of a ramp of one level a pixel, a value tells the place that it was taken from. The last
    pixel, beyond which there is none, is left out.
    """
    ramp = torch.arange(SIDE, dtype=torch.uint8).expand(1, 3, SIDE, SIDE)
    resized = RESIZES[ADM.resize](ramp, INCEPTION, torch.device("cpu"))[0, 0, 0].double()
    centres = (torch.arange(INCEPTION) + 0.5) * SIDE / INCEPTION - 0.5
    inside = (centres > 0) & (centres < SIDE - 2)
    return float((resized - centres)[inside].mean())


def run(budget: Budget, seed: int) -> Result:
    """The distance of each disturbed set to the undisturbed reference."""
    extractor = open_extractor("lite0", device=torch.device("cpu"))
    whole = patches("china.jpg", REFERENCE[budget], generator("reference", seed))
    reference = features(extractor, whole)
    found: dict[str, list[float]] = {}
    for repeat in range(REPEATS):
        images = patches("china.jpg", SET[budget], generator("set", seed, repeat))
        sets = {"none": images}
        for kind, each in KINDS.items():
            for name, amount in zip(NAMES[1:], each.amounts, strict=True):
                if budget != "small" or (kind, name) == ("salt and pepper", "weak"):
                    sets[f"{kind}, {name}"] = disturbed(kind, images, amount, seed, repeat)
        for name, some in sets.items():
            distance = frechet_distance(reference, features(extractor, some))
            found.setdefault(name, []).append(distance)
    measured = {name: Measured.of(each) for name, each in found.items()}
    return Result({"shift": Measured(shift()), **measured})


def draw(result: Result) -> "Figure":
    """Distances by level, ours on the left and the published on the right; a patch at each."""
    figure = canvas(3, 4, width=4.4, height=2.0)
    rows = [figure.axes[start : start + 3] for start in range(0, 12, 3)]
    panels, strips = rows[0] + rows[2], rows[1] + rows[3]
    example = patches("china.jpg", 1, generator("example", 8))
    for panel, strip, (kind, each) in zip(panels, strips, KINDS.items(), strict=True):
        names = ["none", *(f"{kind}, {level}" for level in NAMES[1:])]
        there = [i for i, name in enumerate(names) if name in result.measured]
        ours = [result.measured[names[i]] for i in there]
        panel.errorbar(
            there,
            [one.value for one in ours],
            [3 * one.error for one in ours],
            fmt="o-",
            color=COLOURS[0],
        )
        other = panel.twinx()
        other.plot(range(4), (UNDISTURBED, *each.fids), "D", color=PAPER, fillstyle="none")
        other.set_ylim(bottom=0)
        other.tick_params(axis="y", colors=PAPER)
        panel.tick_params(axis="y", colors=COLOURS[0])
        panel.set_ylim(bottom=0)
        panel.set_xticks(range(4), ["none", *(f"{amount:g}" for amount in each.amounts)])
        panel.set_title(kind)
        if panel in (panels[0], panels[3]):
            panel.set_ylabel("Fréchet distance, lite0", color=COLOURS[0])
        if panel in (panels[2], panels[5]):
            other.set_ylabel("FID, published", color=PAPER)
        # Four of it, so that a quarter of them can be replaced; which are the first.
        levels = [
            disturbed(kind, example.repeat(4, 1, 1, 1), amount, "example")[0]
            for amount in each.amounts
        ]
        shown = torch.cat([example[0], *levels], dim=2)
        strip.imshow(to_bytes(shown).permute(1, 2, 0).numpy())
        strip.axis("off")
    return figure


def _declared(kind: str, each: Disturbance) -> tuple[Published, ...]:
    names = ("none", *(f"{kind}, {level}" for level in NAMES[1:]))
    return tuple(
        Published(
            name,
            name if exempt else f"{name}: above {before.rpartition(', ')[2]}",
            "scaled",
            "confirmed",
            value,
            above=None if exempt else before,
            source=f"{_SOURCE}; published as 383, then 381, and so not asked for"
            if exempt
            else _SOURCE,
        )
        for before, name, value in zip(names, names[1:], each.fids, strict=False)
        for exempt in (name == "salt and pepper, strong",)
    )


_SOURCE = "bioinf-jku/TTUR@73ab375, FID_vs_Inception_Score/figures/table_FID_vs_Inc.pdf"
EXPERIMENT = Experiment(
    name="heusel2017-disturb",
    citation="Heusel, Ramsauer, Unterthiner, Nessler & Hochreiter 2017, GANs Trained by a Two "
    "Time-Scale Update Rule, section 3 and its code",
    claim="FID rises with the level of each of six disturbances: noise, blur, black rectangles, "
    "swirl, salt and pepper, and images of another set.",
    protocol="The paper's six disturbances at its levels, of patches of 64 x 64 pixels. There, "
    "50,000 images of CelebA against all of it with Inception, contaminated with ImageNet; here, "
    "four sets of 80 patches of one photograph that comes with scikit-learn (china) against 400, "
    "with lite0, contaminated with patches of the other (flower). Each level must lie above the "
    "one before, but for the last of salt and pepper, which the paper itself does not find.",
    published=(
        Published(
            "shift",
            "pixels by which the resize before the network of the paper moves an image",
            "exact",
            "derived",
            (1 - SIDE / INCEPTION) / 2,
            tolerance=1e-4,
            source="pixel i is taken at i in / out, not at (i + .5) in / out - .5; float32",
        ),
        Published("none", "undisturbed", "scaled", "confirmed", UNDISTURBED, source=_SOURCE),
        *(one for kind, each in KINDS.items() for one in _declared(kind, each)),
    ),
    seconds={"small": 3, "default": 110},
    run=run,
    draw=draw,
)
