"""What the judge knows of each set of data: classes, features, real samples and a unit."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from gandiag.extractors import open_extractor
from gandiag.metrics import exact_wasserstein, frechet_distance
from gandiag.sources.mixtures import MIXTURES
from reference_models.data import open_data
from reference_models.data.images import to_bytes

COUNT = 1000
"""Real samples that the judge compares with; digits have 360."""
NONE = -1
"""The class of a point that is nearer to the middle between modes than to any of them."""

Classify = Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class World:
    """A set of data, as its judge sees it.

    Attributes:
        classes: modes, or classes.
        classify: samples as the data has them => features (n, d) and classes (n,), `NONE` of none.
        features, labels: of real samples that neither training nor the monitor sees.
        distance: of features from those: exact W1 of points, Fréchet of images; in units of what
            real samples of the first half of the classes are away.
    """

    classes: int
    classify: Classify
    features: Tensor
    labels: Tensor
    distance: Callable[[Tensor], float]


@cache
def open_world(name: str) -> World:
    """By the name of the data."""
    data = open_data(name)
    x, y = data.split("reference", COUNT)
    mixture = MIXTURES.get(name)
    classify = _nearest(mixture.means) if mixture else _classified(name)
    features, _ = classify(x)
    measure = _transport if mixture else _frechet
    half_x, half_y = data.split("heldout", COUNT)
    few, _ = classify(half_x[half_y < len(data.classes) // 2])
    unit = measure(features, few)
    return World(
        len(data.classes), classify, features, y, lambda found: measure(features, found) / unit
    )


def _transport(real: Tensor, found: Tensor) -> float:
    return float(exact_wasserstein(real.numpy(), found.numpy(), order=1))


def _frechet(real: Tensor, found: Tensor) -> float:
    return float(frechet_distance(real.numpy(), found.numpy()))


def _nearest(means: Tensor) -> Classify:
    """The mode that a point belongs to: within half of the least distance between two."""
    apart = torch.cdist(means, means).fill_diagonal_(torch.inf).min() / 2

    def classify(x: Tensor) -> tuple[Tensor, Tensor]:
        far, mode = torch.cdist(x, means).min(1)
        return x, torch.where(far < apart, mode, NONE)

    return classify


def _classified(name: str) -> Classify:
    network = open_extractor(name, device=torch.device("cpu"))

    def classify(x: Tensor) -> tuple[Tensor, Tensor]:
        found = network(network.prepare(to_bytes(x).expand(-1, 3, -1, -1)), ("features", "logits"))
        return found["features"], found["logits"].argmax(1)

    return classify
