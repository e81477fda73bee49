"""From a recipe to scores: the verbs `train` and `score` on runs."""

import json

import pytest
import torch
from safetensors.torch import save_file

import gandiag
from gandiag.errors import GandiagError
from gandiag.reporting.plots import sparkline
from gandiag.scoring.curve import score_checkpoints
from gandiag.sources import open_source

SMALL = ("--features", "pixels:4", "--metrics", "fid,prdc", "--max-images", "100")
FEW = ("--set", "steps=6", "--set", "width_g=8", "--set", "width_d=4", "--keep", "0")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of six steps with three checkpoints; module scope, so it is made without `run`."""
    from reference_models.recipe import replace
    from reference_models.recipes import find_recipe
    from reference_models.train import train

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs") / "digits"
    recipe = replace(find_recipe("cgan-digits"), {"steps": 6, "width_g": 8, "width_d": 4})
    train(recipe, out=folder, checkpoint_every=2, keep=0)
    return folder


def test_train_then_score(run, tmp_path):
    folder = tmp_path / "run"
    code, out, _ = run("train", "cgan-digits", *FEW, "--checkpoint-every", "3", "--out", folder)
    assert code == 0
    assert "6 steps of cgan-digits" in out
    assert f"gandiag score {folder} --real dataset:digits" in out
    assert "best checkpoint:" in out
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["monitor.jsonl", "recipe.json", "step-00000003", "step-00000006"]
    code, out, err = run("score", folder, "--real", "dataset:digits", *SMALL)
    assert (code, err) == (0, "")
    assert "100 generated against 100 real images" in out


def test_resuming_is_the_same_as_never_stopping(run, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run("train", "ns-ring8", "--set", "steps=8", "--checkpoint-every", "4", "--out", whole)
    run("train", "ns-ring8", "--set", "steps=8", "--checkpoint-every", "4", "--out", parts)
    last = parts / "step-00000008"
    for path in last.iterdir():
        path.unlink()
    last.rmdir()
    code, _, _ = run("train", parts / "recipe.json", "--out", parts, "--resume")
    assert code == 0
    for name in ("average", "generator", "discriminator", "optimizers"):
        left, right = (r / "step-00000008" / f"{name}.safetensors" for r in (whole, parts))
        assert left.read_bytes() == right.read_bytes()


def test_a_plan_says_all_and_does_nothing(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("train", "sngan-cifar10", "--dry-run", "--set", "lr_d=1e-3")
    assert code == 0
    assert list(tmp_path.iterdir()) == []
    words = " ".join(out.split())
    assert "lr_d 0.001" in words
    assert "discriminator updates 500,000" in words
    assert "fid 21.7 ± 0.21 10,000 5,000" in words
    assert "generator parameters 4,276,739" in words  # papers' SNGAN generator: 4.28 M


def test_the_list_names_every_recipe(run):
    from reference_models.recipes import RECIPES

    out = run("train", "--list")[1]
    assert all(f"\n{name} " in out for name in RECIPES)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ((), "no recipe is named"),
        (("sngan-rng8",), "did you mean sngan-ring8"),
        (("ns-ring8", "--set", "lr=3"), "there is no setting 'lr'; did you mean lr_g?"),
        (("ns-ring8", "--set", "steps=many"), "not of type int"),
        (("ns-ring8", "--data", "nowhere"), "there is no data 'nowhere'"),
        (("ns-ring8", "--device", "quantum"), "cannot use the device 'quantum'"),
        (
            ("cgan-digits", "--data", "swiss-roll", "--dry-run"),
            "which the data swiss-roll does not",
        ),
        (("missing.json",), "cannot read missing.json"),
        (("mimicry-sngan-cifar10", "--data", "folder:absent"), "absent"),
    ],
)
def test_what_cannot_be_trained(run, tmp_path, monkeypatch, args, sentence):
    monkeypatch.chdir(tmp_path)
    code, _, err = run("train", *args)
    assert code == 2
    assert sentence in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_a_run(run, trained):
    code, _, err = run("train", "cgan-digits", *FEW, "--out", trained)
    assert code == 2
    assert "already holds a run" in err


def test_a_checkpoint_of_another_architecture(run, trained):
    code, _, err = run("train", "cgan-digits", "--set", "steps=6", "--out", trained, "--resume")
    assert code == 2
    assert "was trained with width_g 8, not 32" in err


def test_the_newest_checkpoint_is_scored(trained):
    newest, first = open_source(str(trained)), open_source(str(trained / "step-00000002"))
    assert newest.name == f"{trained} (step 6)"
    batch = next(newest.batches(20))
    assert batch.images.shape == (20, 3, 8, 8)
    assert batch.labels == tuple(str(i % 10) for i in range(20))
    assert not torch.equal(batch.images, next(first.batches(20)).images)


def test_as_many_samples_as_there_are_real_images(trained):
    report = gandiag.score(trained, "dataset:digits", features="pixels:4", metrics=("fid",))
    assert report["fid"].n_generated == report["fid"].n_real == 1797


def test_seeds_move_the_samples(trained):
    images = [next(open_source(str(trained), seed=seed).batches(8)).images for seed in (0, 0, 1)]
    assert torch.equal(images[0], images[1])
    assert not torch.equal(images[0], images[2])


def test_every_checkpoint(run, trained, tmp_path):
    files = tmp_path / "curve.json", tmp_path / "curve.html"
    code, out, err = run(
        *("score", trained, "--real", "dataset:digits", *SMALL, "--every-checkpoint"),
        *("--json", files[0], "--html", files[1]),
    )
    assert (code, err) == (0, "")
    assert "best at" in out
    whole = json.loads(files[0].read_text())
    assert [each["step"] for each in whole["checkpoints"]] == [2, 4, 6]
    for each in whole["checkpoints"]:
        folder = trained / f"step-{each['step']:08d}"
        alone = json.loads(
            run("score", folder, "--real", "dataset:digits", *SMALL, "--json", "-")[1]
        )
        assert alone["scores"] == each["scores"]
    page = files[1].read_text()
    assert page.count("data:image/png;base64,") == 2
    values = [each["scores"]["fd[pixels:4]"]["value"] for each in whole["checkpoints"]]
    assert whole["best"]["fd[pixels:4]"] == (2, 4, 6)[values.index(min(values))]


def test_real_images_are_read_once(trained):
    passes = []

    class Counted:
        name = "counted"

        def count(self):
            return 64

        def batches(self, size):
            passes.append(size)
            yield from open_source("dataset:digits").limit(64, 0).batches(size)

        def fingerprint(self):
            return None

        def limit(self, count, seed):
            return self

        def notes(self):
            return {}

        points = None

    scorer = gandiag.Scorer(Counted(), features="pixels:4", metrics=("fid",))
    curve = score_checkpoints(trained, scorer)
    assert len(curve.points) == 3
    assert len(passes) == 1


def test_a_folder_without_checkpoints(run, tmp_path):
    code, _, err = run("score", tmp_path, "--every-checkpoint")
    assert code == 2
    assert "holds no checkpoint" in err


def test_the_users_own_generator(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_models.py").write_text(
        "import torch\n"
        "def make(state, device):\n"
        "    def sample(rngs):\n"
        "        z = torch.stack([torch.randn(64, generator=rng) for rng in rngs])\n"
        "        return (state['scale'] * z).tanh().view(-1, 1, 8, 8)\n"
        "    return sample\n"
    )
    save_file({"scale": torch.tensor(2.0)}, tmp_path / "g.safetensors")
    args = ("score", "g.safetensors", "--real", "dataset:digits", *SMALL)
    code, out, err = run(*args, "--generator", "my_models:make", "--html", "r.html")
    assert (code, err) == (0, "")
    assert "100 generated" in out
    assert (tmp_path / "r.html").read_text().count("data:image/png") == 2
    for wrong, sentence in (
        ("my_models:absent", "is not found"),
        ("nowhere:make", "is not found"),
        ("my_models", "is not MODULE:FUNCTION"),
    ):
        code, _, err = run(*args, "--generator", wrong)
        assert code == 2
        assert sentence in err


def test_sparklines():
    assert sparkline([0.0, 7.0, 3.0]) == "▁█▄"
    assert sparkline([5.0, 5.0]) == "▁▁"


def test_a_run_needs_no_data_to_be_sampled(trained, monkeypatch):
    monkeypatch.setattr(
        "reference_models.data.table.open_data",
        lambda *_: pytest.fail("the data was opened"),
    )
    assert next(open_source(str(trained)).batches(3)).images.shape == (3, 3, 8, 8)


def test_negative_seeds_are_refused(trained):
    with pytest.raises(GandiagError, match="seed must be at least 0"):
        gandiag.score(trained, "dataset:digits", seed=-1)
