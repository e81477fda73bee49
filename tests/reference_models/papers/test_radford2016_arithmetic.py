"""Sums of latents whose concepts are known."""

import math

import pytest
import torch

from reference_models.papers import judge
from reference_models.papers import radford2016_arithmetic as radford
from reference_models.randomness import generator


def test_sums_of_concepts_and_their_lengths():
    rng = generator("latents")
    first, second = torch.randn(2, 10, 1000, generator=rng)
    digits = torch.cartesian_prod(torch.arange(10), torch.arange(10)).repeat(4, 1)
    # A latent is the sum of a vector of each of its two digits.
    z = first[digits[:, 0]] + second[digits[:, 1]]
    for of in radford.questions(digits, 20, 3, rng):
        assert of.a != of.c
        assert of.b != of.d
        shown = radford.exemplars(z, digits, of, rng)[None]
        for count in (1, 3):
            found = radford.arithmetic(shown, count)[0]
            assert torch.allclose(found, first[of.a] + second[of.d], atol=1e-5)
    # Latents without concepts: lengths of 1 and sqrt(3), to sqrt(1 / 2000) each.
    shown = torch.randn(50, 3, 3, 1000, generator=rng)
    for count, length in ((3, 1.0), (1, math.sqrt(3))):
        ours = radford.arithmetic(shown, count).norm(dim=1).mean() / math.sqrt(1000)
        assert float(ours) == pytest.approx(length, rel=0.02)


def test_questions_have_exemplars():
    # Three of (0, 0), (1, 0) and (1, 1) each, and two of (2, 0).
    digits = torch.tensor([[0, 0], [1, 0], [1, 1]] * 3 + [[2, 0]] * 2)
    asked = radford.questions(digits, 50, 3, generator("asked"))
    assert set(asked) == {radford.Question(0, 0, 1, 1)}


def test_means_of_one_instead_of_three_turn_the_verdict(monkeypatch):
    whole = radford.arithmetic
    monkeypatch.setattr(radford, "arithmetic", lambda shown, count: whole(shown, 1))
    verdicts = {
        each.published.name: each.verdict
        for each in judge(radford.EXPERIMENT, radford.EXPERIMENT.run("small", 0))
    }
    assert verdicts["length, three"] == "does not reproduce"
