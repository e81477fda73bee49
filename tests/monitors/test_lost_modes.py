"""Modes that are gone are told, however small the energy distance is."""

import numpy as np
import pytest
import torch
from small_gan import Loop, Rows, ring

from gandiag.monitors.signals.histograms import lost_modes

ALTERNATE = [0, 2, 3, 5, 6]
"""Five of eight modes: what is gone lies between what is there."""


def some(n, rng, weights):
    """As `ring`, with modes as often as their weights say."""
    angle = torch.multinomial(weights, n, replacement=True, generator=rng) * (2 * torch.pi / 8)
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(n, 2, generator=rng)


def watched(weights_at, steps=300):
    """What is told of a run whose samples have modes in proportion to `weights_at(step)`."""
    loop, sink = Loop(), Rows()
    real = ring(1024, torch.Generator().manual_seed(1))

    def sampler(n, rng):
        return some(n, rng, weights_at(monitor.steps if monitor else 0))

    monitor = None
    monitor = loop.monitor(
        sampler=sampler, real=real, heldout=None, sinks=[sink], budget=400, loss=None,
        discriminator=lambda x: x[:, 0],
    )  # fmt: skip
    with monitor:
        loop.iterate(monitor, steps=steps)
    told = [alert for alert in sink.alerts if alert.pathology == "mode-collapse"]
    return told, [row for _, row in sink.rows]


def of(modes):
    weights = torch.zeros(8)
    weights[modes] = 1.0
    return weights


def test_three_of_eight_modes_that_are_gone_are_told():
    told, rows = watched(lambda step: of(ALTERNATE))
    assert max(row["energy"] for row in rows) < 0.04
    assert rows[-1]["lost_modes"] == pytest.approx(3 / 8, abs=0.05)
    (alert,) = told
    assert (alert.level, alert.signal) == ("WARN", "lost_modes")
    assert alert.step <= 130  # a quarter of the budget, and three checks
    assert alert.evidence["lost_modes"] == pytest.approx(3 / 8, abs=0.05)


def test_modes_that_are_lost_late_are_told():
    told, _ = watched(lambda step: of(ALTERNATE if step > 200 else range(8)))
    assert [alert.since > 200 for alert in told] == [True]


@pytest.mark.parametrize(
    "weights_at",
    [
        lambda step: torch.ones(8),
        # Two modes are too small by half: significantly so, and not lost.
        lambda step: torch.tensor([1.0, 0.5, 1.0, 1.0, 1.0, 0.5, 1.0, 1.0]),
        # One mode of eight.
        lambda step: of([0, 1, 2, 3, 4, 5, 6]),
        # One more is found every 60 steps.
        lambda step: of(range(min(8, 5 + step // 60))),
    ],
    ids=["all", "uneven", "one gone", "being found"],
)
def test_modes_that_are_there_or_on_their_way_are_not_missed(weights_at):
    told, rows = watched(weights_at)
    assert told == []
    assert "lost_modes" in rows[-1]


def test_what_counts_as_lost():
    masses = np.array([0.5, 0.3, 0.2])
    assert lost_modes(np.array([0.9, 0.05, 0.05]), masses, 1000) == 0
    assert lost_modes(np.array([0.95, 0.025, 0.025]), masses, 1000) == pytest.approx(0.3)
    assert lost_modes(np.array([1.0, 0.0, 0.0]), masses, 1000) == pytest.approx(0.5)
    # Of 80 samples the smallest would have 16.
    assert lost_modes(np.array([1.0, 0.0, 0.0]), masses, 80) == pytest.approx(0.3)
