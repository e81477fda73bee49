"""The benchmark of the reference models, on recipes cut short: it must not rot between its runs."""

import json
from pathlib import Path

import pytest

from reference_models.recipe import replace
from reference_models.recipes import SMALL

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def benchmark():
    if not (ROOT / "benchmarks").is_dir():
        pytest.skip("benchmarks are in the checkout alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        import benchmarks.reference_models

        yield benchmarks.reference_models


@pytest.mark.parametrize("name", ["wgan-gp-ring8", "cgan-digits", "sngan-stacked-digits"])
def test_a_short_run_gives_a_whole_row(benchmark, name, tmp_path):
    recipe = replace(SMALL[name], steps=2, width_g=4, width_d=4)
    row = benchmark.run(recipe, seed=3)
    assert (row["recipe"], row["seed"], row["under_five_minutes"]) == (name, 3, True)
    assert 0 <= row["modes"] <= row["of"]
    assert row["reverse_kl"] >= -1e-12
    assert ("high_quality" in row) == (recipe.data == "ring8")
    assert ("gan_test" in row) == recipe.networks.conditional
    if recipe.data != "ring8":
        assert row["classifier"] > 0.97  # support vectors on digits that they have not seen
    # A row of other settings is not taken for one of these.
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    assert benchmark.read(path) == {}
    row["settings"] = benchmark.settings(SMALL[name])
    path.write_text(json.dumps(row) + "\n")
    assert benchmark.read(path) == {(name, 3): row}
    assert f"| {name} | 1 | {row['modes']} | {row['of']} |" in benchmark.table({(name, 3): row})


def test_one_run_makes_one_row(benchmark, tmp_path, monkeypatch, capsys):
    path = tmp_path / "rows.jsonl"
    recipe = replace(SMALL["ns-ring8"], steps=1)
    monkeypatch.setattr(benchmark, "SMALL", {"ns-ring8": recipe})
    command = ["x", "--recipes", "ns-ring8", "--seeds", "0", "--out", str(path)]
    monkeypatch.setattr("sys.argv", command)
    benchmark.main()
    benchmark.main()  # there already
    assert len(path.read_text().splitlines()) == 1
    assert "| ns-ring8 | 1 |" in capsys.readouterr().out


def test_settings_are_all_but_words(benchmark):
    recipe = SMALL["ns-ring8"]
    assert benchmark.settings(replace(recipe, source="x")) == benchmark.settings(recipe)
    assert benchmark.settings(replace(recipe, lr_g=0.5)) != benchmark.settings(recipe)


def test_committed_rows_are_todays(benchmark):
    """Every row that is published belongs to a recipe with these very settings."""
    lines = [json.loads(line) for line in benchmark.RESULTS.read_text().splitlines()]
    assert len({(row["recipe"], row["seed"]) for row in lines}) == len(lines)
    assert len(benchmark.read(benchmark.RESULTS)) == len(lines)


def test_points_are_counted_by_hand(benchmark):
    from reference_models.data.points import ring

    means = ring().means
    near = means + 0.029 * means  # within three standard deviations of .01
    found = benchmark.coverage(near, ring())
    assert (found["modes"], found["of"], found["high_quality"]) == (8, 8, 1.0)
    assert found["reverse_kl"] == pytest.approx(0, abs=1e-12)
    far = benchmark.coverage(means + 0.031 * means, ring())
    assert (far["modes"], far["high_quality"]) == (0, 0.0)
    one = benchmark.coverage(near[:1].expand(8, 2), ring())
    assert one["reverse_kl"] == pytest.approx(2.0794415)  # log 8
