"""What people type, and code of theirs: understood, or one sentence."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from test_outputs import one_sentence

from gandiag.cli import VERBS, cli
from gandiag.cli.helpful import FOREIGN
from gandiag.cli.terminal import bar

ROOT = Path(__file__).parents[2]


def test_a_misspelt_verb(run):
    code, _, err = run("scor", "a")
    assert code == 2
    assert "did you mean score?" in err
    code, _, err = run("frobnicate")
    assert code == 2
    assert all(verb in err for verb in VERBS)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("precision,recall", ["precision[pixels:4]", "recall[pixels:4]"]),
        ("FID", ["fd[pixels:4]"]),
        ("fd", ["fd[pixels:4]"]),
    ],
)
def test_names_as_people_type_them(run, folders, asked, names):
    fake, real = folders
    words = ("score", fake, "--real", real, "--features", "pixels:4", "--json", "-")
    gate = f"{'fid' if asked == 'fd' else asked.partition(',')[0]}=1e9"
    code, out, err = run(*words, "--metrics", asked, "--fail-above", gate)
    assert (code, err) == (0, "")
    assert set(names) <= set(json.loads(out)["scores"])


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("a", "b"), "gandiag score a --real b"),
        (("a", "--num-workers", "4"), "--workers N"),
        (("a", "--num_workers", "4"), "--workers N"),
        (("a", "--dims", "64"), "fid(layer="),
        (("a", "--save-stats"), "gandiag stats SRC -o FILE.npz"),
        (("--gpu", "0", "a"), "--device cuda:0"),
        (("--input1", "a", "--input2", "b"), "gandiag score FAKE --real REAL"),
        (("a", "--batchsize", "4"), "--batch-size"),
    ],
)
def test_people_from_other_tools(run, words, hint):
    code, _, err = run("score", *words)
    assert code == 2
    assert hint in err


def test_what_is_named_for_other_tools_exists(run):
    """Every option in the table's right column is one of `gandiag score`, and none of the left."""
    ours = set(re.findall(r"(--[a-z-]+)", run("score", "--help")[1]))
    for old, new in FOREIGN.items():
        assert old not in ours
        assert set(re.findall(r"--[a-z][a-z-]+", new)) <= ours | {"--metrics"}


# --- code of the user's ---


@pytest.fixture
def module(tmp_path, monkeypatch, folders):
    """Score a file of weights by a module of this text; ``code, out, err``."""
    count = iter(range(100))
    root = str(tmp_path)

    def score(text, *more, state=None, function="make", weights=None):
        name = f"user_module_{next(count)}"
        (tmp_path / f"{name}.py").write_text(text)
        path = weights or tmp_path / "g.safetensors"
        if weights is None:
            save_file(state or {"w": torch.ones(3)}, path)
        words = [path, "--real", folders[1], "--generator", f"{name}:{function}", *more]
        quick = ["--features", "pixels:4", "--metrics", "fid", "--json", "-"]
        done = subprocess.run(
            [sys.executable, "-m", "gandiag", "score", *map(str, words), *quick],
            capture_output=True,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return score


WORKS = """
import torch
print("hello from the module")
def make(state, device):
    print("made")
    def sample(rngs):
        print("sampled")
        return torch.stack([torch.rand(3, 8, 8, generator=rng) * 2 - 1 for rng in rngs])
    return sample
"""


def test_what_a_module_prints_never_comes_before_the_json(module):
    code, out, err = module(WORKS)
    assert code == 0
    assert json.loads(out)["scores"]
    for word in ("hello from the module", "made", "sampled"):
        assert word in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import sys; sys.exit(0)", ("SystemExit", "user_module_0")),
        ("raise RuntimeError('no such thing')", ("RuntimeError: no such thing", "user_module_0")),
        ("def make(:", ("SyntaxError", "user_module_0")),
        ("import absent_module_of_theirs", ("absent_module_of_theirs", "user_module_0")),
        ("def mak(state, device): pass", ("did you mean mak?",)),
        ("make = 3", ("make",)),
        ("def make(state, device): raise KeyError('conv.weight')", ("KeyError", "conv.weight")),
        ("def make(state, device):\n import sys; sys.exit(0)", ("SystemExit",)),
        (
            "def make(state, device):\n def sample(rngs): raise ValueError('odd')\n return sample",
            ("ValueError", "odd"),
        ),
    ],
)
def test_what_a_module_raises_is_one_sentence(module, text, words):
    code, out, err = module(text)
    assert (code, out) == (2, "")
    for word in words:
        assert word in one_sentence(err)


def test_a_module_that_is_not_there(run, folders):
    code, _, err = run("score", "x", "--real", folders[1], "--generator", "absent_one:make")
    assert code == 2
    assert "there is no module absent_one here" in one_sentence(err)


def test_a_nested_checkpoint(module, tmp_path):
    torch.save({"g_ema": {"conv.weight": torch.ones(3)}, "step": 3}, tmp_path / "nested.pt")
    text = "def make(state, device): return state['conv.weight']"
    code, _, err = module(text, weights=tmp_path / "nested.pt")
    assert code == 2
    assert "nested.pt" in one_sentence(err)


def test_too_few_images_shows_no_internals(run, folders, tmp_path):
    code, _, err = run(
        "score", folders[0], "--real", folders[1], "--features", "pixels:4",
        "--metrics", "kid(subsets=subsets(size=45))",
    )  # fmt: skip
    assert code in (0, 2)
    assert "KernelDistance(" not in err


# --- long work without a terminal ---


def test_progress_without_a_terminal_is_a_line_a_tenth(capsys, monkeypatch):
    seconds = iter(range(1000))
    monkeypatch.setattr("gandiag.cli.terminal.monotonic", lambda: float(next(seconds)))
    with bar("real: data/", 5_000) as advance:
        for _ in range(100):
            advance(50)
    lines = capsys.readouterr().err.splitlines()
    # Ten seconds after the beginning, here with the tenth batch, and then at each tenth.
    tenths = [f"real: data/: {done:,} of 5,000" for done in range(500, 5_001, 500)]
    assert lines == tenths


def test_long_work_is_told_of_before_its_first_tenth(capsys, monkeypatch):
    seconds = iter((0, 60, 120, 180))
    monkeypatch.setattr("gandiag.cli.terminal.monotonic", lambda: float(next(seconds)))
    with bar("real: data/", 5_000) as advance:
        for _ in range(3):
            advance(50)
    assert capsys.readouterr().err.splitlines() == ["real: data/: 50 of 5,000"]


def test_short_work_without_a_terminal_is_quiet(capsys):
    for total in (100, None):
        with bar("real: data/", total) as advance:
            advance(100)
    assert capsys.readouterr().err == ""


def test_every_verb_s_help_runs():
    for verb in VERBS:
        assert CliRunner().invoke(cli, [verb, "--help"]).exit_code == 0


def test_weights_are_listed_whole(run, monkeypatch):
    from gandiag.extractors import WEIGHTS

    monkeypatch.setenv("COLUMNS", "80")
    out = run("weights", "list")[1]
    for row in WEIGHTS.values():
        assert row.name in out


def test_data_are_fetched_by_the_same_verb(run, monkeypatch, tmp_path):
    asked = []

    def fetch(name, tell=None, **_more):
        tell(1, 2)
        asked.append(name)
        return tmp_path

    monkeypatch.setattr("gandiag.cli.weights.fetch_dataset", lambda *a, **k: fetch(*a, **k))
    code, out, _ = run("weights", "fetch", "dataset:cifar10")
    assert (code, asked) == (0, ["dataset:cifar10"])
    assert str(tmp_path) in out
    monkeypatch.setattr("gandiag.cli.weights.fetch_weights", lambda *a, **k: fetch(*a, **k))
    assert run("weights", "fetch", "dinov2")[0] == 0
    assert asked[-1] == "dinov2"
    monkeypatch.undo()
    code, _, err = run("weights", "fetch", "inceptoin")
    assert code == 2
    assert "inceptoin" in one_sentence(err)
