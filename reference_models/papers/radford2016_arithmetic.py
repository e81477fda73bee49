"""Radford et al. 2016, section 6: arithmetic with latents, and ways between them."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gandiag.extractors import FeatureExtractor, open_extractor
from gandiag.generators import lerp
from reference_models.data.images import to_bytes
from reference_models.generator import Latent, sampler_of
from reference_models.papers.drawing import canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.randomness import generator, seed_of
from reference_models.recipe import replace
from reference_models.recipes import find_recipe
from reference_models.trainer import prepare

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS = {"small": 100, "default": 2000}
POOL = {"small": 500, "default": 10_000}
"""Latents whose samples are looked through for exemplars."""
SETS = {"small": 2, "default": 10}
"""Of QUESTIONS each, or so many ways: a repeat each."""
QUESTIONS = 100
EXEMPLARS = 3
DIGITS = 10
TICKS = 7
SHOWN = 6


class Question(NamedTuple):
    """(a, b) - (c, b) + (c, d) = (a, d), for the digits of the first two channels of a stack."""

    a: int
    b: int
    c: int
    d: int

    @property
    def concepts(self) -> tuple[tuple[int, int], ...]:
        """The three that are averaged."""
        return (self.a, self.b), (self.c, self.b), (self.c, self.d)


def judged(classifier: FeatureExtractor, images: Tensor) -> tuple[Tensor, Tensor]:
    """The digits of the first two channels (n, 2), and how sure the classifier is of all three."""
    logits = classifier(classifier.prepare(to_bytes(images)), ("logits",))["logits"]
    sure, triple = logits.softmax(dim=1).max(dim=1)
    return torch.stack([triple // DIGITS**2, triple // DIGITS % DIGITS], dim=1), sure


def questions(digits: Tensor, count: int, least: int, rng: torch.Generator) -> list[Question]:
    """By chance, of those for whose concepts the pool has at least so many exemplars."""
    places = torch.bincount(DIGITS * digits[:, 0] + digits[:, 1], minlength=DIGITS**2)
    there = places.reshape(DIGITS, DIGITS) >= least
    asked = [
        Question(a, b, c, d)
        for a in range(DIGITS)
        for b in range(DIGITS)
        for c in range(DIGITS)
        for d in range(DIGITS)
        if a != c and b != d and there[a, b] and there[c, b] and there[c, d]
    ]
    drawn = torch.randint(len(asked), (count,), generator=rng).tolist()
    return [asked[i] for i in drawn]


def exemplars(z: Tensor, digits: Tensor, of: Question, rng: torch.Generator) -> Tensor:
    """(3, EXEMPLARS, width): latents whose samples show each of the three concepts."""
    found = []
    for first, second in of.concepts:
        rows = ((digits[:, 0] == first) & (digits[:, 1] == second)).nonzero()[:, 0]
        found.append(z[rows[torch.randperm(len(rows), generator=rng)[:EXEMPLARS]]])
    return torch.stack(found)


def arithmetic(shown: Tensor, count: int) -> Tensor:
    """(questions, 3, EXEMPLARS, width) => (questions, width), from the first so many exemplars."""
    first, second, third = shown[:, :, :count].mean(dim=2).unbind(dim=1)
    return first - second + third


def of_arithmetic(
    g: Latent, classifier: FeatureExtractor, pool: tuple[Tensor, Tensor], seed: int, repeat: int
) -> tuple[dict[str, float], Tensor]:
    """Shares of answers that are right, lengths of their latents; and a sheet to look at."""
    rng = generator("questions", seed, repeat)
    z, digits = pool
    asked = questions(digits, QUESTIONS, EXEMPLARS, rng)
    shown = torch.stack([exemplars(z, digits, each, rng) for each in asked])
    wanted = torch.tensor([(each.a, each.d) for each in asked])
    latents = {
        "three": arithmetic(shown, EXEMPLARS),
        "single": arithmetic(shown, 1),
        "chance": torch.randn(len(asked), g.z_dim, generator=rng),
    }
    found = {}
    for name, each in latents.items():
        seen, _ = judged(classifier, g(each))
        found[f"right, {name}"] = float((seen == wanted).all(dim=1).double().mean())
        length = each.square().sum(dim=1).mean().sqrt() / math.sqrt(g.z_dim)
        found[f"length, {name}"] = float(length)
    means = shown[:SHOWN].mean(dim=2)
    columns = torch.cat([means, latents["three"][:SHOWN, None]], dim=1)
    return found, g(columns.flatten(0, 1))


def of_ways(
    g: Latent, classifier: FeatureExtractor, seed: int, repeat: int
) -> tuple[dict[str, float], Tensor]:
    """How sure the classifier is halfway between latents, and between the pixels of their ends."""
    ends = torch.randn(2, QUESTIONS, g.z_dim, generator=generator("ways", seed, repeat))
    samples = g(ends[0]), g(ends[1])
    half = torch.full((QUESTIONS,), 0.5)
    middles = {
        "latents": g(lerp(ends[0], ends[1], half)),
        "pixels": (samples[0] + samples[1]) / 2,
        "ends": samples[0],
    }
    found = {
        f"sure, {name}": float(judged(classifier, each)[1].double().mean())
        for name, each in middles.items()
    }
    ticks = torch.linspace(0, 1, TICKS)
    first, last = ends[:, :SHOWN].repeat_interleave(TICKS, dim=1)
    return found, g(lerp(first, last, ticks.repeat(SHOWN)))


@torch.no_grad()
def looked_at(g: Latent, budget: Budget, seed: int) -> Result:
    """All that is asked of a generator."""
    classifier = open_extractor("stacked-digits", device=torch.device("cpu"))
    z = torch.randn(POOL[budget], g.z_dim, generator=generator("pool", seed))
    digits, _ = judged(classifier, g(z))
    found: dict[str, list[float]] = {}
    series = {}
    for repeat in range(SETS[budget]):
        answers, sheet = of_arithmetic(g, classifier, (z, digits), seed, repeat)
        middles, ways = of_ways(g, classifier, seed, repeat)
        for name, value in (answers | middles).items():
            found.setdefault(name, []).append(value)
        if repeat == 0:
            series = {
                "arithmetic": sheet.flatten().tolist(),
                "seen": judged(classifier, sheet)[0].flatten().tolist(),
                "ways": ways.flatten().tolist(),
            }
    kept = found if budget != "small" else {n: v for n, v in found.items() if "length" in n}
    return Result({name: Measured.of(each) for name, each in kept.items()}, series)


def run(budget: Budget, seed: int) -> Result:
    """Train one generator, and look at it."""
    recipe = replace(find_recipe("ns-stacked-digits"), steps=STEPS[budget])
    trainer = prepare(recipe, seed=seed_of("run", seed))
    for _ in trainer.steps():
        pass
    return looked_at(sampler_of(trainer).latent, budget, seed)


def draw(result: Result) -> "Figure":
    """Six sums, with the digits that the classifier sees, and six ways between two latents."""
    figure = canvas(2, width=5.4, height=5.4)
    left, right = figure.axes
    sums = torch.tensor(result.series["arithmetic"]).reshape(SHOWN, 4, 3, 8, 8)
    seen = torch.tensor(result.series["seen"]).reshape(SHOWN, 4, 2).int().tolist()
    left.imshow(tiled(sums, below=5, right=7), cmap="gray", vmin=-1, vmax=1)
    for row, of in enumerate(seen):
        for column, (first, second) in enumerate(of):
            x, y = column * 25, row * 13
            left.text(x + 9, y + 10.5, f"{first}, {second}", ha="center", fontsize="small")
            if column < 3:
                left.text(x + 21, y + 4, "-+="[column], ha="center", va="center")
    left.set_title(
        "(a, b)  -  (c, b)  +  (c, d)  =  (a, d)\nmeans of three, and what is seen in them"
    )
    ways = torch.tensor(result.series["ways"]).reshape(SHOWN, TICKS, 3, 8, 8)
    right.imshow(tiled(ways, below=3, right=3), cmap="gray", vmin=-1, vmax=1)
    right.set_title("from one latent to another\n")
    for axes in figure.axes:
        axes.axis("off")
    return figure


def tiled(stacks: Tensor, *, below: int, right: int) -> NDArray[np.float32]:
    """(rows, columns, 3, 8, 8) => a sheet of the first two channels of each, side by side."""
    pairs = torch.nn.functional.pad(stacks[:, :, :2], (0, 1), value=1.0)
    sheet = pairs.permute(0, 1, 3, 2, 4).flatten(3, 4)
    sheet = torch.nn.functional.pad(sheet, (0, right, 0, below), value=1.0)
    image: NDArray[np.float32] = sheet.permute(0, 2, 1, 3).flatten(2, 3).flatten(0, 1).numpy()
    return image


_SECTION = "section 6.3.2 and figure 7, pictures"
EXPERIMENT = Experiment(
    name="radford2016-arithmetic",
    citation="Radford, Metz & Chintala 2016, Unsupervised Representation Learning with Deep "
    "Convolutional Generative Adversarial Networks, section 6",
    claim="Sums and differences of latents, each the mean of three whose samples show a concept, "
    "give samples that show the sum, single latents do so unreliably, and samples on the way "
    "between two latents look real.",
    protocol="There, faces: smiling woman - neutral woman + neutral man = smiling man. Here, "
    "stacks of three of scikit-learn's digits, whose first two channels stand for the two "
    "attributes: (a, b) - (c, b) + (c, d) = (a, d); exemplars are found by the classifier that "
    "ships among 10,000 samples, and it judges the answers, ten times a hundred questions. One "
    "generator, recipe ns-stacked-digits, 2,000 steps. A way is judged by how sure the classifier "
    "is halfway, against the mean of both images.",
    published=(
        Published(
            "right, three",
            "answers that are right, three exemplars: more than with one each",
            "scaled",
            "second-hand",
            None,
            above="right, single",
            source=_SECTION,
        ),
        Published(
            "right, three",
            "answers that are right, three exemplars: more than by chance",
            "scaled",
            "second-hand",
            None,
            above="right, chance",
            source=_SECTION,
        ),
        Published(
            "sure, latents",
            "certainty halfway between latents: more than between pixels",
            "scaled",
            "second-hand",
            None,
            above="sure, pixels",
            source="section 6.1 and figure 4, pictures",
        ),
        Published(
            "sure, ends",
            "certainty at the ends",
            "scaled",
            "second-hand",
            None,
            source="as above",
        ),
        Published(
            "length, three",
            "length of the sum of means of three, in those of a latent",
            "exact",
            "derived",
            1.0,
            tolerance=0.1,
            source="three variances of a third; a tenth, as exemplars of a concept are alike",
        ),
        Published(
            "length, single",
            "length of the sum of single latents, far from all that was trained on",
            "exact",
            "derived",
            math.sqrt(3),
            tolerance=0.17,
            source="three variances; a tenth, as exemplars of a concept are alike",
        ),
    ),
    seconds={"small": 3, "default": 25},
    run=run,
    draw=draw,
)
