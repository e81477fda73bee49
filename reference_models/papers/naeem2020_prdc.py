"""Naeem et al. 2020: density and coverage hold where precision and recall do not."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gandiag.metrics import precision_recall_density_coverage as prdc
from reference_models.papers.drawing import COLOURS, OURS, PAPER, THEORY, canvas
from reference_models.papers.experiment import Budget, Experiment, Measured, Published, Result
from reference_models.randomness import generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCORES = ("precision", "recall", "density", "coverage")
README = {"precision": 0.4772, "recall": 0.4705, "density": 1.0555, "coverage": 0.9735}
README_N, README_WIDTH, K = 10_000, 1000, 5
README_REPEATS = {"small": 0, "default": 5, "full": 20}

REAL, GENERATED, PLANE_K, PLANE_REPEATS = 200, 100, 3, 200
"""Closed forms, in the plane."""

STUDY_WIDTH, STUDY_N = 32, 1000
STUDY_REPEATS = {"small": 0, "default": 5, "full": 20}
SHIFTS = (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)
OUTLIER = 3.0
MODES, APART = 7, 3.0
SHARES = (0.0, 0.25, 0.5, 0.75, 0.9)
"""Of the samples of all modes but the first, how many went to the first."""


def expected_coverage(n: int, m: int, k: int) -> float:
    """Of equal distributions: a real row is missed if its k nearest of the others are all real."""
    return 1 - math.prod((n - i) / (m + n - i) for i in range(1, k + 1))


def in_the_readme(seed: int, repeat: int) -> dict[str, float]:
    """Two samples of N(0, I)."""
    rng = generator("prdc", seed, "readme", repeat)
    real, generated = (torch.randn(README_N, README_WIDTH, generator=rng) for _ in range(2))
    return prdc(real=real, generated=generated, k=K, tie="<")


def on_a_lattice() -> dict[str, float]:
    """0 to 9 against 1 to 10, k = 1: every radius is 1, and so is the distance of 0 and of 10.

    Closed balls hold them, open ones do not.
    """
    real = torch.arange(10.0)[:, None]
    closed = prdc(real=real, generated=real + 1, k=1)
    opened = prdc(real=real, generated=real + 1, k=1, tie="<")
    return {
        f"{kind} {name}": scores[name]
        for name in SCORES
        for kind, scores in (("closed", closed), ("open", opened))
    }


def shifted(shift: float, outlier: bool, rng: torch.Generator) -> dict[str, float]:
    """N(0, I), one row maybe replaced by an outlier, against N(shift 1, I)."""
    real, generated = (torch.randn(STUDY_N, STUDY_WIDTH, generator=rng) for _ in range(2))
    if outlier:
        real[0] = OUTLIER
    return prdc(real=real, generated=generated + shift, k=K)


def dropped(kept: Sequence[float], rng: torch.Generator) -> dict[str, float]:
    """A mixture against one whose modes kept these shares of their samples, the rest in the first.

    Args:
        kept: of modes 2 to 7.
        rng: of the modes' places and of the samples.
    """
    means = APART * torch.randn(MODES, STUDY_WIDTH, generator=rng)
    of_real, of_generated = (torch.arange(STUDY_N) % MODES for _ in range(2))
    threshold = torch.tensor([1.0, *kept])[of_generated]
    of_generated = of_generated.clone()
    of_generated[torch.rand(STUDY_N, generator=rng) >= threshold] = 0

    def sample(modes: Tensor) -> Tensor:
        return means[modes] + torch.randn(STUDY_N, STUDY_WIDTH, generator=rng)

    return prdc(real=sample(of_real), generated=sample(of_generated), k=K)


def run(budget: Budget, seed: int) -> Result:
    """The README's example, closed forms, and the two studies."""
    measured = {name: Measured(value) for name, value in on_a_lattice().items()}
    rng = generator("prdc", seed, "plane")
    planes = []
    for _ in range(PLANE_REPEATS):
        real, generated = (torch.randn(n, 2, generator=rng) for n in (REAL, GENERATED))
        planes.append(prdc(real=real, generated=generated, k=PLANE_K))
    for name in ("density", "coverage"):
        measured[f"equal {name}"] = Measured.of([each[name] for each in planes])
    if README_REPEATS[budget]:
        found = [in_the_readme(seed, repeat) for repeat in range(README_REPEATS[budget])]
        measured |= {f"readme {name}": Measured.of([e[name] for e in found]) for name in SCORES}
    if STUDY_REPEATS[budget]:
        measured |= _outlier_study(STUDY_REPEATS[budget], seed)
        measured |= _mode_study(STUDY_REPEATS[budget], seed)
    return Result(measured)


def _outlier_study(repeats: int, seed: int) -> dict[str, Measured]:
    measured = {}
    for outlier in (False, True):
        for shift in SHIFTS:
            rng = generator("prdc", seed, "outlier", str(shift), outlier)
            found = [shifted(shift, outlier, rng) for _ in range(repeats)]
            beside = "with outlier" if outlier else "without outlier"
            for name in SCORES:
                measured[f"{name} at {shift} {beside}"] = Measured.of([e[name] for e in found])
    return measured


def _mode_study(repeats: int, seed: int) -> dict[str, Measured]:
    cases = {f"all at once {share}": (1 - share,) * (MODES - 1) for share in SHARES}
    for gone in range(MODES):
        cases[f"one by one {gone}"] = (0.0,) * gone + (1.0,) * (MODES - 1 - gone)
    measured = {}
    for case, kept in cases.items():
        rng = generator("prdc", seed, case)
        found = [dropped(kept, rng) for _ in range(repeats)]
        for name in ("recall", "coverage"):
            measured[f"{name}, {case}"] = Measured.of([each[name] for each in found])
    first, last = (f"all at once {share}" for share in (SHARES[0], SHARES[-1]))
    for name in ("recall", "coverage"):
        before, after = measured[f"{name}, {first}"], measured[f"{name}, {last}"]
        fall = [before.value - each for each in after.repeats]
        measured[f"fall of {name}"] = Measured.of(fall)
    return measured


def draw(result: Result) -> "Figure":
    """The README's four numbers; the scores under a shift with an outlier; under mode dropping."""
    measured = result.measured
    if "readme precision" not in measured:
        return _closed_forms(result)
    figure = canvas(4, width=4.0)
    first, second, third, fourth = figure.axes
    x = np.arange(len(SCORES))
    ours = [measured[f"readme {name}"] for name in SCORES]
    first.bar(x - 0.2, list(README.values()), 0.4, color=PAPER, label="published")
    spread = [each.spread for each in ours]
    first.bar(x + 0.2, [e.value for e in ours], 0.4, yerr=spread, color=OURS, label="ours")
    first.set_xticks(x, SCORES)
    first.set(title="Two samples of N(0, I), width 1,000")
    first.legend()
    for name, colour in zip(SCORES, COLOURS, strict=False):
        for beside, line in (("without outlier", "-"), ("with outlier", "--")):
            y = [measured[f"{name} at {shift} {beside}"].value for shift in SHIFTS]
            second.plot(SHIFTS, y, line, color=colour, label=name if line == "-" else None)
    second.set(xlabel="shift", title="Shifted; dashed: one real outlier")
    second.legend(fontsize=8)
    shares = np.arange(MODES) / (MODES - 1)
    for axes, title, places, cases in (
        (third, "Modes dropped one by one", shares, [f"one by one {i}" for i in range(MODES)]),
        (fourth, "All but one at once", SHARES, [f"all at once {share}" for share in SHARES]),
    ):
        for name, colour in (("recall", COLOURS[1]), ("coverage", COLOURS[3])):
            found = [measured[f"{name}, {case}"] for case in cases]
            y, error = [each.value for each in found], [each.spread for each in found]
            axes.errorbar(places, y, error, color=colour, fmt="o-", label=name)
        axes.plot([0, 1], [1, 1 / MODES], color=THEORY, linestyle=":", label="share kept")
        axes.set(xlabel="share of six modes dropped", title=title, ylim=(0, 1.05))
        axes.legend(fontsize=8)
    return figure


def _closed_forms(result: Result) -> "Figure":
    figure = canvas()
    (axes,) = figure.axes
    shown = [each for each in EXPERIMENT.published if each.name in result.measured]
    y = range(len(shown))
    axes.plot([each.value or 0 for each in shown], y, "D", color=PAPER, fillstyle="none")
    axes.plot([result.measured[each.name].value for each in shown], y, ".", color=OURS)
    axes.set_yticks(y, [each.name for each in shown], fontsize=7)
    axes.set(title="Closed forms (diamonds) and ours")
    return figure


_LATTICE = {
    "closed": {"precision": 1.0, "recall": 1.0, "density": 2.7, "coverage": 1.0},
    "open": {"precision": 0.9, "recall": 0.9, "density": 0.9, "coverage": 0.9},
}
_STUDIES = "as Kim et al. 2023 (TopP&R, section 5.1) describe it"


def _study(name: str, above: str, what: str) -> Published:
    return Published(name, what, "scaled", "second-hand", None, above=above, source=_STUDIES)


EXPERIMENT = Experiment(
    name="naeem2020-prdc",
    citation="Naeem, Oh, Uh, Choi & Yoo 2020, Reliable Fidelity and Diversity Metrics for "
    "Generative Models",
    claim="Of equal distributions density and coverage are near 1 where precision and recall are "
    "not, one outlier lifts precision far above density, and coverage sees modes dropped where "
    "recall does not.",
    protocol="The example of the authors' README: 10,000 real and 10,000 generated rows of "
    "N(0, I), width 1,000, k = 5, compared by < as there; published once and said to fluctuate, so "
    "held to the spread of our five draws. Expected values of equal distributions in closed form "
    "(200 real and 100 generated points in the plane, k = 3), and a lattice of exact ties: "
    "Kynkäänniemi et al. 2019 have closed balls (<=, our default), the authors' code open ones. "
    "The two studies (figures 2 to 4) in the form that another paper states in full: width 32, "
    "1,000 rows, k = 5; a shift of -1 to 1 with and without a real row at 3; seven modes, dropped "
    "one by one or all but one at once. Where the modes lie is ours: far apart.",
    published=(
        *(
            Published(
                f"readme {name}",
                f"{name} of two samples of N(0, I)",
                "same protocol",
                "confirmed",
                value,
                source="README of generative-evaluation-prdc",
            )
            for name, value in README.items()
        ),
        Published(
            "equal density",
            "density of equal distributions",
            "same protocol",
            "derived",
            1.0,
            error=0.0,
            source="section 4.2",
        ),
        Published(
            "equal coverage",
            "coverage of equal distributions",
            "same protocol",
            "derived",
            expected_coverage(REAL, GENERATED, PLANE_K),
            error=0.0,
            source="section 4.2, for finite N and M",
        ),
        *(
            Published(
                f"{kind} {name}",
                f"{name} with exact ties, {kind} balls",
                "exact",
                "derived",
                value,
                tolerance=1e-12,
                source="by counting; rounding",
            )
            for kind, values in _LATTICE.items()
            for name, value in values.items()
        ),
        _study(
            "precision at 1.0 with outlier",
            "precision at 1.0 without outlier",
            "an outlier lifts the precision of shifted samples",
        ),
        _study(
            "precision at 1.0 with outlier",
            "density at 1.0 with outlier",
            "and lifts it above density",
        ),
        _study(
            "coverage, all at once 0.0",
            "coverage, all at once 0.9",
            "coverage falls when six of seven modes thin out together",
        ),
        _study("fall of coverage", "fall of recall", "and falls further than recall"),
        _study("coverage, one by one 0", "coverage, one by one 6", "coverage falls mode by mode"),
    ),
    seconds={"small": 1, "default": 180, "full": 700},
    run=run,
    draw=draw,
)
