"""Runs: every checkpoint scored, and the folder that a training may write to."""

import json
import shlex
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_outputs import one_sentence

from gandiag.reporting import html
from gandiag.sources import open_source


def trained_on(recipe, folder):
    from reference_models.recipe import replace
    from reference_models.recipes import find_recipe
    from reference_models.train import train

    torch.set_num_threads(1)
    small = {"steps": 6, "width_g": 8, "width_d": 4}
    train(replace(find_recipe(recipe), small), out=folder, checkpoint_every=2, keep=0)
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A run of six steps with three checkpoints."""
    return trained_on("cgan-digits", tmp_path_factory.mktemp("runs") / "digits")


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    """The same, of points."""
    return trained_on("ns-ring8", tmp_path_factory.mktemp("runs") / "ring")


def spoil(checkpoint):
    """As a training that diverged leaves it."""
    path = checkpoint / "average.safetensors"
    state = load_file(path)
    save_file(
        {name: t * torch.nan if t.is_floating_point() else t for name, t in state.items()}, path
    )


@pytest.fixture
def run_of_three(ring, tmp_path):
    return shutil.copytree(ring, tmp_path / "run")


WORDS = (
    *("--real", "dataset:ring8", "--metrics", "fid", "--max-images", "100"),
    "--every-checkpoint",
)


@pytest.mark.parametrize("step", [4, 6])
def test_one_checkpoint_of_nan_takes_no_other_along(run, run_of_three, tmp_path, step):
    """Be it the newest, whose samples the page would show."""
    spoil(run_of_three / f"step-{step:08d}")
    json_file, html_file = tmp_path / "curve.json", tmp_path / "curve.html"
    words = ("score", run_of_three, *WORDS, "--json", json_file, "--html", html_file)
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    whole = json.loads(json_file.read_text())
    assert [each["step"] for each in whole["checkpoints"]] == [s for s in (2, 4, 6) if s != step]
    assert whole["warnings"][0]["code"] == "not-scored"
    assert whole["warnings"][0]["step"] == step
    page = html_file.read_text()
    for text in (out, page):
        assert f"step {step} was left out" in text
    assert page.count("data:image/png;base64,") == 2  # generated, real
    assert "<svg" in page


def test_a_gate_on_a_run_that_diverged(run, run_of_three):
    spoil(run_of_three / "step-00000006")
    code, out, err = run("score", run_of_three, *WORDS, "--fail-above", "fid=1e9")
    assert code == 2
    assert "fd[identity]" in out
    assert "step 6, could not be scored" in one_sentence(err)


def test_a_misspelt_gate_is_found_before_the_work(run, run_of_three, monkeypatch):
    def never(*_args, **_more):
        pytest.fail("the work was begun")

    monkeypatch.setattr("gandiag.scoring.scorer.collect", never)
    code, _, err = run("score", run_of_three, *WORDS, "--fail-above", "fdi=1")
    assert code == 2
    assert "did you mean fid?" in one_sentence(err)


def test_a_page_shows_the_samples_that_were_scored(run, digits, tmp_path, monkeypatch):
    """By the seed, and without drawing samples to see whether they are points."""
    shown = []
    monkeypatch.setattr(html, "contact_sheet", lambda source: shown.append(source) or "x")
    monkeypatch.setattr(html, "data_url", lambda picture: "data:,")
    words = ("--features", "pixels:4", "--metrics", "fid", "--max-images", "100", "--seed", 7)
    code, _, err = run(
        *("score", digits, "--real", "dataset:digits"), *words, "--html", tmp_path / "a.html"
    )
    assert (code, err) == (0, "")
    due = next(open_source(digits, seed=7).limit(100, 7).batches(8)).images
    other = next(open_source(digits, seed=0).limit(100, 0).batches(8)).images
    fakes = [next(each.batches(8)).images for each in shown]
    assert any(torch.equal(each, due) for each in fakes)
    assert not any(torch.equal(each, other) for each in fakes)


SMALL = ("--set", "steps=2", "--set", "width_g=8", "--set", "width_d=4")


def test_the_closing_hint_works_at_once(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("train", "cgan-digits", *SMALL, "--out", "run")
    assert code == 0
    hint = next(line for line in out.splitlines() if line.startswith("next: gandiag "))
    assert "--features digits" in hint
    code, _, err = run(*shlex.split(hint.removeprefix("next: gandiag ")), "--max-images", "100")
    assert (code, err) == (0, "")
    assert (tmp_path / "report.html").exists()


def test_points_have_features_of_their_own(run, tmp_path):
    out = run("train", "ns-ring8", "--set", "steps=2", "--out", tmp_path / "run")[1]
    assert "--real dataset:ring8 --html report.html" in out


def test_a_run_s_folder_may_be_gone_on_with_and_no_other(run, tmp_path):
    folder = tmp_path / "run"
    words = ("train", "ns-ring8", "--out", folder)
    assert run(*words, "--set", "steps=2")[0] == 0
    code, _, err = run(*words, "--set", "steps=2")
    assert code == 2
    assert "--resume" in err.splitlines()[-1]
    before = (folder / "recipe.json").read_text()
    code, _, err = run(*words, "--set", "steps=4", "--set", "lr_d=0.5", "--resume")
    assert code == 2
    assert (folder / "recipe.json").read_text() == before
    assert run(*words, "--set", "steps=2", "--resume")[0] == 0
    # Killed before its first checkpoint: the recipe alone is there, and is ours.
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "recipe.json").write_text(before)
    assert run("train", "ns-ring8", "--set", "steps=2", "--out", tmp_path / "killed")[0] == 0
