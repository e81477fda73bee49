"""What theory says of classes that share no cluster, and what a wrong curve does."""

import pytest
import torch

from gandiag.metrics import prd_curve, prd_from_histograms
from reference_models.papers import judge
from reference_models.papers import sajjadi2018_prd_classes as sajjadi


@pytest.mark.parametrize("classes", range(1, 11))
def test_the_ideal_is_that_of_the_histograms(classes):
    real = torch.tensor([1.0] * 5 + [0.0] * 5)
    generated = torch.tensor([1.0] * classes + [0.0] * (10 - classes))
    curve = prd_from_histograms(real=real, generated=generated, angles=20_001)
    # The corner lies between two angles.
    assert sajjadi.ideal(classes)[0] == pytest.approx(curve.f_beta(8.0), abs=1e-3)
    assert sajjadi.ideal(classes)[1] == pytest.approx(curve.f_beta(1 / 8.0), abs=1e-3)


def test_sides_exchanged_turn_the_verdict(monkeypatch):
    def exchanged(*, real, generated, **how):
        return prd_curve(real=generated, generated=real, **how)

    monkeypatch.setattr(sajjadi, "prd_curve", exchanged)
    verdicts = {
        each.published.name: each.verdict
        for each in judge(sajjadi.EXPERIMENT, sajjadi.EXPERIMENT.run("small", 0))
    }
    assert verdicts["F8 4"] == "does not reproduce"
    assert verdicts["F1/8 5"] == "direction does not hold"
