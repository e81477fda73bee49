"""How often the intervals that claim 95 % hold the mean of the score at that N, by simulation."""

import math

import pytest
import torch

from gandiag.metrics import PRDC, FrechetDistance, InceptionScore, KernelDistance, VendiScore
from gandiag.metrics.intervals import Z
from gandiag.statistics import Bank, Moments

DRAWS = 120


def normal(n, width, seed):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def fixed_reference(metric, n, width):
    """Scores of generated sets against one real set, near it but not equal."""
    real = Moments.of(normal(4000, width, 10**6))
    for seed in range(DRAWS):
        yield metric(real=real, generated=Bank.of(0.9 * normal(n, width, seed) + 0.15))


def both_redrawn(metric, n, width):
    for seed in range(DRAWS):
        generated = 0.9 * normal(n, width, 2 * seed + 1) + 0.15
        yield metric(real=Bank.of(normal(n, width, 2 * seed)), generated=Bank.of(generated))


def generated_alone(metric, n, width):
    scale = torch.logspace(0.5, -1, width)
    for seed in range(DRAWS):
        yield metric(generated=Bank.of(normal(n, width, seed) * scale))


@pytest.mark.parametrize(
    ("metric", "draws", "n", "width", "least"),
    [
        # What longer simulations gave at the low end of their settings.
        (FrechetDistance(), fixed_reference, 1000, 16, 0.92),
        (KernelDistance(), both_redrawn, 150, 16, 0.92),
        (InceptionScore(), generated_alone, 300, 10, 0.93),
        (InceptionScore(splits=3), generated_alone, 300, 10, 0.93),
        (VendiScore(), generated_alone, 200, 24, 0.92),
        (PRDC(), both_redrawn, 250, 16, 0.92),
        (PRDC(k=3), both_redrawn, 250, 4, 0.92),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_intervals_hold_the_mean(metric, draws, n, width, least):
    scores = list(draws(metric, n, width))
    for name in scores[0]:
        values = torch.tensor([each[name].value for each in scores])
        low = torch.tensor([each[name].low for each in scores])
        high = torch.tensor([each[name].high for each in scores])
        covered = float(((low <= values.mean()) & (values.mean() <= high)).double().mean())
        # Three deviations of a binomial share.
        assert covered > least - 3 * math.sqrt(least * (1 - least) / DRAWS), name
        # And they say something: a jackknife is conservative, most of all for coverage near 1.
        ratio = float((high - low).mean() / values.std()) / 2 / Z
        assert ratio < (5 if name == "coverage" else 2.8), name
