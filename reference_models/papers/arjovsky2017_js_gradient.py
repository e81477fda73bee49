"""Arjovsky et al. 2017: a perfect discriminator leaves the generator no gradient."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gandiag.metrics import Bins, exact_wasserstein
from reference_models.losses import LOSSES
from reference_models.papers.drawing import COLOURS, THEORY, canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.randomness import generator
from reference_models.recipe import replace
from reference_models.recipes import RECIPES
from reference_models.trainer import Trainer, prepare

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECIPE = "ns-ring8"
STAGES = {"small": (0,), "default": (0, 100, 400), "full": (0, 100, 400, 5000)}
"""Steps that the generator was trained before it is held fixed."""
REPEATS = {"small": 4, "default": 6, "full": 20}
ITERATIONS = {"small": 50, "default": 500, "full": 4000}
BATCH, EARLY, EVERY = 256, 25, 25
REJECTED = 20.0
SHIFT = 0.75


def slopes_at(logit: float) -> dict[str, float]:
    """|d loss / d logit| of the generator, at a sample that the discriminator rejects."""
    found = {}
    for name in ("minimax", "non-saturating"):
        x = torch.tensor([-logit], dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(LOSSES[name].g_loss(x), x)
        found[name] = abs(float(slope))
    return found


def parallel_lines(shift: float) -> tuple[float, float]:
    """W1 and the Jensen-Shannon divergence of two parallel segments (0, u) and (shift, u)."""
    u = torch.linspace(0, 1, 100, dtype=torch.float64)
    real, generated = (torch.stack([torch.full_like(u, x), u], dim=1) for x in (0.0, shift))
    # A bin for each line, which is all the divergence sees.
    ours, theirs = torch.tensor([100, 0]), torch.tensor([0, 100] if shift else [100, 0])
    return exact_wasserstein(real, generated, 1), Bins(ours, theirs).js_divergence


def gradient_norm(trainer: Trainer, loss: str, z: Tensor) -> float:
    """Of the generator's loss by all of its weights."""
    y = torch.zeros(len(z), dtype=torch.int64)
    logits = trainer.discriminator(trainer.generator(z, y), y)[:, 0]
    grads = torch.autograd.grad(LOSSES[loss].g_loss(logits), list(trainer.generator.parameters()))
    return math.sqrt(sum(float(each.square().sum()) for each in grads))


def against_a_new_critic(stage: int, iterations: int, seed: int) -> dict[str, list[float]]:
    """log10 of the gradient's norm as a new discriminator learns and the generator stays.

    Returns:
        loss -> at `EVERY` iterations, the first after as many.
    """
    recipe = replace(RECIPES[RECIPE], steps=max(1, stage))
    trainer = prepare(recipe, seed=seed)
    for _ in range(stage):
        trainer.step()
    fresh = prepare(recipe, seed=seed + 1_000_000)
    fresh.generator.load_state_dict(trainer.generator.state_dict())
    loss = LOSSES["minimax"]
    found: dict[str, list[float]] = {"minimax": [], "non-saturating": []}
    y = torch.zeros(BATCH, dtype=torch.int64)
    for i in range(iterations):
        rng = generator("critic", seed, stage, i)
        z = torch.randn(BATCH, recipe.networks.latent, generator=rng)
        real = fresh.data.batch(i * BATCH, BATCH, seed).x
        with torch.no_grad():
            fake = fresh.generator(z, y)
        logits = [fresh.discriminator(x, y)[:, 0] for x in (real, fake)]
        fresh.d_optimizer.zero_grad()
        loss.d_loss(*logits).backward()  # type: ignore[no-untyped-call]
        fresh.d_optimizer.step()
        if (i + 1) % EVERY == 0:
            for name, values in found.items():
                values.append(math.log10(gradient_norm(fresh, name, z) + 1e-300))
    return found


def run(budget: Budget, seed: int) -> Result:
    """Closed forms, and the gradient a generator gets from a discriminator that learns."""
    slopes = slopes_at(REJECTED)
    w1, js = parallel_lines(SHIFT)
    measured = {
        "slope, minimax": Measured(math.log10(slopes["minimax"])),
        "slope, non-saturating": Measured(slopes["non-saturating"]),
        "W1 of lines": Measured(w1),
        "JS of lines": Measured(js),
        "JS of one line": Measured(parallel_lines(0.0)[1]),
    }
    series: dict[str, list[float]] = {}
    early = EARLY // EVERY - 1
    for stage in STAGES[budget]:
        seeds = [1000 * seed + repeat for repeat in range(REPEATS[budget])]
        paths = [against_a_new_critic(stage, ITERATIONS[budget], each) for each in seeds]
        for name in ("minimax", "non-saturating"):
            of = f"{name} after {stage}"
            measured[f"early, {of}"] = Measured.of([path[name][early] for path in paths])
            measured[f"late, {of}"] = Measured.of([path[name][-1] for path in paths])
            columns = zip(*(path[name] for path in paths), strict=True)
            series[of] = [sum(each) / len(each) for each in columns]
    return Result(measured, series)


def draw(result: Result) -> "Figure":
    """The gradient's norm against the discriminator's iterations, as in figure 2."""
    figure = canvas(2)
    left, right = figure.axes
    for axes, name in ((left, "minimax"), (right, "non-saturating")):
        shown = [key for key in result.series if key.startswith(f"{name} after")]
        for key, colour in zip(shown, COLOURS, strict=False):
            values = result.series[key]
            x = [EVERY * (i + 1) for i in range(len(values))]
            label = f"generator after {key.split()[-1]} steps"
            axes.plot(x, values, color=colour, label=label)
        axes.axhline(0.0, color=THEORY, linestyle=":")
        axes.set(xlabel="iterations of a new discriminator", title=f"{name} loss of the generator")
        axes.set(ylabel="log10 of the gradient's norm")
        axes.legend(fontsize=8)
    low = min(axes.get_ylim()[0] for axes in figure.axes)
    high = max(axes.get_ylim()[1] for axes in figure.axes)
    for axes in figure.axes:
        axes.set_ylim(low, high)
    return figure


def _exact(name: str, what: str, value: float, tolerance: float, source: str) -> Published:
    return Published(name, what, "exact", "derived", value, tolerance=tolerance, source=source)


_FIGURE = "Arjovsky & Bottou 2017, figure 2 (theirs: a DCGAN)"
EXPERIMENT = Experiment(
    name="arjovsky2017-js-gradient",
    citation="Arjovsky & Bottou 2017, Towards Principled Methods for Training GANs; Arjovsky, "
    "Chintala & Bottou 2017, Wasserstein GAN, example 1",
    claim="The better the discriminator, the smaller the gradient of the original generator's "
    "loss, as the Jensen-Shannon divergence of disjoint supports is constant and the Wasserstein "
    "distance is not.",
    protocol="A generator is held fixed, untrained or after some steps, and a new discriminator is "
    "trained on it from scratch; the norm of the generator's gradient is taken as it learns. The "
    "paper has a DCGAN after 1, 10 and 25 epochs; ours is the perceptron of ns-ring8 after 0, 100 "
    "and 400 steps, six seeds, 500 iterations. Tried at these three: the gradient falls beyond "
    "doubt with the untrained generator alone. Exactly: the losses' slopes at a rejected sample, "
    "and the distances between two parallel lines.",
    published=(
        _exact(
            "slope, minimax",
            "log10 of the minimax loss's slope at a logit of -20",
            math.log10(1 / (1 + math.exp(REJECTED))),
            1e-6,
            "1 / (1 + e^20)",
        ),
        _exact(
            "slope, non-saturating",
            "the non-saturating loss's slope there",
            1 / (1 + math.exp(-REJECTED)),
            1e-9,
            "1 / (1 + e^-20)",
        ),
        _exact(
            "W1 of lines",
            "Wasserstein distance of two lines .75 apart",
            SHIFT,
            1e-9,
            "example 1: |theta|",
        ),
        _exact(
            "JS of lines",
            "their Jensen-Shannon divergence",
            math.log(2),
            1e-12,
            "example 1: log 2 wherever they lie apart",
        ),
        _exact("JS of one line", "and of a line with itself", 0.0, 1e-12, "example 1"),
        *(
            Published(
                f"early, minimax after {stage}",
                f"log10 of the gradient's norm falls as D learns, generator after {stage} steps",
                "scaled",
                "second-hand",
                None,
                above=f"late, minimax after {stage}",
                source=_FIGURE,
            )
            for stage in STAGES["full"]
        ),
        Published(
            "late, non-saturating after 0",
            "the non-saturating loss keeps a larger one",
            "scaled",
            "second-hand",
            None,
            above="late, minimax after 0",
            source="Arjovsky & Bottou 2017, section 2.2.2",
        ),
    ),
    seconds={"small": 3, "default": 45, "full": 6000},
    run=run,
    draw=draw,
)
