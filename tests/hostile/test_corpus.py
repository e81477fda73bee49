"""Every kind of bad input: one sentence that names it, exit code 2, nothing left behind."""

import os
import re

import pytest
from bad_files import CANARY
from bad_images import png
from corpus import CORPUS, score

import gandiag
from gandiag.errors import GandiagError

NOISE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""What a terminal would obey."""


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    root = tmp_path_factory.mktemp("good")
    for name, start in (("FAKE", 0), ("REAL", 100)):
        (root / name).mkdir()
        for index in range(12):
            (root / name / f"{index:02d}.png").write_bytes(png(seed=start + index))
    return root


@pytest.mark.parametrize("kind", CORPUS, ids=lambda kind: kind.name)
def test_a_sentence_and_nothing_else(kind, run, good, tmp_path, monkeypatch):
    made = tmp_path / "made"
    made.mkdir()
    thing = kind.make(made)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    words = [str(each) for each in kind.line(thing)]
    words = [str(good / word) if word in ("FAKE", "REAL") else word for word in words]
    before = sorted(os.walk(made))
    code, out, err = run(*words)
    assert code == 2, (code, out, err)
    assert out == "", "no score is printed"
    told = [line for line in err.splitlines() if line.strip()]
    assert len([line for line in told if line.startswith("error: ") or "Error" in line]) <= 1
    assert "Traceback" not in err
    assert re.search(kind.says, err), err
    assert not NOISE.search(err), repr(err)
    assert len(err) < 1500 + 2 * len(str(thing))
    assert not list(work.iterdir()), "nothing is left"
    assert not (work / CANARY).exists()
    assert sorted(os.walk(made)) == before


@pytest.mark.parametrize(
    "kind", [kind for kind in CORPUS if kind.line is score], ids=lambda kind: kind.name
)
def test_python_raises_the_same_sentence(kind, good, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made").mkdir()
    thing = kind.make(tmp_path / "made")
    with pytest.raises(GandiagError, match=kind.says) as caught:
        gandiag.score(thing, real=good / "REAL", features="pixels:8", metrics="fid")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / CANARY).exists()
