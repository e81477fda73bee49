"""``gandiag score --per-sample FILE.csv``."""

import csv
import math

import pytest


@pytest.fixture
def ask(run, folders):
    fake, real = folders
    words = ("score", fake, "--real", real, "--features", "pixels:4", "--metrics")
    return lambda *more: run(*words, *more)


def test_a_line_an_image(ask, folders, tmp_path):
    code, _, err = ask("realism,prdc", "--per-sample", tmp_path / "each.csv")
    assert (code, err) == (0, "")
    with (tmp_path / "each.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == ["name", "realism", "rarity", "in_real_ball", "density"]
    fake = folders[0]
    assert sorted(line["name"] for line in lines) == sorted(str(each) for each in fake.iterdir())
    assert all(math.isfinite(float(line["realism"])) for line in lines)
    # To sort by it is what it is for.
    assert len({line["realism"] for line in lines}) == 40


def test_a_metric_without_any_is_refused(ask, tmp_path, monkeypatch):
    monkeypatch.setattr("gandiag.scoring.scorer.collect", lambda *_, **__: pytest.fail("begun"))
    code, _, err = ask("fid", "--per-sample", tmp_path / "each.csv")
    assert code == 2
    assert "fid has no number of single images; add one of prdc" in err
    assert not (tmp_path / "each.csv").exists()


def test_one_set_of_images_only(ask, tmp_path):
    code, _, err = ask("realism", "--per-sample", tmp_path / "each.csv", "--every-checkpoint")
    assert code == 2
    assert "--per-sample is of one set of images" in err


def test_a_recipe_does_not_keep_it(ask, tmp_path):
    recipe = tmp_path / "score.toml"
    assert ask("realism", "--per-sample", tmp_path / "each.csv", "--save-config", recipe)[0] == 0
    assert "realism" in recipe.read_text()
    assert "each.csv" not in recipe.read_text()


def test_no_file_is_written_twice(ask, tmp_path):
    code, _, err = ask("realism", "--per-sample", tmp_path / "a", "--html", tmp_path / "a")
    assert code == 2
    assert "--html and --per-sample both name" in err
