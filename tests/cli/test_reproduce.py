"""``gandiag reproduce``: what is printed, what is written, where it goes on."""

import json
import re

import pytest

from gandiag.errors import GandiagError
from gandiag.reporting.plots import figure
from gandiag.sources.mixtures import MIXTURES
from reference_models import papers, recipes
from reference_models.papers import EXPERIMENTS, LARGE, Experiment, Measured, Published, Result
from reference_models.recipe import replace

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
    assert re.search(r"sngan-cifar10 +needs a GPU +unknown: --dry-run", out)
    assert re.search(r"gan-ring-full +hours of a CPU +unknown: --dry-run", out)
    code, out, err = run("reproduce", "--list", "--json", "-")
    listed = json.loads(out)
    assert [each["name"] for each in listed] == [each.name for each in (*EXPERIMENTS, *LARGE)]
    here, large = listed[: len(EXPERIMENTS)], listed[len(EXPERIMENTS) :]
    assert all(each["published"] and each["seconds"]["default"] for each in here)
    assert {each["kind"] for each in here} == {"minutes of a CPU"}
    assert {each["kind"] for each in large} == {"needs a GPU", "hours of a CPU"}
    assert all(each["published"] and each["seconds"] == {"full": None} for each in large)


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
    assert f"left out: {len(LARGE)} published trainings" in out
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
        (("barratt2018-is", "-o", "b"), "barratt2018-is runs here in minutes: leave out"),
        (("barratt2018-is", "--dry-run"), "barratt2018-is runs here in minutes: leave out"),
        (("sngan-cifar10", "--budget", "small"), "is trained as it was published"),
        (("sngan-cifar10", "--state", "a.pt"), "go together: give both"),
        (("gan-ring-full", "--device", "nothing"), "cannot use the device 'nothing'"),
        (("gan-ring-full", "--state", "no.pt", "--generator", "json:loads"), "no.pt is no file"),
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


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """A machine without a GPU, and nothing fetched."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setenv("GANDIAG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GANDIAG_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_missing_is_said_before_any_work(run, alone):
    code, out, err = run("reproduce", "sngan-cifar10")
    assert (code, out) == (2, "")
    assert err.startswith("gandiag: sngan-cifar10 lacks a GPU (--device cpu")
    assert "fetch dataset:cifar10" in err
    assert "fetch inception" in err
    assert err.count("\n") == 1
    assert list(alone.glob("runs")) == []
    code, _, err = run("reproduce", "sngan-cifar10", "--device", "cpu")
    assert code == 2
    assert "a GPU" not in err
    # Days of a CPU are not begun unasked, though points need nothing else.
    code, _, err = run("reproduce", "gan-ring-full")
    assert code == 2
    assert "lacks a GPU" in err


def test_a_dry_run_times_steps_on_random_images(run, alone):
    code, out, _ = run("reproduce", "dcgan-stacked-mnist-quarter", "--dry-run")
    assert code == 0
    assert re.search(r"steps +500,000", out)
    assert re.search(r"real images seen +64,000,000", out)
    assert re.search(r"seconds a step .*of a batch cut to 1 / 16, multiplied", out)
    assert re.search(r"lacks +a GPU .* and the data stacked-mnist", out)
    assert re.search(r"modes, \? / 25,600 +78.5", out)
    code, out, _ = run("reproduce", "gan-ring-full", "--dry-run", "--device", "cpu", "--json", "-")
    found = json.loads(out)
    assert found["hours"] == pytest.approx(400_000 * found["seconds_a_step"] / 3600)
    assert (found["steps"], found["device"], found["lacks"]) == (400_000, "cpu", [])


@pytest.fixture
def short(monkeypatch):
    """A published recipe of four steps; how often one was taken."""
    from reference_models.trainer import Trainer

    taken = []
    step = Trainer.step

    def counted(self):
        if len(taken) == 3 and None not in taken:
            taken.append(None)
            raise KeyboardInterrupt
        taken.append(self.finished)
        return step(self)

    whole = recipes.PUBLISHED["gan-ring-full"]
    few = {**recipes.PUBLISHED, "gan-ring-full": replace(whole, {"steps": 4})}
    monkeypatch.setattr(recipes, "PUBLISHED", few)
    monkeypatch.setattr(Trainer, "step", counted)
    return taken


def test_a_training_goes_on_after_a_stop_and_is_judged(run, alone, short):
    words = ("reproduce", "gan-ring-full", "--device", "cpu", "-o", "run", "--json", "found.json")
    assert run(*words)[0] == 130
    code, out, _ = run(*words, "--picture", "a.png")
    assert [each for each in short if each is not None] == [0, 1, 2, 3]
    # Untrained, it reaches one mode at most, where 6.3 of a spread of 1.7 are published: z = 3.2,
    # and 2.08 instead of .45 of a spread of .3.
    assert code == 1
    assert "does not reproduce" in out
    found = json.loads((alone / "found.json").read_text())
    assert (found["budget"], found["seed"], found["name"]) == ("full", 0, "gan-ring-full")
    assert [each["kind"] for each in found["numbers"]] == ["same protocol", "same protocol"]
    assert (alone / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_checkpoint_is_judged_instead(run, alone):
    (alone / "rings.py").write_text(
        "import torch\n"
        "from gandiag.sources.mixtures import MIXTURES\n"
        "def make(state, device):\n"
        "    return lambda rngs: torch.cat([MIXTURES['ring8'](1, rng)[0] for rng in rngs])\n"
    )
    assert len(MIXTURES["ring8"].means) == 8
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.zeros(1)}, alone / "g.pt")
    words = ("pacgan2-ring-full", "--generator", "rings:make", "--state", "g.pt")
    code, out, _ = run("reproduce", *words)
    # The ring itself: 8 modes of the published 7.9, KL .0014 of .07 with .1 for one trial.
    assert code == 0
    assert "2 of 2 reproduce" in out
    assert not (alone / "runs").exists()
