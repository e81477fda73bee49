"""Nothing is lost after the work, and nothing of the user's is written over."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from folders import save
from toys import images


def gandiag(*args, redirect="", encoding=None, cwd=None):
    """Run the command line as a process of a shell's, `redirect` and all."""
    words = " ".join(f"'{each}'" for each in (sys.executable, "-m", "gandiag", *args))
    more = {"PYTHONIOENCODING": encoding} if encoding else {}
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        ["bash", "-c", f"{words} {redirect}"],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": root, **more},
        cwd=cwd,
        check=False,
    )


@pytest.fixture
def asked(folders, tmp_path):
    """The words of a scoring that also writes JSON and HTML, and those two files."""
    fake, real = folders
    files = tmp_path / "scores.json", tmp_path / "page.html"
    words = ("score", fake, "--real", real, "--features", "pixels:4", "--metrics", "fid")
    return (*words, "--json", files[0], "--html", files[1]), files


def are_whole(files):
    assert json.loads(files[0].read_text())["scores"]
    assert files[1].read_text().rstrip().endswith("</html>")
    return True


def one_sentence(err):
    text = err.decode() if isinstance(err, bytes) else err
    assert text.startswith("gandiag: ")
    assert len(text.splitlines()) == 1
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
def test_a_code_page_without_the_arrow_loses_nothing(asked, encoding):
    words, files = asked
    done = gandiag(*words, encoding=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"fd[pixels:4]  v  " in done.stdout  # lower is better
    assert are_whole(files)


def test_a_full_standard_output(asked):
    words, files = asked
    done = gandiag(*words, redirect="> /dev/full")
    assert done.returncode == 2
    assert "standard output" in one_sentence(done.stderr)
    assert are_whole(files)


@pytest.mark.parametrize("more", [(), ("--output-format", "csv")])
def test_a_closed_standard_output(asked, more):
    words, files = asked
    done = gandiag(*words, *more, redirect=">&-")
    assert done.returncode == 2
    assert "standard output" in one_sentence(done.stderr)
    assert are_whole(files)


@pytest.mark.parametrize("redirect", [">&-", "> /dev/full"])
def test_json_for_a_standard_output_that_takes_none(folders, redirect):
    fake, real = folders
    words = ("score", fake, "--real", real, "--features", "pixels:4", "--metrics", "fid")
    done = gandiag(*words, "--json", "-", redirect=redirect)
    assert done.returncode == 2
    assert "standard output" in one_sentence(done.stderr)


def test_a_closed_pipe(asked):
    words, files = asked
    done = gandiag(*words, redirect="| true; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (141, b"")
    assert are_whole(files)


@pytest.mark.parametrize("redirect", [">&-", "> /dev/full"])
@pytest.mark.parametrize("words", [("--help",), ("--version",), ("weights", "list")])
def test_no_verb_ends_in_a_traceback(words, redirect):
    done = gandiag(*words, redirect=redirect)
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert done.returncode == 2


# --- outputs that would replace one another, or an input ---


@pytest.mark.parametrize(
    "flags", [("--json", "--html"), ("--json", "--save-config"), ("--html", "--save-config")]
)
def test_two_outputs_to_one_file(score, tmp_path, flags):
    code, _, err = score(flags[0], tmp_path / "X", flags[1], tmp_path / "." / "X")
    assert code == 2
    assert all(flag in one_sentence(err) for flag in flags)
    assert not (tmp_path / "X").exists()


@pytest.fixture
def arrays(tmp_path):
    """Two .npz files of pictures, and their bytes."""
    paths = tmp_path / "a.npz", tmp_path / "b.npz"
    for seed, path in enumerate(paths):
        np.savez(path, images(20, seed=seed, size=(8, 8)).permute(0, 2, 3, 1).numpy())
    return paths


@pytest.mark.parametrize("flag", ["--json", "--html", "--save-config"])
@pytest.mark.parametrize("which", [0, 1])
def test_an_output_that_is_an_input(run, arrays, flag, which, tmp_path):
    before = arrays[which].read_bytes()
    link = tmp_path / "link.npz"
    link.symlink_to(arrays[which])
    for name in (arrays[which], link):
        code, _, err = run(
            "score", arrays[0], "--real", arrays[1], "--features", "pixels:4", flag, name
        )
        assert code == 2
        assert arrays[which].name in one_sentence(err) or "link.npz" in err
        assert arrays[which].read_bytes() == before


def test_an_output_that_is_the_file_of_features(run, tmp_path):
    path = tmp_path / "f.npz"
    np.savez(path, np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32))
    before = path.read_bytes()
    code, _, err = run("score", f"features:{path}", "--real", f"features:{path}", "--json", path)
    assert code == 2
    assert "f.npz" in one_sentence(err)
    assert path.read_bytes() == before


def test_statistics_do_not_replace_their_images(run, arrays):
    before = arrays[0].read_bytes()
    code, _, err = run("stats", arrays[0], "-o", arrays[0], "--features", "pixels:4")
    assert code == 2
    assert "a.npz" in one_sentence(err)
    assert arrays[0].read_bytes() == before


# --- what is no regular file ---


def test_a_pipe_is_written_to(score, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()), daemon=True)
    reader.start()
    code, _, err = score("--json", pipe)
    assert (code, err) == (0, "")
    reader.join(timeout=10)
    assert json.loads(got[0])["scores"]
    assert pipe.is_fifo()


def test_a_device_is_written_to(score):
    """A terminal of its own, where nobody could put a file: no test may harm /dev/null."""
    end, device = os.openpty()
    got = []
    reader = threading.Thread(target=lambda: got.append(read_to(end, b"\n}")), daemon=True)
    reader.start()
    code, _, err = score("--json", os.ttyname(device))
    assert (code, err) == (0, "")
    reader.join(timeout=10)
    assert json.loads(got[0])["scores"]
    os.close(end)
    os.close(device)


def read_to(end, mark):
    """All that comes until `mark`."""
    found = b""
    while not found.replace(b"\r", b"").endswith(mark):
        found += os.read(end, 1 << 16)
    return found


def test_a_link_stays_one(score, tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "target.json")
    (tmp_path / "target.json").write_text("old")
    assert score("--json", tmp_path / "link.json")[0] == 0
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "target.json").read_text())["scores"]


def test_the_shell_s_own_pipe(folders, tmp_path):
    fake, real = folders
    words = ("score", fake, "--real", real, "--features", "pixels:4", "--metrics", "fid")
    done = gandiag(*words, redirect=f"--json >(cat > '{tmp_path / 'got'}'); wait $!")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads((tmp_path / "got").read_text())["scores"]


# --- places that cannot be written or entered ---


@pytest.mark.parametrize("flag", ["--json", "--html", "--save-config", "--per-sample"])
def test_places_are_looked_at_before_the_work(score, tmp_path, flag, monkeypatch):
    def never(*_args, **_more):
        pytest.fail("the work was begun")

    monkeypatch.setattr("gandiag.scoring.scorer.collect", never)
    (tmp_path / "file").write_text("")
    for place in (tmp_path, tmp_path / "absent" / "x", tmp_path / "file" / "x"):
        code, _, err = score(flag, place)
        assert code == 2
        assert str(place) in one_sentence(err)


def forbid(monkeypatch, folder):
    """What a person who may not enter `folder` gets of the system; root may enter any."""

    def guarded(call):
        def wrapped(path, *more, **named):
            if str(folder) in (os.fspath(path) if not isinstance(path, int) else "") and str(
                path
            ) != str(folder):
                raise PermissionError(13, "Permission denied", os.fspath(path))
            return call(path, *more, **named)

        return wrapped

    monkeypatch.setattr(os, "access", lambda path, mode, **_: str(folder) not in str(path))
    for name in ("stat", "lstat", "open", "mkdir", "scandir", "listdir"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))


@pytest.mark.parametrize("flag", ["--json", "--html", "--save-config"])
def test_a_folder_that_may_not_be_entered(score, tmp_path, flag, monkeypatch):
    (tmp_path / "closed").mkdir()
    forbid(monkeypatch, tmp_path / "closed")
    code, _, err = score(flag, tmp_path / "closed" / "x")
    monkeypatch.undo()
    assert code == 2
    assert "closed" in one_sentence(err)


def test_statistics_into_a_folder_that_may_not_be_entered(run, folders, tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    forbid(monkeypatch, tmp_path / "closed")
    code, _, err = run("stats", folders[1], "-o", tmp_path / "closed" / "x.npz")
    monkeypatch.undo()
    assert code == 2
    assert "closed" in one_sentence(err)


def test_a_run_into_a_folder_that_may_not_be_entered(run, tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    forbid(monkeypatch, tmp_path / "closed")
    code, _, err = run("train", "ns-ring8", "--out", tmp_path / "closed" / "run")
    monkeypatch.undo()
    assert code == 2
    assert "closed" in one_sentence(err.splitlines()[-1])  # the first says what is begun


def test_a_cache_that_may_not_be_entered_loses_no_score(score, tmp_path, own_cache, monkeypatch):
    own_cache.mkdir()
    forbid(monkeypatch, own_cache)
    code, out, err = score("--json", tmp_path / "scores.json")
    monkeypatch.undo()
    assert "fd[pixels:4]" in out
    assert json.loads((tmp_path / "scores.json").read_text())["scores"]
    assert "--no-cache" in one_sentence(err)
    assert code == 2


def test_somebody_s_own_recipe_is_kept(run, tmp_path):
    mine = tmp_path / "kitchen" / "recipe.json"
    mine.parent.mkdir()
    for text in ('{"flour": "500 g"}', "not JSON"):
        mine.write_text(text)
        code, _, err = run("train", "ns-ring8", "--set", "steps=2", "--out", mine.parent)
        assert code == 2
        assert "recipe.json" in one_sentence(err)
        assert mine.read_text() == text
        assert [each.name for each in mine.parent.iterdir()] == ["recipe.json"]


def test_a_page_shows_the_source_that_was_scored(run, tmp_path, monkeypatch):
    """Not the same thing opened again, without the seed and the device."""
    from gandiag.reporting import html

    (tmp_path / "real").mkdir()
    real = save(tmp_path / "real", images(20, seed=2, size=(8, 8)))
    fake = save(tmp_path / "fake", images(20, seed=1, size=(8, 8)))
    shown = {}
    monkeypatch.setattr(html, "contact_sheet", lambda source: shown.setdefault(source.name, source))
    monkeypatch.setattr(html, "data_url", lambda picture: "data:,")
    options = ("--features", "pixels:4", "--metrics", "fid", "--max-images", "12", "--seed", "5")
    code, _, err = run("score", fake, "--real", real, *options, "--html", tmp_path / "page.html")
    assert (code, err) == (0, "")
    assert [source.count() for source in shown.values()] == [12, 12]


def test_a_person_that_is_not_there(run, folders, tmp_path):
    for words in (
        ("score", "~nosuchuser/x", "--real", folders[1]),
        ("score", "~nosuchuser/x", "--real", folders[1], "--every-checkpoint"),
        ("score", folders[0], "--real", "~nosuchuser/x"),
        ("stats", "~nosuchuser/x", "-o", tmp_path / "x.npz"),
        ("score", folders[0], "--json", "~nosuchuser/x"),
        ("watch", "~nosuchuser/x"),
    ):
        code, _, err = run(*words, *(["--features", "pixels:4"] if words[0] != "watch" else []))
        assert code == 2
        assert "nosuchuser" in one_sentence(err)


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_an_output_is_no_image_of_a_folder_that_is_read(run, folders, option):
    fake, real = folders
    image = sorted(real.rglob("*.png"))[0]
    before = image.read_bytes()
    words = ("--features", "pixels:4", "--metrics", "fid")
    code, _, err = run("score", fake, "--real", real, *words, option, image)
    assert code == 2
    assert "which is read; name another" in err
    assert image.read_bytes() == before
    code, _, _ = run("score", fake, "--real", real, *words, option, real / "scores.new")
    assert code == 0
