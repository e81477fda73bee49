"""Which tricks help: the table of cases, the interval, and a sample of the runs."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from reference_models.recipe import replace
from reference_models.trainer import prepare

cases = pytest.importorskip("benchmarks.tricks.cases")
from benchmarks.tricks import effects, running, tables  # noqa: E402

ALL = [(data, trick) for data in tables.DATA for trick in cases.of(data)]


def test_names_are_unique_and_pairs_differ():
    assert len({trick.name for trick in cases.TRICKS}) == len(cases.TRICKS)
    for data, trick in ALL:
        on, off = trick.recipes(data)
        assert on != off, trick.name
        assert off == cases.GRID or off in list(cases.recipes(data))


def test_every_file_of_a_trick_is_in_the_table_or_no_trick_of_practice():
    used = {each.name for data, trick in ALL for each in trick.recipes(data)[0].tricks}
    from reference_models.tricks import BY_NAME

    # Flipped digits are no digits; clipped weights are a loss of their own (WGAN).
    assert set(BY_NAME) - used == {"mirror", "weight_clipping"}


@pytest.mark.parametrize("data", tables.DATA)
def test_every_case_trains(data):
    for recipe in cases.recipes(data):
        trainer = prepare(replace(recipe, steps=1))
        losses = trainer.step()
        assert torch.isfinite(losses.d_loss)
        assert torch.isfinite(losses.g_loss)


def test_a_run_is_told_by_its_seed():
    recipe = replace(cases.BASELINES["ring8"], steps=3)
    row = running.run(recipe, 1)
    assert row == running.run(recipe, 1)
    assert row["distance"] != running.run(recipe, 2)["distance"]
    rows = {(row["settings"], 1): row}
    assert running.current(recipe, 1, rows) == row
    assert running.current(recipe, 2, rows) is None
    assert running.current(recipe, 1, {(row["settings"], 1): {**row, "code": "other"}}) is None
    assert running.code(recipe) != running.code(replace(recipe, pack=2))


def test_samples_that_are_not_finite_are_as_far_as_one_point():
    rng = np.random.default_rng(0)
    real = torch.from_numpy(rng.normal(size=(500, 2)))
    point = real.mean(dim=0).expand(500, -1)
    nothing = torch.full((500, 2), math.nan)
    assert running.distance(real, nothing) == pytest.approx(running.distance(real, point))


def test_the_interval_is_students_of_the_logarithms():
    ratios = [0.5, 0.6, 0.7, 0.4, 0.55]
    low, high = effects.interval(ratios, 1)
    logs = np.log(ratios)
    wanted = stats.t.interval(0.95, 4, logs.mean(), stats.sem(logs))
    assert (math.log(low), math.log(high)) == pytest.approx(wanted)
    wide = effects.interval(ratios, 40)
    wanted = stats.t.interval(1 - 0.05 / 40, 4, logs.mean(), stats.sem(logs))
    assert tuple(map(math.log, wide)) == pytest.approx(wanted)


def made(data, factor, seeds=range(effects.SEEDS)):
    """Rows where every recipe but the baseline is `factor` times as far."""
    rows = {}
    base = cases.BASELINES[data]
    for recipe in cases.recipes(data):
        for seed in seeds:
            far = (1 if recipe == base else factor) * (1 + 0.05 * math.sin(7 * seed))
            key = running.settings(recipe), seed
            noise = 1 + 0.02 * math.cos(11 * seed + len(rows))
            row = {"distance": far * noise, "modes": 8, "code": running.code(recipe)}
            rows[key] = {**row, "data": data, "settings": key[0], "seed": seed}
    return rows


def test_verdicts():
    by_name = {e.trick.name: e for e in effects.effects("ring8", made("ring8", 2.0))}
    assert by_name["R1"].verdict == "hurts"
    # The one whose settings are the baseline, and whose absence is twice as far.
    assert by_name["leaky ReLU in D, not plain"].verdict == "helps"
    assert by_name["leaky ReLU in D, not plain"].ratio == pytest.approx(0.5, rel=0.05)
    same = effects.effects("ring8", made("ring8", 1.0))
    assert {e.verdict for e in same} == {"cannot tell"}


def test_a_trick_without_all_its_seeds_is_left_out():
    assert not list(effects.effects("ring8", made("ring8", 2.0, range(9))))


def test_the_table_shows_what_there_is():
    rows = made("ring8", 2.0)
    count, _, head, _, *lines = tables.table(rows)
    assert count == f"digits: 0 of {10 * len(list(cases.recipes('digits')))} runs so far."
    assert head.endswith("| ring8 | digits | grid25 |")
    assert len(lines) == len(cases.of("ring8"))
    (line,) = (each for each in lines if each.startswith("| R1 "))
    assert line.count("**") == 2
    assert line.endswith("|  |  |")


def test_every_trick_of_the_results_is_at_work():
    """A switch that a network does not have leaves each run as it was, to the last bit."""
    for data, found in tables.told().items():
        idle = [name for name, effect in found.items() if set(effect.ratios) == {1.0}]
        assert not idle, data
