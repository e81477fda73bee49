"""The published recipes as experiments: what they claim, what they need, how they are judged.

They take hours of a GPU, or of a CPU where the data are points; nothing here starts them unasked.
"""

import math
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gandiag
from gandiag.errors import GandiagError
from gandiag.extractors import find_weights
from gandiag.sources import open_source
from reference_models.papers.drawing import OURS, PAPER, canvas
from reference_models.papers.experiment import Budget, Experiment, Published, Result
from reference_models.papers.scoring import DRAWS, WHOLE, key, way
from reference_models.recipe import Recipe, Target
from reference_models.recipes import PUBLISHED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Run = Callable[[Budget, int], Result]

FILES = {
    "cifar10": "dataset:cifar10",
    "stl10": "dataset:stl10:unlabeled",
    "celeba": "dataset:celeba",
    "stacked-mnist": "dataset:mnist",
}
"""A recipe's data => what is fetched for it."""
FOLDER = "folder:"
TRIALS = re.compile(r"standard error of (\d+) trials")


def declared(recipe: Recipe, run: Run | None = None) -> Experiment:
    """The declaration of a published recipe.

    Args:
        recipe: of `PUBLISHED`.
        run: what trains it, or scores a checkpoint of it; None to list it alone.
    """
    return Experiment(
        name=recipe.name,
        citation=recipe.source,
        claim="Trained as published, the network reaches the published scores.",
        protocol=_protocol(recipe),
        published=tuple(map(_published, recipe.targets)),
        seconds={"full": None},
        run=run or partial(_unasked, recipe),
        draw=partial(draw, recipe.targets),
        needs=", ".join(needs(recipe)),
        kind="hours of a CPU" if _is_of_points(recipe) else "needs a GPU",
        module="large_runs",
    )


def needs(recipe: Recipe) -> list[str]:
    """What it takes, in words."""
    found = ["hours of a CPU" if _is_of_points(recipe) else "a GPU"]
    if recipe.data in FILES or recipe.data.startswith(FOLDER):
        found.append(f"the data {recipe.data}")
    if _takes_inception(recipe):
        found.append("the weights inception")
    return found


def missing(recipe: Recipe, *, gpu: bool) -> list[str]:
    """What of that is not here, each with the way to it.

    Args:
        recipe: of `PUBLISHED`.
        gpu: whether a GPU is here, none is wanted, or a CPU was asked for.
    """
    found = []
    if not gpu:
        found.append("a GPU (--device cpu trains on this CPU; --dry-run says how long)")
    if recipe.data in FILES:
        try:
            open_source(FILES[recipe.data])
        except GandiagError:
            found.append(f"the data {recipe.data} (gandiag weights fetch {FILES[recipe.data]})")
    elif recipe.data.startswith(FOLDER):
        folder = Path(recipe.data.removeprefix(FOLDER))
        if not folder.is_dir():
            found.append(f"the images of {recipe.data} (a folder {folder} here, or a link to it)")
    if _takes_inception(recipe):
        try:
            find_weights("inception")
        except GandiagError:
            found.append("the weights inception (gandiag weights fetch inception)")
    return found


def check_ready(recipe: Recipe, *, gpu: bool) -> None:
    """Refuse to begin what could not be ended.

    Raises:
        GandiagError: something is not here.
    """
    lacking = missing(recipe, gpu=gpu)
    if lacking:
        raise GandiagError(f"{recipe.name} lacks {' and '.join(lacking)}")


def _unasked(recipe: Recipe, budget: Budget, seed: int) -> Result:
    raise GandiagError(f"{recipe.name} was declared to be listed, not to be run")


def _is_of_points(recipe: Recipe) -> bool:
    return recipe.data.endswith("-100k")


def _counts_modes(recipe: Recipe) -> bool:
    return any(target.metric == "modes" for target in recipe.targets)


def _takes_inception(recipe: Recipe) -> bool:
    return not _counts_modes(recipe)


def _published(target: Target) -> Published:
    """Judged by |z| < 3 where an error and all sizes were published; printed otherwise.

    Of a mean over trials the error is that of one more trial, as ours is one: the published
    standard error times sqrt(n + 1).
    """
    sized = target.n_generated and (target.n_real or target.metric not in ("fid", "kid"))
    judged = target.spread is not None and bool(sized)
    trials = TRIALS.search(target.protocol)
    scale = math.sqrt(int(trials[1]) + 1) if trials else 1.0
    return Published(
        key(target),
        f"{target.metric}: {target.protocol}",
        "same protocol" if judged else "scaled",
        "confirmed",
        target.value,
        error=None if target.spread is None else scale * target.spread,
        source=target.source,
    )


def _protocol(recipe: Recipe) -> str:
    sentences = [f"The recipe {recipe.name} of `gandiag train`, to its last step."]
    if recipe.departures:
        sentences.append(f"Departures: {recipe.departures}.")
    if recipe.data in ("cifar10", "stl10"):
        sentences.append("It learns from nine tenths of the training set; the rest is held out.")
    sentences.append(
        f"Ours is the mean over {DRAWS} sets of samples of one network, each of the published "
        "size, with its standard error. Theirs has the error that is printed, which is mostly of "
        "evaluations, not of training; of a mean over trials, it is that of one more trial. Where "
        "none is printed, or not from how many images, the number is printed and not judged."
    )
    if _is_of_points(recipe):
        sentences.append("Modes are covered by one sample within 3 sd.")
    elif _counts_modes(recipe):
        sentences.append("A classifier of MNIST is trained for it, and counts the most likely.")
    else:
        sentences += _of_images(recipe)
    return " ".join(sentences)


def _of_images(recipe: Recipe) -> list[str]:
    ways = [way(target) for target in recipe.targets]
    tools = dict.fromkeys(each.protocol for each in ways)
    found = [f"Scored by the protocol {' and '.join(tools)} of `gandiag score`"]
    notes = [note for tool in tools for note in gandiag.protocols.PROTOCOLS[tool].notes]
    found[0] += f" ({'; '.join(notes)})." if notes else "."
    if any(target.n_generated is None for target in recipe.targets):
        found.append(f"From {WHOLE:,} generated images where their number is not stated.")
    if any(each.n_real and each.splits != ("reference",) for each in ways):
        found.append("Which real images were taken is not stated: drawn from the training set.")
    return found


def draw(targets: tuple[Target, ...], result: Result) -> "Figure":
    """Each number beside the published one."""
    figure = canvas(len(targets), width=2.6, height=3.2)
    for axes, target in zip(figure.axes, targets, strict=True):
        axes.errorbar([1], [target.value], [target.spread or 0], fmt="D", color=PAPER, mfc="none")
        ours = result.measured.get(key(target))
        if ours is not None:
            axes.errorbar([0], [ours.value], [ours.error], fmt="s", color=OURS)
            axes.plot([0.15] * len(ours.repeats), ours.repeats, ".", color=OURS)
        axes.set(title=key(target).replace(", ", "\n", 1), xlim=(-0.6, 1.6))
        axes.set_xticks([0, 1], ["ours", "published"])
        axes.margins(y=0.3)
    return figure


LARGE: tuple[Experiment, ...] = tuple(map(declared, PUBLISHED.values()))
"""All of them, to be listed."""
