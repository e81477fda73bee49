"""How the reference trainers are watched."""

from types import SimpleNamespace

import pytest
import torch

from reference_models.recipe import replace
from reference_models.recipes import RECIPES
from reference_models.trainer import prepare
from reference_models.watching import tell, watch


@pytest.mark.parametrize(
    ("name", "steps", "every"),
    [
        ("ns-ring8", 50_000, 100),
        ("ns-ring8", 1_000, 25),
        ("ns-ring8", 10, 1),
        ("ns-digits", 50_000, 100),
        ("ns-digits", 1_000, 50),
    ],
)
def test_short_runs_are_looked_at_more_often(tmp_path, name, steps, every):
    with watch(prepare(replace(RECIPES[name], steps=steps)), tmp_path, sinks=()) as monitor:
        assert (monitor.every, monitor.context.budget) == (every, steps)


@pytest.mark.parametrize(
    ("name", "lipschitz"),
    [
        ("sngan-ring8", "sn"),
        ("wgan-gp-ring8", "gp"),
        ("wgan-clip-ring8", "clip"),
        ("ns-r1-ring8", "r1"),
        ("ns-ring8", None),
    ],
)
def test_the_monitor_is_told_how_the_slope_is_held(tmp_path, name, lipschitz):
    with watch(prepare(RECIPES[name]), tmp_path, sinks=()) as monitor:
        assert monitor.context.lipschitz == lipschitz
        assert monitor.context.loss == RECIPES[name].objective.loss


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ns-ring8", {"loss": "relativistic"}),
        ("ns-ring8", {"pack": 3, "batch": 96}),
        ("ns-digits", {"pack": 3, "batch": 96}),
        ("pacgan3-ring-full", {}),
    ],
)
def test_what_trains_is_watched(tmp_path, name, changes):
    trainer = prepare(replace(RECIPES[name], {"steps": 2, **changes}))
    with watch(trainer, tmp_path, sinks=()) as monitor:
        for losses in trainer.steps():
            tell(monitor, losses)
        assert monitor.context.loss == (None if "loss" in changes else "non-saturating")


def test_every_label_is_watched(tmp_path, monkeypatch):
    """The monitor draws at most 64 samples at once; here there are 100 classes."""
    asked = {}
    monkeypatch.setattr("gandiag.Monitor", lambda *_, **options: asked.update(options))
    trainer = prepare(RECIPES["cgan-digits"])
    names = tuple(map(str, range(100)))
    trainer.data = SimpleNamespace(classes=names, shape=(1, 8, 8), split=trainer.data.split)
    trainer.generator.forward = lambda z, y: z
    watch(trainer, tmp_path)
    rng = torch.Generator().manual_seed(0)
    seen = torch.cat([asked["sampler"](64, rng)[1] for _ in range(16)])
    assert set(seen.tolist()) == set(range(100))
    assert asked["sampler"](200, rng)[1].bincount().tolist() == [2] * 100
