"""How the reference trainers are watched."""

import pytest

from reference_models.recipe import replace
from reference_models.recipes import RECIPES
from reference_models.trainer import prepare
from reference_models.watching import watch


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
