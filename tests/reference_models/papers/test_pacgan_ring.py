"""A ring that is none, as published code has it."""

import math

import torch

from gandiag.sources.mixtures import Mixture
from reference_models.papers import judge, pacgan_ring


def test_a_doubled_end_point_turns_the_verdict(monkeypatch):
    angles = torch.linspace(0, 2 * math.pi, 8)
    closed = Mixture(torch.stack([angles.cos(), angles.sin()], dim=1), pacgan_ring.RING.sd)
    monkeypatch.setattr(pacgan_ring, "RING", closed)
    found = judge(pacgan_ring.EXPERIMENT, pacgan_ring.EXPERIMENT.run("small", 0))
    verdicts = {each.published.name: each.verdict for each in found}
    assert verdicts["apart"] == "does not reproduce"
    # Counting cannot tell: samples of a place are shared by the two centres there.
    assert verdicts["KL, true"] == "reproduces"
