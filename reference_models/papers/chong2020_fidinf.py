"""Chong & Forsyth 2020: FID without its bias, by a line in 1/N."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

from gandiag.metrics import FrechetInfinity, frechet_from_moments
from gandiag.statistics import Bank, Moments
from reference_models.papers.drawing import COLOURS, THEORY, canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.randomness import generator, seed_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = {"small": 32, "default": 512, "full": 2048}
REPEATS = {"small": 10, "default": 10, "full": 20}
PER_WIDTH = 24
"""Samples for each feature, as 50,000 for 2,048."""
NARROW = 0.5
"""Deviation of the first generator, whose FID to N(0, I) is width (1 - s)^2."""
LESS = 0.98
"""FID of the second generator over that of the first: it is better."""
DRAWS, LATENT, OUT, SAMPLES = {"small": 20, "default": 60, "full": 60}, 8, 16, 512
"""Of the generator that is sampled by a Sobol sequence: latents, features, samples of a draw."""


def deviations() -> dict[str, float]:
    """Of both generators: one too narrow, the other too wide."""
    return {"narrow": NARROW, "wide": 1 + (1 - NARROW) * LESS**0.5}


def evaluate(s: float, width: int, seed: int, repeat: int) -> tuple[float, float, float, float]:
    """FID_N, FID_inf, the line's slope and r^2, of N(0, s^2 I) against N(0, I) known exactly."""
    real = Moments.from_published(torch.zeros(width), torch.eye(width))
    rng = generator("fidinf", seed, repeat, str(s))
    rows = s * torch.randn(PER_WIDTH * width, width, generator=rng)
    metric = FrechetInfinity(seed=seed_of(seed, repeat, str(s)) >> 32)
    found = metric(real=real, generated=Bank.of(rows))["fid_inf"]
    whole = frechet_from_moments(real, Moments.of(rows))
    return whole, found.value, found.extra["slope"], found.extra["r2"]


def sampled(latents: Tensor, weights: Tensor) -> float:
    """FID of a linear generator against its own distribution."""
    real = Moments.from_published(torch.zeros(len(weights)), weights @ weights.T)
    return frechet_from_moments(real, Moments.of(latents @ weights.T))


def quasi_random(draws: int, seed: int) -> dict[str, list[float]]:
    """How far FID_N is from its mean over draws, by independent and by scrambled Sobol latents."""
    weights = torch.randn(OUT, LATENT, generator=generator("sobol", seed), dtype=torch.float64)
    found: dict[str, list[float]] = {"independent": [], "Sobol": []}
    for draw in range(draws):
        rng = generator("sobol", seed, draw)
        z = torch.randn(SAMPLES, LATENT, generator=rng, dtype=torch.float64)
        found["independent"].append(sampled(z, weights))
        scramble = seed_of("sobol", seed, draw) >> 32
        engine = SobolEngine(LATENT, scramble=True, seed=scramble)  # type: ignore[no-untyped-call]
        uniform = engine.draw(SAMPLES, dtype=torch.float64).clamp(1e-9, 1 - 1e-9)
        found["Sobol"].append(sampled(torch.special.ndtri(uniform), weights))
    return found


def run(budget: Budget, seed: int) -> Result:
    """Both generators by FID_N and by FID_inf; and FID_N of quasi-random samples."""
    width, measured = WIDTH[budget], {}
    found = {
        name: [evaluate(s, width, seed, repeat) for repeat in range(REPEATS[budget])]
        for name, s in deviations().items()
    }
    for name, s in deviations().items():
        whole, endless, slope, r2 = (list(each) for each in zip(*found[name], strict=True))
        true = width * (1 - s) ** 2
        measured[f"true, {name}"] = Measured(true)
        measured[f"FID_N, {name}"] = Measured.of(whole)
        measured[f"FID_inf, {name}"] = Measured.of(endless)
        measured[f"slope, {name}"] = Measured.of([each / width**2 for each in slope])
        if budget != "small":
            measured[f"r2, {name}"] = Measured(min(r2))
            left = Measured.of(endless).value - true
            measured[f"bias left, {name}"] = Measured(left / (Measured.of(whole).value - true))
    for name, place in (("FID_N", 0), ("FID_inf", 1)):
        pairs = zip(found["narrow"], found["wide"], strict=True)
        right = [float(a[place] > b[place]) for a, b in pairs]
        if budget != "small":
            measured[f"right, {name}"] = Measured(sum(right) / len(right))
    for name, values in quasi_random(DRAWS[budget], seed).items():
        mean = sum(values) / len(values)
        measured[f"FID_N, {name}"] = Measured.of(values)
        measured[f"scatter, {name}"] = Measured.of([abs(each - mean) for each in values])
    return Result(measured, {"width": [width]})


def draw(result: Result) -> "Figure":
    """The lines in 1/N and the true values; and FID_N by both ways to sample."""
    figure = canvas(2)
    left, right = figure.axes
    width = int(result.series["width"][0])
    for name, colour in zip(deviations(), COLOURS, strict=False):
        true, whole, endless = (
            result.measured[f"{what}, {name}"] for what in ("true", "FID_N", "FID_inf")
        )
        x = 1 / (PER_WIDTH * width)
        slope = result.measured[f"slope, {name}"].value * width**2
        left.plot([0, 2 * x], [endless.value, endless.value + 2 * x * slope], color=colour)
        left.errorbar([0], [endless.value], [endless.spread], color=colour, fmt="o", label=name)
        left.errorbar([x], [whole.value], [whole.spread], color=colour, fmt="s")
        left.plot([0], [true.value], "_", color=THEORY, markersize=24)
    left.ticklabel_format(axis="x", scilimits=(0, 0))
    left.set(xlabel="1 / N", ylabel="FID", title="FID_N (squares), FID_inf (dots), true (lines)")
    left.legend()
    names = ("independent", "Sobol")
    ours = [result.measured[f"FID_N, {name}"].repeats for name in names]
    right.boxplot(ours, widths=0.5)
    right.set_xticks([1, 2], names)
    right.set(ylabel="FID", title=f"A linear generator, {SAMPLES} samples")
    return figure


_LINE = "section 4: the bias is a line in 1/N"
EXPERIMENT = Experiment(
    name="chong2020-fidinf",
    citation="Chong & Forsyth 2020, Effectively Unbiased FID and Inception Score and where to find "
    "them",
    claim="FID's bias depends on the generator, so that FID_N may rank two of them wrongly, while "
    "FID_inf, read off a line in 1/N, ranks them rightly.",
    protocol="The paper evaluates trained generators by 15 sizes up to 50,000 images. Ours are "
    "normal features whose FID to N(0, I) is known, one too narrow and one too wide, the latter 2 "
    "% better and with thrice the bias; width 512 and 24 samples a feature, as 50,000 for 2,048; "
    "15 sizes, ten draws. And a linear generator whose latents are independent, or a scrambled "
    "Sobol sequence. The paper's tables are not compared with.",
    published=(
        Published(
            "right, FID_N",
            "share of draws that FID_N ranks rightly",
            "exact",
            "derived",
            0.0,
            tolerance=0.0,
            source="the biases differ by width^2 / 4N, which is twice the difference of the "
            "values, and many deviations of a draw",
        ),
        Published(
            "right, FID_inf",
            "share of draws that FID_inf ranks rightly",
            "exact",
            "derived",
            1.0,
            tolerance=0.0,
            source="the difference is several deviations of FID_inf",
        ),
        *(
            Published(
                f"bias left, {name}",
                f"share of the bias that FID_inf leaves, {name}",
                "exact",
                "derived",
                0.0,
                tolerance=0.2,
                source="what is of second order in width / N at the smallest size bends the line "
                "by about a tenth of the bias",
            )
            for name in deviations()
        ),
        *(
            Published(
                f"r2, {name}",
                f"least r^2 of the line, {name}",
                "exact",
                "confirmed",
                1.0,
                tolerance=0.01,
                source=f"{_LINE}; their figures show no bend",
            )
            for name in deviations()
        ),
        Published(
            "slope, wide",
            "the wide generator's line is steeper (slope / width^2)",
            "scaled",
            "confirmed",
            None,
            above="slope, narrow",
            source="section 4: the bias depends on the generator",
        ),
        Published(
            "scatter, independent",
            "FID_N of independent latents scatters more than of a Sobol sequence",
            "scaled",
            "confirmed",
            None,
            above="scatter, Sobol",
            source="section 5",
        ),
    ),
    seconds={"small": 1, "default": 50, "full": 6000},
    run=run,
    draw=draw,
)
