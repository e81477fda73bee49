"""From the fewest rows that a metric takes on, every number comes, and its interval holds it."""

import math

import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import METRICS, CriticWasserstein, FrechetInfinity, KernelDistance
from gandiag.statistics import Bank

WIDTHS = {"ms_ssim": 3 * 11 * 11, "swd_patches": 3 * 7 * 7}
MORE = (0, 1, 2, 3)


def bank(n, seed, width=6, equal=False):
    x = torch.randn(n, width, generator=torch.Generator().manual_seed(seed)).abs()
    return Bank.of(x[:1].expand(n, -1) if equal else x).labelled([str(i % 2) for i in range(n)])


@pytest.mark.parametrize("equal", [False, True], ids=["different", "one row repeated"])
@pytest.mark.parametrize("more", MORE)
@pytest.mark.parametrize("name", [name for name in METRICS if name != "swd_patches"])
def test_a_number_or_a_sentence(name, more, equal):
    """Nothing but a number or an error of ours; several seeds, as some faults come by chance."""
    metric = CriticWasserstein(steps=3) if name == "critic" else METRICS[name]()
    width = WIDTHS.get(name, 6)
    for seed in range(3):
        given = {
            role: bank(metric.minimum(role) + more, 3 * seed + place, width, equal)
            for place, role in enumerate(metric.accepts)
        }
        try:
            scores = metric(**given)
        except GandiagError:
            continue  # the metric says what it needs
        for score in scores.values():
            assert math.isfinite(score.value)
            if score.low is not None:
                assert score.low <= score.value <= score.high


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("m", [2, 3, 50])
def test_kid_of_two_or_three_images_has_no_interval(n, m):
    for seed in range(20):
        score = KernelDistance()(real=bank(m, 2 * seed), generated=bank(n, 2 * seed + 1))["kid"]
        assert score.low is None
        assert "4 images" in score.method


def test_fid_inf_near_the_reference_has_an_interval():
    """Where many people look; of fewer features the variance comes from too few images."""
    real, generated = bank(3000, 0, width=24), bank(1000, 1, width=24)
    score = FrechetInfinity()(real=real, generated=generated)["fid_inf"]
    assert score.low < 0 < score.high < 0.1
