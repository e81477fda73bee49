"""Barratt & Sharma 2018: the Inception Score depends on how many images are in a split."""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gandiag.metrics import InceptionScore, inception_infinity, inception_score
from reference_models.papers.drawing import COLOURS, THEORY, canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.randomness import generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASSES, IMAGES = 1000, 50_000
REPEATS = {"small": 0, "default": 12, "full": 50}
EXTRAPOLATED = 2
"""Repeats that are extrapolated too, which takes thrice as long as all else."""
FEW_CLASSES, FEW_IMAGES, FEW_REPEATS = 20, 1000, 200
"""The same in little, for any budget."""
SPLITS = (1, 2, 10)
CERTAIN = 100.0
"""A logit beside zeros: a probability of 1 to the last bit."""


def expected_score(classes: int, n: int) -> float:
    """E of the Inception Score of n certain predictions, uniform over `classes`.

    The score is exp(H) of the shares, whose mean entropy is log n - classes / n E[k log k], k
    binomial (n, 1 / classes), exactly; the variance of H is (classes - 1) / 2n^2 to first order,
    of which exp makes half.
    """
    from scipy.stats import binom  # here, for it takes a second

    k = np.arange(1, n + 1)
    entropy = math.log(n) - classes / n * float(binom.pmf(k, n, 1 / classes) @ (k * np.log(k)))
    return math.exp(entropy + (classes - 1) / (4 * n**2))


def certain(labels: Tensor, classes: int) -> Tensor:
    """(n,) int64 => (n, classes) float32 logits of predictions without doubt."""
    logits = torch.zeros(len(labels), classes)
    logits[torch.arange(len(labels)), labels] = CERTAIN
    return logits


def drawn(classes: int, n: int, *path: int | str) -> Tensor:
    """Logits of a perfect generator: uniform over the classes, and certain."""
    return certain(torch.randint(classes, (n,), generator=generator("is", *path)), classes)


def split_scores(logits: Tensor, splits: int) -> list[float]:
    """The score of each split, as the metric cuts them; what is published is their mean."""
    return [inception_score(each) for each in InceptionScore(splits=splits).split(logits)]


def run(budget: Budget, seed: int) -> Result:
    """A perfect generator's scores, by how many splits are made of its images."""
    few = [drawn(FEW_CLASSES, FEW_IMAGES, seed, "few", i) for i in range(FEW_REPEATS)]
    balanced = certain(torch.arange(FEW_IMAGES) % FEW_CLASSES, FEW_CLASSES)
    measured = {
        "highest": Measured(inception_score(balanced)),
        "lowest": Measured(inception_score(torch.zeros(FEW_IMAGES, FEW_CLASSES))),
        **{
            f"few, {splits}": Measured.of([float(np.mean(split_scores(x, splits))) for x in few])
            for splits in SPLITS
        },
    }
    many: dict[int, list[float]] = {splits: [] for splits in SPLITS}
    endless = []
    for repeat in range(REPEATS[budget]):
        logits = drawn(CLASSES, IMAGES, seed, "many", repeat)
        for splits in SPLITS:
            many[splits].append(float(np.mean(split_scores(logits, splits))))
        if repeat < EXTRAPOLATED:
            endless.append(inception_infinity(logits, seed=seed).value)
    if endless:
        measured |= {f"many, {splits}": Measured.of(many[splits]) for splits in SPLITS}
        measured["endless"] = Measured.of(endless)
    return Result(measured)


def draw(result: Result) -> "Figure":
    """The score of a perfect generator against the size of a split."""
    shown = [("few", FEW_CLASSES, FEW_IMAGES), ("many", CLASSES, IMAGES)]
    shown = [each for each in shown if f"{each[0]}, 1" in result.measured]
    figure = canvas(len(shown))
    for axes, (name, classes, images) in zip(figure.axes, shown, strict=True):
        sizes = np.unique(np.geomspace(images / 20, images, 30).astype(int))
        expected = [expected_score(classes, int(n)) for n in sizes]
        axes.plot(sizes, expected, color=THEORY, label="expected, closed form")
        ours = [result.measured[f"{name}, {splits}"] for splits in SPLITS]
        axes.errorbar(
            [images // splits for splits in SPLITS],
            [each.value for each in ours],
            [3 * each.error for each in ours],
            fmt="o",
            color=COLOURS[0],
            label=f"ours: {images:,} images in 10, 2 and 1 splits",
        )
        if name == "many":
            endless = result.measured["endless"]
            axes.axhline(endless.value, color=COLOURS[0], linestyle=":", label="ours, extrapolated")
        axes.axhline(classes, color=THEORY, linestyle="--", label="the true score")
        axes.set(
            xlabel="images in a split",
            ylabel="Inception Score",
            title=f"A perfect generator of {classes:,} classes",
        )
        axes.legend(fontsize=8)
    return figure


def _expected(name: str, what: str, classes: int, n: int) -> Published:
    return Published(
        name,
        what,
        "same protocol",
        "derived",
        expected_score(classes, n),
        error=0.0,
        source="mean entropy of multinomial shares, in closed form",
    )


EXPERIMENT = Experiment(
    name="barratt2018-is",
    citation="Barratt & Sharma 2018, A Note on the Inception Score",
    claim="The Inception Score lies between 1 and the number of classes, and the same images have "
    "another score when they are split otherwise.",
    protocol="A generator that is perfect, as far as the score can see: each image certainly of "
    "one class, the classes uniform. Of 50,000 images of 1,000 classes the mean over 10 splits, as "
    "it is mostly printed, over 2 and over 1, and extrapolated to endless images. The note's own "
    "table needs Inception and ImageNet; what is judged follows from the score's definition.",
    published=(
        Published(
            "highest",
            "predictions certain and balanced: the number of classes",
            "exact",
            "derived",
            float(FEW_CLASSES),
            tolerance=1e-9,
            source="the score's bounds; rounding",
        ),
        Published(
            "lowest",
            "predictions all alike",
            "exact",
            "derived",
            1.0,
            tolerance=1e-9,
            source="the score's bounds; rounding",
        ),
        *(
            _expected(
                f"few, {splits}",
                f"{FEW_IMAGES:,} images of {FEW_CLASSES} classes, mean over {splits} splits",
                FEW_CLASSES,
                FEW_IMAGES // splits,
            )
            for splits in SPLITS
        ),
        *(
            _expected(
                f"many, {splits}",
                f"{IMAGES:,} images of {CLASSES:,} classes, mean over {splits} splits",
                CLASSES,
                IMAGES // splits,
            )
            for splits in SPLITS
        ),
        Published(
            "endless",
            f"the same images, extrapolated: within .5 % of {CLASSES:,}",
            "exact",
            "derived",
            float(CLASSES),
            tolerance=0.005 * CLASSES,
            source="Chong & Forsyth 2020; a line in 1/N misses what is of second order, 1/2 "
            "((C - 1) / 2N)^2, .5 % at the smallest subset of 5,000",
        ),
    ),
    seconds={"small": 1, "default": 150, "full": 500},
    run=run,
    draw=draw,
)
