"""Richardson & Weiss 2018: the number of statistically different bins."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gandiag.metrics import Bins, bins
from reference_models.papers.drawing import COLOURS, PAPER, THEORY, canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.randomness import generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, REAL, QUERIES, BINS = 100, 10_000, 1000, 100
"""Of the demonstration in the authors' code: uniform points."""
SPANS = (1.0, 0.9, 0.75)
UNIFORM_REPEATS = {"small": 0, "default": 5, "full": 20}

DIGIT_BINS, DIGIT_REAL, DROPPED = 50, 1200, 9
DIGIT_REPEATS = {"small": 5, "default": 20, "full": 100}
README = {"validation": (0, 0.0014), "without 9": (11, 0.0160)}
"""NDB and Jensen-Shannon divergence printed for MNIST with 100 bins, at |z| > 4."""


def uniform(repeat: int, seed: int) -> dict[float, Bins]:
    """Real points in a cube against queries from smaller ones."""
    rng = generator("ndb", seed, "uniform", repeat)
    real = torch.rand(REAL, WIDTH, generator=rng)
    queries = torch.rand(QUERIES, WIDTH, generator=rng)
    return {span: bins(real=real, generated=span * queries, count=BINS) for span in SPANS}


def digits() -> tuple[Tensor, Tensor]:
    """(1797, 64) of scikit-learn's digits, and (1797,) labels."""
    from sklearn.datasets import load_digits  # here, for it takes a second

    images, labels = load_digits(return_X_y=True)
    return torch.from_numpy(images), torch.from_numpy(labels)


def of_digits(repeat: int, seed: int) -> dict[str, Bins]:
    """Digits against other digits, all of them and without a class."""
    images, labels = digits()
    order = torch.randperm(len(images), generator=generator("ndb", seed, "digits", repeat))
    real, rest = order[:DIGIT_REAL], order[DIGIT_REAL:]
    kept = rest[labels[rest] != DROPPED]
    return {
        name: bins(real=images[real], generated=images[chosen], count=DIGIT_BINS, seed=repeat)
        for name, chosen in (("validation", rest), ("without 9", kept))
    }


def share(found: Bins) -> float:
    """NDB / K at the paper's level, .05."""
    return float(found.different(0.05).double().mean())


def run(budget: Budget, seed: int) -> Result:
    """The uniform demonstration, and digits without a class."""
    measured, series = {}, {}
    found = [of_digits(repeat, seed) for repeat in range(DIGIT_REPEATS[budget])]
    for name in README:
        measured[f"NDB/K, {name}"] = Measured.of([share(each[name]) for each in found])
        measured[f"JS, {name}"] = Measured.of([each[name].js_divergence for each in found])
        last = found[-1][name]
        series[f"{name}/real"] = (last.real / last.real.sum()).tolist()
        series[f"{name}/generated"] = (last.generated / last.generated.sum()).tolist()
    if UNIFORM_REPEATS[budget]:
        cubes = [uniform(repeat, seed) for repeat in range(UNIFORM_REPEATS[budget])]
        for span in SPANS:
            measured[f"NDB/K, span {span}"] = Measured.of([share(each[span]) for each in cubes])
    return Result(measured, series)


def draw(result: Result) -> "Figure":
    """Shares of the bins, as the paper's figures show them, and the number that differ."""
    figure = canvas(3, width=4.2)
    *shown, last = figure.axes
    for axes, name, colour in zip(shown, README, COLOURS, strict=False):
        real = np.array(result.series[f"{name}/real"])
        order = np.argsort(-real)
        x = np.arange(len(real))
        axes.bar(x, real[order], color=THEORY, alpha=0.5, label="real")
        queried = np.array(result.series[f"{name}/generated"])
        axes.plot(x, queried[order], ".", color=colour, label=name)
        axes.set(xlabel="bin", ylabel="share", title=f"Digits: {name}")
        axes.legend()
    rows = [key for key in result.measured if key.startswith("NDB")]
    ours = [result.measured[key] for key in rows]
    y = range(len(rows))
    values, spread = [each.value for each in ours], [each.spread for each in ours]
    last.barh(y, values, xerr=spread, color=COLOURS[0], label="ours")
    printed = [README.get(key.removeprefix("NDB/K, "), (None, 0))[0] for key in rows]
    at = [i for i, value in enumerate(printed) if value is not None]
    theirs = [(printed[i] or 0) / 100 for i in at]
    last.plot(theirs, at, "D", color=PAPER, fillstyle="none", label="printed, MNIST, |z| > 4")
    last.axvline(0.05, color=THEORY, linestyle=":", label="a perfect generator")
    last.set_yticks(y, [key.removeprefix("NDB/K, ") for key in rows])
    last.set(xlabel="NDB / K", title="Bins that differ")
    last.legend(fontsize=8)
    return figure


_README = "README of gans-n-gmms; MNIST, 100 bins, |z| > 4"
EXPERIMENT = Experiment(
    name="richardson2018-ndb",
    citation="Richardson & Weiss 2018, On GANs and GMMs",
    claim="The number of bins whose shares differ is at its level for data of the same "
    "distribution and rises with distortion and with a class that is missing.",
    protocol="The authors' README has MNIST, 100 bins by K-means of 45,000 images, queries of "
    "10,000 from the validation images, all and without the digit 9, and counts bins at |z| > 4. "
    "Ours are scikit-learn's 1,797 digits, 50 bins of 1,200 and the others as queries, at the "
    "paper's level of .05; half of the real rows place the bins and the other half are counted, "
    "where theirs are the same. The demonstration of their code is as there: points uniform in a "
    "cube of 100 dimensions, 10,000 against 1,000, and against ones of a smaller cube.",
    published=(
        Published(
            "NDB/K, validation",
            "NDB / K of other digits",
            "scaled",
            "confirmed",
            README["validation"][0] / 100,
            source=_README,
        ),
        Published(
            "NDB/K, without 9",
            "NDB / K without the digit 9: is above that of all",
            "scaled",
            "confirmed",
            README["without 9"][0] / 100,
            above="NDB/K, validation",
            source=_README,
        ),
        Published(
            "JS, validation",
            "Jensen-Shannon divergence of other digits",
            "scaled",
            "confirmed",
            README["validation"][1],
            source=_README,
        ),
        Published(
            "JS, without 9",
            "the divergence without the digit 9: is above that of all",
            "scaled",
            "confirmed",
            README["without 9"][1],
            above="JS, validation",
            source=_README,
        ),
        Published(
            "NDB/K, span 1.0",
            "NDB / K of uniform points of the same cube",
            "exact",
            "derived",
            0.05,
            tolerance=0.02,
            source="the test's level; of counts of 10 a bin it is not quite .05, and five repeats "
            "have an error of .01",
        ),
        Published(
            "NDB/K, span 0.9",
            "rises for a cube of .9",
            "scaled",
            "confirmed",
            None,
            above="NDB/K, span 1.0",
            source="ndb.py of the authors' repository",
        ),
        Published(
            "NDB/K, span 0.75",
            "and more for one of .75",
            "scaled",
            "confirmed",
            None,
            above="NDB/K, span 0.9",
            source="ndb.py of the authors' repository",
        ),
    ),
    seconds={"small": 1, "default": 6, "full": 25},
    run=run,
    draw=draw,
)
