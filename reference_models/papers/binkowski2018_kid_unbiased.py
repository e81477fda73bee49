"""Bińkowski et al. 2018, figure 1: KID has no bias at any number of images, FID has."""

from typing import TYPE_CHECKING

import torch

from gandiag.metrics import frechet_distance, kernel_distance
from reference_models.papers.drawing import COLOURS, THEORY, canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.randomness import generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, SHIFT = 16, 0.5
SIZES = (10, 50, 100, 200, 500, 1000)
SIZES_AT = {"small": SIZES[:4], "default": SIZES, "full": SIZES}
REPEATS = {"small": 50, "default": 100, "full": 1000}


def cubic_mean(a: float, b: float, width: int) -> float:
    """E (x.y / width + 1)^3 of independent x ~ N(a 1, I) and y ~ N(b 1, I).

    With s = x.y and m = ab width: E s = m, E s^2 = width + width (a^2 + b^2) + m^2, and E s^3 =
    m^3 + 3 m width (a^2 + b^2) + 3 m (width + 2).
    """
    m, squares = a * b * width, width * (a**2 + b**2)
    second, third = width + squares + m**2, m**3 + 3 * m * squares + 3 * m * (width + 2)
    return 1 + 3 * m / width + 3 * second / width**2 + third / width**3


def true_kid(shift: float, width: int) -> float:
    """The squared MMD of N(0, I) and N(shift 1, I) with the cubic kernel."""
    between = cubic_mean(0.0, shift, width)
    return cubic_mean(0.0, 0.0, width) + cubic_mean(shift, shift, width) - 2 * between


def leading_fid(n: int, width: int) -> float:
    """E of the Fréchet distance of two samples of N(0, I), to first order in 1/n.

    2 width / n of the means, and |S_1 - S_2|^2 / 4 of the covariances, whose entries off the
    diagonal have the variance 1/n, those on it 2/n.
    """
    return (2 * width + width * (width + 1) / 2) / n


def run(budget: Budget, seed: int) -> Result:
    """Both distances between two samples of one distribution, and KID of two that differ."""
    measured = {}
    for n in SIZES_AT[budget]:
        kids, shifted, distances = [], [], []
        for repeat in range(REPEATS[budget]):
            rng = generator("kid", seed, n, repeat)
            x, y = (torch.randn(n, WIDTH, generator=rng, dtype=torch.float64) for _ in range(2))
            kids.append(kernel_distance(x, y))
            shifted.append(kernel_distance(x, y + SHIFT))
            distances.append(frechet_distance(x, y))
        measured[f"kid at {n}"] = Measured.of(kids)
        measured[f"shifted kid at {n}"] = Measured.of(shifted)
        measured[f"fd at {n}"] = Measured.of(distances)
    return Result(measured)


def draw(result: Result) -> "Figure":
    """Both against n, with the deviation of one evaluation, as in the paper's figure."""
    sizes = [n for n in SIZES if f"kid at {n}" in result.measured]
    figure = canvas(3, width=4.2)
    titles = (
        ("kid", "KID, equal distributions"),
        ("shifted kid", "KID, one shifted"),
        ("fd", "Fréchet distance, equal distributions"),
    )
    for axes, (name, title), colour in zip(figure.axes, titles, COLOURS, strict=False):
        ours = [result.measured[f"{name} at {n}"] for n in sizes]
        mean = [each.value for each in ours]
        axes.errorbar(sizes, mean, [each.spread for each in ours], color=colour, fmt="o-")
        axes.set(xscale="log", xlabel="images of each set", title=title)
    left, middle, right = figure.axes
    left.axhline(0.0, color=THEORY, linestyle="--")
    middle.axhline(true_kid(SHIFT, WIDTH), color=THEORY, linestyle="--", label="true value")
    middle.legend()
    first_order = [leading_fid(n, WIDTH) for n in sizes]
    right.plot(sizes, first_order, color=THEORY, linestyle="--", label="first order in 1/n")
    right.set(yscale="log")
    right.legend()
    return figure


def _unbiased(name: str, what: str, value: float) -> tuple[Published, ...]:
    return tuple(
        Published(
            f"{name} at {n}",
            f"{what}, {n:,} images of each",
            "same protocol",
            "derived",
            value,
            error=0.0,
            source="the estimate is unbiased (equation 4): its mean is the distance, in closed "
            "form",
        )
        for n in SIZES
    )


EXPERIMENT = Experiment(
    name="binkowski2018-kid-unbiased",
    citation="Bińkowski, Sutherland, Arbel & Gretton 2018, Demystifying MMD GANs, figure 1",
    claim="The mean of KID does not depend on the number of images, while FID between two samples "
    "of the same images falls with it and is far from 0 even at 10,000.",
    protocol="The paper takes Inception features of CIFAR-10's training and test images, 100 "
    "repeats at each n. Ours are normal features of width 16, 100 repeats, for which the distance "
    "is known: KID is held to it, of equal distributions and of two that differ by .5 in each "
    "feature. FID's values are of those features, so that only its fall is judged.",
    published=(
        *_unbiased("kid", "KID between two samples of one distribution", 0.0),
        *_unbiased("shifted kid", "KID between distributions that differ", true_kid(SHIFT, WIDTH)),
        Published(
            "fd at 100",
            "FID between two samples falls from 100 images to 1,000",
            "scaled",
            "confirmed",
            None,
            above="fd at 1000",
            source="figure 1",
        ),
        Published(
            "fd at 1000",
            "FID still at the largest n (theirs: 10,000)",
            "scaled",
            "confirmed",
            8.1,
            source="figure 1, 'even at n = 10000 about 8.1'",
        ),
        Published(
            "fd at 1000",
            "Fréchet distance between two samples of 1,000, to first order",
            "exact",
            "derived",
            leading_fid(1000, WIDTH),
            tolerance=0.05 * leading_fid(1000, WIDTH),
            source="5 %: the next order is width / n = 1.6 %, and the mean's error 1 %",
        ),
    ),
    seconds={"small": 1, "default": 20, "full": 200},
    run=run,
    draw=draw,
)
