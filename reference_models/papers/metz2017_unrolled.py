"""Metz et al. 2017, figure 2: a generator that looks ahead does not rotate among the modes."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gandiag.metrics import mode_coverage
from gandiag.sources.mixtures import MIXTURES
from reference_models.generator import sampler_of
from reference_models.papers.drawing import COLOURS, PAPER, canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.randomness import generator, seed_of
from reference_models.recipe import replace
from reference_models.recipes import find_recipe
from reference_models.trainer import prepare

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RING = MIXTURES["ring8"]
UNROLLED = (0, 5)
STEPS = {"small": 20, "default": 2000}
RUNS = {"small": 2, "default": 6}
LOOKS = 10
"""Evaluations, over the second half of the steps."""
N = 1000
DRAWS = {"small": 40, "default": 200}
"""Of true samples."""
SHOWN = 200

CHANGES: Mapping[str, object] = {
    "loss": "minimax",
    "latent": 256,
    "width_g": 128,
    "depth_g": 2,
    "width_d": 128,
    "depth_d": 2,
    "initialisation": "orthogonal",
    "batch": 128,
    "lr_g": 1e-3,
    "lr_d": 1e-4,
    "beta1": 0.5,
    "decay": "none",
    "ema": 0.0,
}
"""What the authors' notebook has and our small recipe of the ring has not."""


def turnover(shares: list[Tensor]) -> float:
    """How much of the samples changes its mode between two evaluations: 0 to 1, a mean.

    Half the sum of |differences| of the modes' shares, the total variation.
    """
    moved = [float((b - a).abs().sum()) / 2 for a, b in pairwise(shares)]
    return sum(moved) / len(moved)


def shares_of(points: Tensor) -> Tensor:
    """(8,): the share of the points that is nearest to each mode."""
    nearest = torch.cdist(points, RING.means).argmin(dim=1)
    return torch.bincount(nearest, minlength=len(RING.means)) / len(points)


def watched(unroll: int, steps: int, seed: int) -> tuple[list[int], list[Tensor], list[Tensor]]:
    """Modes reached, shares of the nearest modes and some points, at each look of a run."""
    recipe = replace(find_recipe("vanilla-ring8"), {**CHANGES, "unroll": unroll, "steps": steps})
    trainer = prepare(recipe, seed=seed)
    looks = {steps - k * steps // (2 * LOOKS) for k in range(LOOKS)}
    modes, shares, points = [], [], []
    for _ in trainer.steps():
        if trainer.finished in looks:
            rows = sampler_of(trainer, seed).samples(range(N)).x
            modes.append(mode_coverage(rows, RING.means, RING.sd).covered)
            shares.append(shares_of(rows))
            points.append(rows[:SHOWN])
    return modes, shares, points


def run(budget: Budget, seed: int) -> Result:
    """The turnover of true samples; the same runs without and with a look five updates ahead."""
    found: dict[str, list[float]] = {}
    series: dict[str, list[float]] = {}
    for draw_ in range(DRAWS[budget]):
        rng = generator("true", seed, draw_)
        pair = [shares_of(RING(N, rng)[0]) for _ in range(2)]
        found.setdefault("turnover, true", []).append(turnover(pair))
    for unroll in UNROLLED:
        for repeat in range(RUNS[budget]):
            modes, shares, points = watched(unroll, STEPS[budget], seed_of("run", seed, repeat))
            found.setdefault(f"modes, {unroll}", []).append(sum(modes) / len(modes))
            found.setdefault(f"turnover, {unroll}", []).append(turnover(shares))
            series[f"modes, {unroll}, {repeat}"] = [float(each) for each in modes]
            if repeat == 0:
                for look in range(0, LOOKS, 3):
                    series[f"points, {unroll}, {look}"] = points[look].flatten().tolist()
    kept = {name: each for name, each in found.items() if budget != "small" or "true" in name}
    return Result({name: Measured.of(each) for name, each in kept.items()}, series)


def draw(result: Result) -> "Figure":
    """Points of one run as it goes on, without and with unrolling; modes of all runs."""
    figure = canvas(5, 2, width=2.8, height=2.8)
    for row, unroll in enumerate(UNROLLED):
        *sheets, panel = figure.axes[5 * row : 5 * row + 5]
        for axes, look in zip(sheets, range(0, LOOKS, 3), strict=True):
            points = result.series[f"points, {unroll}, {look}"]
            axes.plot(points[::2], points[1::2], ".", markersize=3, color=COLOURS[row])
            axes.plot(*RING.means.T.numpy(), "o", color=PAPER, markersize=6, fillstyle="none")
            axes.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal")
            axes.set_title(f"{unroll} steps ahead, look {look + 1} of {LOOKS}", fontsize=9)
        runs = [name for name in result.series if name.startswith(f"modes, {unroll}, ")]
        for name in runs:
            panel.plot(range(1, LOOKS + 1), result.series[name], "-", color=COLOURS[row], alpha=0.6)
        panel.set(title="modes reached, every run", ylim=(-0.3, 8.3), xlabel="look")
    return figure


_FIGURE = "figure 2, a picture without numbers"
EXPERIMENT = Experiment(
    name="metz2017-unrolled",
    citation="Metz, Poole, Pfau & Sohl-Dickstein 2017, Unrolled Generative Adversarial Networks, "
    "figure 2; poolio/unrolled_gan@67e2c7a",
    claim="A generator that looks five updates of its discriminator ahead covers eight modes on a "
    "ring, among which one that does not rotates.",
    protocol="Eight Gaussians on a ring; networks of 2 x 128, latents of 256, orthogonal weights, "
    "the minimax loss for both, Adam with rates of .001 (generator) and .0001. There, 25,000 steps "
    "of 512 samples and tanh; here, six runs of 2,000 steps of 128 samples, and ReLU. The "
    "notebook's ring repeats its first centre as its last and has seven places; ours has eight. "
    "Ten looks over the second half of each run: the mean number of modes that hold one of 1,000 "
    "samples within 3 sd, and the share of samples that changes its nearest mode from one look to "
    "the next.",
    published=(
        Published(
            "turnover, true",
            "share of true samples that changes its mode between two sets",
            "same protocol",
            "derived",
            len(RING.means) / 2 * math.sqrt(4 / math.pi * 7 / 64 / N),
            error=0.0,
            source="the mean of |N(0, 2 q (1 - q) / n)|, q = 1 / 8, of eight modes, halved",
        ),
        Published(
            f"modes, {UNROLLED[1]}",
            "modes reached: more with five steps ahead",
            "scaled",
            "confirmed",
            None,
            above=f"modes, {UNROLLED[0]}",
            source=_FIGURE,
        ),
        Published(
            f"turnover, {UNROLLED[0]}",
            "share of samples that changes its mode: more without",
            "scaled",
            "confirmed",
            None,
            above=f"turnover, {UNROLLED[1]}",
            source=_FIGURE,
        ),
        Published(
            f"modes, {UNROLLED[0]}",
            "modes reached without",
            "scaled",
            "confirmed",
            None,
            source=_FIGURE,
        ),
    ),
    seconds={"small": 2, "default": 300},
    run=run,
    draw=draw,
)
