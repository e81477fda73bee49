"""``--config`` and ``--save-config``: options kept in a file."""

import json
import tomllib

import pytest


def scored(out):
    return json.loads(out)


@pytest.fixture
def ask(run, folders):
    """Score the two folders; what is printed is JSON."""
    fake, real = folders
    return lambda *more: run("score", fake, "--real", real, "--json", "-", *more)


def test_round_trip(ask, tmp_path, own_cache):
    file = tmp_path / "score.toml"
    chosen = (
        *("--features", "pixels:4", "--metrics", "fid,prdc(k=3)", "--max-images", 30),
        *("--seed", 3, "--no-cache", "--value-range", 0, 1, "--fail-below", "fid=-1"),
    )
    code, first, err = ask(*chosen, "--save-config", file)
    assert (code, err) == (0, "")
    assert file.read_text().splitlines() == [
        "# Options for --config of gandiag score",
        f'real = "{tmp_path / "real"}"',
        'features = "pixels:4"',
        'metrics = "fid,prdc(k=3)"',
        "max-images = 30",
        "value-range = [",
        "    0.0,",
        "    1.0,",
        "]",
        "seed = 3",
        "no-cache = true",
        "fail-below = [",
        '    "fid=-1",',
        "]",
    ]
    assert not own_cache.exists()
    code, second, err = ask("--config", file)
    assert (code, err) == (0, "")
    assert scored(second) == scored(first)
    assert not own_cache.exists()  # no-cache was read, too


def test_the_command_line_goes_first(ask, tmp_path):
    file = tmp_path / "score.toml"
    file.write_text('features = "pixels:4"\nmetrics = "fid"\nmax_images = 20\nseed = 1\n')
    whole = scored(ask("--config", file, "--max-images", 30)[1])
    assert whole["provenance"]["max_images"] == 30
    assert whole["provenance"]["seed"] == 1
    assert list(whole["scores"]) == ["fd[pixels:4]"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("batchsize = 3", ("batchsize", "did you mean batch-size")),
        ('config = "x"', ("config",)),
        ('seed = "three"', ("seed", "'three'")),
        ("seed = -1", ("seed", "-1")),
        ("seed = true", ("seed", "True")),
        ("no-cache = 1", ("no-cache", "true or false")),
        ("value-range = 3", ("value-range", "list")),
        ("value-range = [0]", ("value-range",)),
        ('fail-above = "fid=1"', ("fail-above", "list")),
        ('fail-above = ["fid=nan"]', ("fail-above", "fid=nan")),
        ('precision = "fp8"', ("precision", "fp8")),
        ("metrics = 3.5", ("metric", "3.5")),
        ("metrics = [1, 2]", ("metrics",)),
        ("[features]\nname = 1", ("features",)),
        ("seed =", ("no TOML",)),
        (b"\xff\xfe", ("no TOML",)),
    ],
)
def test_what_is_wrong_in_a_file_is_named(ask, tmp_path, text, words):
    file = tmp_path / "score.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    code, out, err = ask("--features", "pixels:4", "--config", file)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    for word in (*words, *([] if "metric" in words else ["score.toml"])):
        assert word in err


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_cannot_be_read(ask, tmp_path, name):
    code, _, err = ask("--config", tmp_path / name)
    assert code == 2
    assert err.startswith(f"gandiag: cannot read {tmp_path / name}")


def test_a_file_of_somebody_else_s_is_not_replaced(ask, tmp_path):
    file = tmp_path / "pyproject.toml"
    file.write_text("[project]\n")
    small = ("--features", "pixels:4", "--metrics", "fid")
    code, _, err = ask(*small, "--save-config", file)
    assert code == 2
    assert "pyproject.toml" in err
    assert file.read_text() == "[project]\n"
    mine = tmp_path / "mine.toml"
    mine.write_text("seed = 2\n")
    for _ in range(2):  # what --config read, and what --save-config wrote, may be
        code, _, err = ask(*small, "--config", mine, "--save-config", mine)
        assert (code, err) == (0, "")
    assert tomllib.loads(mine.read_text())["seed"] == 2
    assert ask(*small, "--seed", 5, "--save-config", mine)[0] == 0
    assert tomllib.loads(mine.read_text())["seed"] == 5


def test_outputs_of_one_run_are_not_kept_for_the_next(run, folders, tmp_path):
    fake, real = folders
    words = ("score", fake, "--real", real, "--features", "pixels:4", "--metrics", "fid")
    run(*words, "--html", tmp_path / "a.html", "--save-config", tmp_path / "a.toml")
    assert "html" not in tomllib.loads((tmp_path / "a.toml").read_text())


def test_statistics_and_training_have_it_too(run, folders, tmp_path):
    _, real = folders
    file = tmp_path / "stats.toml"
    words = ("stats", real, "-o", tmp_path / "real.npz")
    code, _, err = run(*words, "--features", "pixels:4", "--metrics", "fid", "--save-config", file)
    assert (code, err) == (0, "")
    before = (tmp_path / "real.npz").read_bytes()
    assert run(*words, "--config", file)[0] == 0
    assert (tmp_path / "real.npz").read_bytes() == before
    (tmp_path / "train.toml").write_text('set = ["steps=2", "lr_d=1e-3"]\nseed = 3\n')
    out = run("train", "ns-ring8", "--config", tmp_path / "train.toml", "--dry-run")[1]
    words = " ".join(out.split())
    assert "steps 2 " in words
    assert "lr_d 0.001 " in words
