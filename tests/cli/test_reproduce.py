"""``gandiag reproduce``: what is printed, what is written, where it goes on."""

import json
import re

import pytest

from gandiag.errors import GandiagError
from gandiag.reporting.plots import figure
from reference_models import papers
from reference_models.papers import EXPERIMENTS, Experiment, Measured, Published, Result

TARGET = Published("a", "a number", "exact", "derived", 1.0, tolerance=0.1, source="here")


def experiment(name, run):
    """One number; the name is of one that is there, for the digest of its file."""
    seconds = {"small": 1, "default": 100, "full": 10_000}
    draw = lambda result: figure(2, 2)  # noqa: E731
    return Experiment(name, "Nobody 2020", "It is 1.", "At once.", (TARGET,), seconds, run, draw)


@pytest.fixture
def tried(monkeypatch):
    """Three experiments, of which one is wrong and one cannot be run; the names that ran."""
    names = ("arora2018-birthday", "barratt2018-is", "binkowski2018-fid-bias")
    ran = []

    def of(name, value):
        def run(budget, seed):
            ran.append(name)
            if value is None:
                raise GandiagError("there is no data")
            return Result({"a": Measured(value + seed)})

        return experiment(name, run)

    values = (1.0, 2.0, None)
    made = tuple(of(name, value) for name, value in zip(names, values, strict=True))
    monkeypatch.setattr(papers, "EXPERIMENTS", made)
    return ran


def test_the_list_shows_cost_and_needs(run):
    code, out, err = run("reproduce", "--list")
    assert (code, err) == (0, "")
    for each in EXPERIMENTS:
        assert each.name in out
    assert re.search(r"mescheder2018-dirac +seconds +- .*nothing", out)
    assert re.search(r"binkowski2018-fid-bias +minutes +hours .*nothing", out)
    code, out, err = run("reproduce", "--list", "--json", "-")
    listed = json.loads(out)
    assert [each["name"] for each in listed] == [each.name for each in EXPERIMENTS]
    assert all(each["published"] and each["seconds"]["default"] for each in listed)


def test_one_is_shown_judged_and_drawn(run, tried, tmp_path):
    kept, picture = tmp_path / "a.json", tmp_path / "a.png"
    words = ("reproduce", "arora2018-birthday", "--json", kept, "--picture", picture)
    code, out, _ = run(*words)
    assert code == 0
    assert "reproduces (1 of 1 reproduce)" in out
    assert "within 0.1" in out
    found = json.loads(kept.read_text())
    assert (found["verdict"], found["seed"], found["budget"]) == ("reproduces", 0, "default")
    assert found["numbers"][0]["ours"] == 1.0
    assert {"machine", "versions", "date", "seconds", "code"} == found["provenance"].keys()
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_one_that_does_not_reproduce_ends_with_1(run, tried):
    code, out, _ = run("reproduce", "barratt2018-is")
    assert code == 1
    assert "does not reproduce (0 of 1 reproduce)" in out
    assert run("reproduce", "arora2018-birthday", "--seed", "1")[0] == 1


def test_json_alone_on_standard_output(run, tried):
    code, out, _ = run("reproduce", "arora2018-birthday", "--json", "-")
    assert code == 0
    assert json.loads(out)["name"] == "arora2018-birthday"


def test_all_go_on_after_a_stop(run, tried, tmp_path):
    folder = tmp_path / "found"
    code, out, _ = run("reproduce", "--all", "-o", folder)
    assert code == 1
    assert tried == ["arora2018-birthday", "barratt2018-is", "binkowski2018-fid-bias"]
    assert "binkowski2018-fid-bias: not run: there is no data" in out
    page = (folder / "report.md").read_text()
    assert "![It is 1.](arora2018-birthday.png)" in page
    assert "| binkowski2018-fid-bias | | not run | there is no data |" in page
    (folder / "barratt2018-is.json").unlink()  # as if stopped while it ran
    tried.clear()
    code, again, _ = run("reproduce", "--all", "-o", folder)
    assert code == 1
    assert tried == ["barratt2018-is", "binkowski2018-fid-bias"]
    assert again == out
    tried.clear()
    run("reproduce", "--all", "-o", folder, "--seed", "1")
    assert len(tried) == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "name one experiment"),
        (("a", "--list"), "name one experiment"),
        (("--all",), "--all goes with -o FOLDER"),
        (("a", "-o", "b"), "--all goes with -o FOLDER"),
        (("barratt2018-iss",), "did you mean barratt2018-is?"),
        (("barratt2018-is", "--budget", "huge"), "huge"),
        (("barratt2018-is", "--json", "no/folder/a.json"), "there is no folder"),
        (("barratt2018-is", "--picture", "/"), "it is a folder"),
    ],
)
def test_bad_words_are_one_sentence(run, words, sentence):
    code, _, err = run("reproduce", *words)
    assert code == 2
    assert sentence in err
    assert "Traceback" not in err


def test_a_budget_that_it_has_not(run):
    none = [each.name for each in EXPERIMENTS if "full" not in each.seconds]
    code, _, err = run("reproduce", none[0], "--budget", "full")
    assert code == 2
    assert "choose from small, default" in err
