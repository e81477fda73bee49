"""A recipe's published values, and the same of ours: which images, how many, which tool."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

import gandiag
from gandiag.errors import GandiagError
from gandiag.metrics import Coverage, InceptionScore, Metric, mode_coverage
from gandiag.sources import GeneratedImages, open_source
from gandiag.sources.mixtures import MIXTURES
from reference_models.data import Data, Split, open_data
from reference_models.data.images import Images, Stacked
from reference_models.papers.counting import counter_of
from reference_models.papers.experiment import Measured
from reference_models.randomness import seed_of
from reference_models.recipe import Recipe, Target

DRAWS = 3
"""Sets of samples, each of the size that was published, that a number is the mean of."""
WHOLE = 50_000
"""Generated images where their number is not stated."""

Draw = Callable[[int], GeneratedImages]
"""Seed => samples of the generator that is judged."""
Advance = Callable[[int], None]
Scores = Callable[[GeneratedImages], float]

TOOLS: Mapping[str, str] = {"mimicry": "mimicry", "StudioGAN": "studiogan"}
"""Word in a target's source => the protocol of its tool; ``adm`` elsewhere, which takes the 2015
graph as it is, as the papers with TensorFlow did."""
OUTPUTS: Mapping[str, str] = {
    "inception score": "is",
    "fid": "fid",
    "kid": "kid",
    "intra-class fid": "intra_fid",
}
"""A target's metric => the row of a report."""


class Way(NamedTuple):
    """How a target of images is measured."""

    protocol: str
    """Of `gandiag.score`."""
    metric: str | Metric
    n_generated: int
    n_real: int | None
    """None: all there are; drawn at random otherwise, as no source says which."""
    splits: tuple[Split, ...]
    """Of our data, that make up the published real images."""


def key(target: Target) -> str:
    """What the number is called among the measured: its sizes are a part of it."""
    sizes = (f"{n:,}" if n else "?" for n in (target.n_real, target.n_generated))
    return f"{target.metric}, {' / '.join(sizes)}"


def way(target: Target) -> Way:
    """How a target of images is measured."""
    protocol = next((tool for word, tool in TOOLS.items() if word in target.source), "adm")
    n = target.n_generated or WHOLE
    metric: str | Metric = "fid"
    if target.metric == "inception score":
        metric = InceptionScore(splits=10) if protocol == "adm" else "is"
        # Ten times 5,000 samples are ten splits of 50,000.
        n *= 10 if "10 times" in target.protocol else 1
    elif target.metric == "kid":
        protocol, metric = "mmd-gan" if protocol == "adm" else protocol, "kid"
    test = "against the test set" in target.protocol
    splits: tuple[Split, ...] = ("reference",) if test else ("train", "heldout")
    return Way(protocol, metric, n, target.n_real, splits)


class Real(Dataset[Any]):
    """Splits of a set as `gandiag` scores them: (3, h, w) uint8, with a label if there are any."""

    def __init__(self, data: Images, splits: tuple[Split, ...]):
        self.classes = data.classes
        self.places = [(data.pools[name], row) for name in splits for row in data.pools[name].rows]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, place: int) -> Any:
        pool, row = self.places[place]
        image = torch.from_numpy(pool.images[int(row)].copy()).expand(3, -1, -1)
        return (image, int(pool.labels[row])) if self.classes else image


def measure(
    recipe: Recipe, draw: Draw, seed: int, device: torch.device, advance: Advance
) -> dict[str, Measured]:
    """Each target's number, as the mean over `DRAWS` sets of samples.

    Distances within classes are left out of a generator that cannot be asked for a class.

    Args:
        recipe: whose targets and data.
        draw: samples of the generator.
        seed: of the samples, and of the draw of real images.
        device: where networks run.
        advance: told of each number of each set.

    Raises:
        GandiagError: data or weights are not here, or the samples do not fit them.
    """
    data = open_data(recipe.data, recipe.resolution)
    sets = [draw(seed_of("samples", seed, repeat)) for repeat in range(DRAWS)]
    for each in sets:
        check_samples(each, data.shape)
    found: dict[str, list[float]] = {}
    for name, value in scores_of(recipe, data, seed, device).items():
        for each in sets:
            found.setdefault(name, []).append(value(each))
            advance(1)
    return {name: Measured.of(each) for name, each in found.items()}


def scores_of(recipe: Recipe, data: Data, seed: int, device: torch.device) -> dict[str, Scores]:
    """Of each target's name, what takes samples and gives its number."""
    if isinstance(data, Images):
        chosen = [
            target
            for target in recipe.targets
            if target.metric != "intra-class fid" or recipe.networks.condition_g != "none"
        ]
        return {key(target): _score(target, data, seed, device) for target in chosen}
    count: Callable[[Tensor], Coverage]
    if isinstance(data, Stacked):
        count = counter_of(data.grey, device).count
    else:
        mixture = MIXTURES[recipe.data.removesuffix("-100k")]

        def count(rows: Tensor) -> Coverage:
            return mode_coverage(rows, mixture.means, mixture.sd)

    return {key(target): _count(target, count) for target in recipe.targets}


def _score(target: Target, data: Images, seed: int, device: torch.device) -> Scores:
    how = way(target)
    real = open_source(Real(data, how.splits), name=data.name)
    assert not isinstance(real, gandiag.sources.StatisticsFile)
    scorer = gandiag.Scorer(
        real if how.n_real is None else real.limit(how.n_real, seed),
        protocol=how.protocol,
        metrics=(how.metric,),
        per_class=target.metric == "intra-class fid",
        device=device,
    )

    def score(samples: GeneratedImages) -> float:
        return scorer(samples.limit(how.n_generated, 0))[OUTPUTS[target.metric]].value

    return score


def _count(target: Target, count: Callable[[Tensor], Coverage]) -> Scores:
    def score(samples: GeneratedImages) -> float:
        limited = samples.limit(target.n_generated or WHOLE, 0)
        found = count(torch.cat([each.images for each in limited.batches(1000)]))
        return float(found.covered) if target.metric == "modes" else found.reverse_kl

    return score


def check_samples(samples: GeneratedImages, shape: tuple[int, ...]) -> None:
    """Look at a few samples before the long work.

    Raises:
        GandiagError: they are of another shape than the recipe's data.
    """
    (few,) = samples.limit(2, 0).batches(2)
    came, due = tuple(few.images.shape[1:]), (3, *shape[1:]) if len(shape) == 3 else shape
    if came != due:
        raise GandiagError(
            f"{samples.name} makes samples of shape {came}, and the published numbers are of "
            f"{due}; give the generator of that recipe"
        )
