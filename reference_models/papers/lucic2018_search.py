"""Lucic et al. 2018: with enough search the models reach similar scores."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gandiag.metrics import exact_wasserstein
from gandiag.sources.mixtures import MIXTURES
from reference_models.generator import sampler_of
from reference_models.papers.drawing import COLOURS, PAPER, THEORY, canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.randomness import generator, seed_of
from reference_models.recipe import replace
from reference_models.recipes import find_recipe
from reference_models.trainer import prepare

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RING = MIXTURES["ring8"]
LOSS = {
    "MM GAN": "minimax",
    "NS GAN": "non-saturating",
    "LSGAN": "least-squares",
    "WGAN GP": "wasserstein",
    "DRAGAN": "non-saturating",
}
PENALTY = {"WGAN GP": "gradient_penalty", "DRAGAN": "dragan"}
FID: Mapping[str, tuple[float, float]] = {
    "MM GAN": (9.8, 0.9),
    "NS GAN": (6.8, 0.5),
    "LSGAN": (7.8, 0.6),
    "WGAN GP": (20.3, 5.0),
    "DRAGAN": (7.6, 0.4),
}
"""On MNIST, of the best setting of each: mean and standard deviation of 50 runs."""

SEARCHES = {"small": 1, "default": 4}
SETTINGS = {"small": 2, "default": 5}
"""Of each model in each search."""
STEPS = {"small": 3, "default": 500}
N = {"small": 50, "default": 500}
WORST = 2.0
"""Scores end here, at the ring's diameter: it does not matter how far a run went astray."""
EVEN, EVEN_BEST = 20, 5
DRAWS = {"small": 100, "default": 1000}
"""Of `EVEN` even numbers each."""
REDRAWN = 300
"""Bootstrap samples of a curve."""

CHANGES = {
    "width_g": 64,
    "width_d": 64,
    "depth_g": 2,
    "depth_d": 2,
    "batch": 64,
    "decay": "none",
    "ema": 0.0,
}


def setting(model: str, rng: torch.Generator) -> dict[str, object]:
    """One of the search: both rates, Adam's momentum, critic steps, batch norm, penalty."""
    rate, momentum, critic, norm, weight = torch.rand(5, generator=rng).tolist()
    drawn: dict[str, object] = {
        "loss": LOSS[model],
        "lr_g": 10 ** (2 * rate - 4),
        "lr_d": 10 ** (2 * rate - 4),
        "beta1": momentum,
        "n_critic": 1 + int(5 * critic),
        "norm_d": "batch" if norm < 0.5 else "none",
    }
    if model in PENALTY:
        drawn[PENALTY[model]] = 10 ** (3 * weight - 1)
    return drawn


def score(changes: Mapping[str, object], budget: Budget, seed: int) -> float:
    """How far a trained generator is from the ring, in its radii; the less the better."""
    recipe = replace(find_recipe("ns-ring8"), {**CHANGES, **changes}, steps=STEPS[budget])
    trainer = prepare(recipe, seed=seed)
    for _ in trainer.steps():
        pass
    return distance(sampler_of(trainer, seed).samples(range(N[budget])).x, seed)


def distance(points: Tensor, seed: int) -> float:
    """The exact Wasserstein distance from as many points of the ring, `WORST` at most."""
    if not bool(points.isfinite().all()):
        return WORST
    real, _ = RING(len(points), generator("real", seed))
    return min(WORST, exact_wasserstein(real, points, order=1))


def best_of(scores: Sequence[float], k: int) -> float:
    """The least of k scores: its mean over all choices of k, none taken twice."""
    n = len(scores)
    ways = (math.comb(n - 1 - i, k - 1) for i in range(n))
    return sum(w * each for w, each in zip(ways, sorted(scores), strict=True)) / math.comb(n, k)


def spreads(search: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Standard deviations of a search, model -> scores of its settings in turn.

    Between the models, of one setting each (their mean over the turns); between the models, of the
    best of all; and between the settings of one model (their mean over the models).
    """
    return {
        "models, one setting": fmean(map(stdev, zip(*search.values(), strict=True))),
        "models, best": stdev(map(min, search.values())),
        "settings": fmean(map(stdev, search.values())),
    }


def run(budget: Budget, seed: int) -> Result:
    """The best of even numbers; then searches of their own, each of as many settings a model."""
    even = torch.rand(DRAWS[budget], EVEN, generator=generator("even", seed), dtype=torch.float64)
    found = {
        "best, even": [best_of(row, EVEN_BEST) for row in even.tolist()],
        "distance, true": [
            distance(RING(N[budget], generator("true", seed, i))[0], seed_of("true", seed, i))
            for i in range(5)
        ],
    }
    series: dict[str, list[float]] = {}
    for search in range(SEARCHES[budget]):
        scores: dict[str, list[float]] = {}
        for model in LOSS:
            seeds = [seed_of(seed, search, model, i) for i in range(SETTINGS[budget])]
            scores[model] = [
                score(setting(model, generator("setting", each)), budget, each) for each in seeds
            ]
            series.setdefault(model, []).extend(scores[model])
            found.setdefault(f"best, {model}", []).append(min(scores[model]))
        for name, value in spreads(scores).items():
            found.setdefault(f"spread, {name}", []).append(value)
    kept = {name: each for name, each in found.items() if len(each) > 1}
    return Result({name: Measured.of(each) for name, each in kept.items()}, series)


def curve(scores: Sequence[float], rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Best of 1, 2, ... n, and its 5th and 95th percentiles over bootstrap samples: (n,) each."""
    n = len(scores)

    def best(of: Sequence[float]) -> list[float]:
        return [best_of(of, k) for k in range(1, n + 1)]

    rows = torch.tensor(scores)[torch.randint(n, (REDRAWN, n), generator=rng)]
    drawn = torch.tensor([best(row) for row in rows.tolist()])
    return torch.tensor(best(scores)), drawn.quantile(0.05, dim=0), drawn.quantile(0.95, dim=0)


def draw(result: Result) -> "Figure":
    """Best of k of each model; every setting; spreads; the paper's best beside."""
    figure = canvas(4, width=3.8, height=3.8)
    curves, settings, spread, paper = figure.axes
    for k, model in enumerate(LOSS):
        scores = result.series[model]
        best, low, high = curve(scores, generator("bootstrap", model))
        at = range(1, len(scores) + 1)
        curves.plot(at, best, color=COLOURS[k], label=model)
        curves.fill_between(at, low, high, color=COLOURS[k], alpha=0.12, linewidth=0)
        settings.plot([k] * len(scores), scores, "o", color=COLOURS[k], markersize=4, alpha=0.6)
        paper.errorbar([k], [FID[model][0]], [FID[model][1]], fmt="D", color=PAPER, mfc="none")
    floor = result.measured["distance, true"].value
    for axes, title in ((curves, "best of k settings, 90 %"), (settings, "every setting")):
        axes.axhline(floor, color=THEORY, linestyle=":")
        axes.set(title=title, ylim=(0, None), ylabel="Wasserstein distance")
    curves.set(xlabel="k")
    curves.legend(fontsize=7)
    names = [name for name in result.measured if name.startswith("spread, ")]
    for k, name in enumerate(names):
        ours = result.measured[name]
        spread.plot([k - 0.15] * len(ours.repeats), ours.repeats, "o", color=COLOURS[0], ms=4)
        spread.errorbar([k], [ours.value], [ours.error], fmt="s", color=COLOURS[0])
    spread.set_xticks(range(len(names)), [each[8:].replace(", ", ",\n") for each in names])
    spread.set(title="sd, of each search")
    paper.set(title="there: FID on MNIST, best of each", ylim=(0, None))
    for axes in (settings, paper):
        axes.set_xticks(range(len(LOSS)), list(LOSS), rotation=30, fontsize=8)
    return figure


_ABSTRACT = "abstract: most models can reach similar scores with enough hyperparameter optimization"
_TABLE = "FID on MNIST, mean and standard deviation of 50 runs of the best of a hundred settings, "
EXPERIMENT = Experiment(
    name="lucic2018-search",
    citation="Lucic, Kurach, Michalski, Gelly & Bousquet 2018, Are GANs Created Equal? A "
    "Large-Scale Study; google/compare_gan, version 1",
    claim="With enough search over their settings most models reach similar scores, so that the "
    "setting matters more than the model.",
    protocol="A random search for each model, and the best score of k of its settings. There seven "
    "models, a hundred settings each, FID on four sets of images; here five models on eight "
    "Gaussians on a ring, four searches of five settings each, 500 steps of 64, networks of 2 x "
    "64, and the exact Wasserstein distance of 500 samples from 500 true ones, 2 at most. Drawn as "
    "there: momentum from 0 to 1, one to five critic steps, batch norm of the critic or none, "
    "penalties from .1 to 100; rates from .0001 to .01, there from .00001. A search is a repeat: "
    "the standard deviation of the models' best of five is to be smaller than that of one setting "
    "each, and than that of the settings of one model. The curves choose without replacement, "
    "which is held against the closed form of even numbers.",
    published=(
        Published(
            "best, even",
            f"the best of {EVEN_BEST} of {EVEN} even numbers from 0 to 1",
            "same protocol",
            "derived",
            1 / (EVEN_BEST + 1),
            error=0.0,
            source="1 / (k + 1), the mean of the first of k order statistics",
        ),
        Published(
            "spread, models, one setting",
            "between models: more with one setting each than with the best",
            "scaled",
            "confirmed",
            None,
            above="spread, models, best",
            source=_ABSTRACT,
        ),
        Published(
            "spread, settings",
            "between settings of a model: more than between the best of the models",
            "scaled",
            "confirmed",
            None,
            above="spread, models, best",
            source=_ABSTRACT,
        ),
        Published(
            "spread, models, best",
            "between the best of the models",
            "scaled",
            "confirmed",
            None,
            source=_ABSTRACT,
        ),
        *(
            Published(
                f"best, {model}",
                f"best of five settings, {model}; there FID",
                "scaled",
                "second-hand",
                value,
                error=spread,
                source=_TABLE + "as quoted by Dai & Wipf 2019, Diagnosing and Enhancing VAE Models",
            )
            for model, (value, spread) in FID.items()
        ),
        Published(
            "distance, true",
            "of true samples from true samples",
            "scaled",
            "derived",
            None,
            source="what a perfect generator scores at this number of samples",
        ),
    ),
    seconds={"small": 1, "default": 230},
    run=run,
    draw=draw,
)
