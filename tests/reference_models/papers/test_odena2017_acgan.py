"""Agreement and variety of samples for which both are known."""

import pytest
import torch

from gandiag.extractors import open_extractor
from reference_models.data import open_data
from reference_models.papers import judge
from reference_models.papers import odena2017_acgan as odena
from reference_models.papers.experiment import Measured, Result


def test_variety_is_the_distance_within_a_class():
    labels = torch.arange(10).repeat_interleave(2)
    samples = torch.zeros(20, 1, 8, 8)
    # The second sample of class k differs from the first by k in each of four pixels: 2 k.
    samples[1::2, 0, 0, :4] = torch.arange(10.0)[:, None]
    assert odena.variety(samples, labels).tolist() == pytest.approx([2.0 * k for k in range(10)])


def test_agreement_of_real_digits_and_of_wrong_labels():
    classifier = open_extractor("digits", device=torch.device("cpu"))
    x, y = open_data("digits").split("reference")
    assert odena.agreement(classifier, x, y) > 0.98
    wrong = odena.agreement(classifier, x, (y + 1) % 10)
    assert wrong < 0.02
    found = judge(odena.EXPERIMENT, Result({"agreement, real": Measured(wrong)}))
    assert found[0].verdict == "does not reproduce"
