"""What R3GAN's loss does at an equilibrium, and how runs that diverged are counted."""

import math

import pytest
import torch

from reference_models.papers import huang2024_r3gan as r3gan


def test_a_run_that_diverged_reaches_no_mode():
    stacks = torch.zeros(5, 3, 8, 8)
    stacks[2, 0, 0, 0] = torch.nan
    found = r3gan.judged(stacks)
    assert found.covered == 0
    assert found.reverse_kl == pytest.approx(math.log(1000))


def test_a_run_that_did_not_is_counted():
    assert r3gan.judged(torch.zeros(5, 3, 8, 8)).covered == 1


@pytest.mark.parametrize("gamma", [0.3, 3.0])
def test_the_rate_is_the_larger_root(monkeypatch, gamma):
    """Of l^2 + g l + f'(0)^2 = 0, f'(0) = 1/2: below g = 1 it turns, above it only falls."""
    game = r3gan.Game("relativistic", gamma)
    monkeypatch.setattr(r3gan, "GAMES", {"game": game})
    root = complex(gamma**2 / 4 - 1 / 4) ** 0.5 - gamma / 2
    assert r3gan.slowest("game") == pytest.approx(root, abs=1e-9)


def test_the_four_models_differ_as_the_table_says():
    games = r3gan.MODELS.values()
    assert {(each.loss, each.r2 > 0) for each in games} == {
        (loss, both) for loss in ("relativistic", "non-saturating") for both in (True, False)
    }
    assert {each.r1 for each in games} == {r3gan.GAMMA}
