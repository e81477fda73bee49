"""`gandiag latent` on a tiny checkpoint and on a user's own code."""

import json

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

PAIRS = ("--pairs", "200", "--distance", "pixels:8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two steps of a conditional generator of digits."""
    return made(tmp_path_factory, "cgan-digits", {"width_g": 8, "width_d": 4})


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    """The same of points in the plane."""
    return made(tmp_path_factory, "ns-ring8", {})


def made(tmp_path_factory, name, changes):
    from reference_models.recipe import replace
    from reference_models.recipes import find_recipe
    from reference_models.train import train

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs") / name
    train(replace(find_recipe(name), {"steps": 2, **changes}), out=folder, checkpoint_every=2)
    return folder


def test_all_of_it_at_once(run, trained, tmp_path):
    ways, plot, numbers = (tmp_path / name for name in ("ways.png", "plot.png", "numbers.json"))
    code, out, err = run(
        *("latent", trained, "--ppl", *PAIRS, "--interpolate", ways, "--rows", 3, "--columns", 4),
        *("--truncation", "1,2", "--real", "dataset:digits", "--max-images", 100),
        *("--features", "pixels:4", "--plot", plot, "--json", numbers),
    )
    assert (code, err) == (0, "")
    assert "3 ways between latents" in out
    assert "ppl[pixels:8] ↓" in out
    assert "fd[pixels:4] ↓" in out
    with Image.open(ways) as picture:
        assert picture.size == (4 * 64 + 3 * 2, 3 * 64 + 2 * 2)
    with Image.open(plot) as picture:
        assert picture.format == "PNG"
    whole = json.loads(numbers.read_text())
    assert whole["path_length"]["settings"]["N"] == 200
    assert [each["psi"] for each in whole["truncation"]["truncations"]] == [1.0, 2.0]
    names = whole["truncation"]["truncations"][0]["scores"]
    assert {"fd[pixels:4]", "precision[pixels:4]", "recall[pixels:4]"} <= set(names)


def test_seeds_and_classes(run, trained):
    def value(*more):
        args = ("latent", trained, "--ppl", *PAIRS, "--json", "-", *more)
        return json.loads(run(*args)[1])["path_length"]["value"]

    assert value() == value() != value("--seed", "1")
    assert value("--class", "3") != value("--class", "4")


def test_points(run, ring, tmp_path):
    path = tmp_path / "ways.png"
    code, out, err = run("latent", ring, "--ppl", "--pairs", "200", "--interpolate", path)
    assert (code, err) == (0, "")
    assert "ppl[points]" in out
    assert path.stat().st_size > 0


def test_the_users_own_generator(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latent_models.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    z_dim = 12\n"
        "    def forward(self, z):\n"
        "        print('making')\n"
        "        return (self.scale * z).tanh().view(-1, 3, 2, 2)\n"
        "def make(state, device):\n"
        "    net = Net()\n"
        "    net.scale = torch.nn.Parameter(state['scale'])\n"
        "    return net.to(device)\n"
        "def hides(state, device):\n"
        "    return lambda rngs: torch.zeros(len(rngs), 3, 2, 2)\n"
    )
    save_file({"scale": torch.tensor(0.5)}, tmp_path / "g.safetensors")
    args = ("latent", "g.safetensors", "--ppl", *PAIRS, "--json", "-", "--generator")
    code, out, _ = run(*args, "latent_models:make")
    assert code == 0
    assert json.loads(out)["path_length"]["name"] == "ppl[pixels:8]"
    code, _, err = run(*args, "latent_models:hides")
    assert (code, err.count("\n")) == (2, 1)
    assert "does not say how many latents it takes" in err


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ((), "nothing is asked of the latents"),
        (("--ppl", "--real", "dataset:digits"), "--real and --plot go with --truncation"),
        (("--ppl", "--plot", "a.png"), "--real and --plot go with --truncation"),
        (("--interpolate", "a.png", "--json", "-"), "--json has the numbers"),
        (("--ppl", "--pairs", "9"), "needs 100 pairs"),
        (("--ppl", "--space", "w"), "has no space w"),
        (("--ppl", "--class", "x"), "there is no class of"),
        (("--ppl", "--distance", "lite"), "no features called 'lite'"),
        (("--ppl", "--distance", "spectrum:4"), "does more to images"),
        (("--truncation", "1"), "which compare with real images; add --real"),
        (("--truncation", "1,1", "--real", "dataset:digits"), "give each once"),
        (("--truncation", "0", "--real", "dataset:digits"), "psi is 0"),
        (("--interpolate", "absent/a.png"), "there is no folder"),
        (("--interpolate", "a.png", "--rows", "0"), "shows no way"),
    ],
)
def test_what_is_refused(run, trained, tmp_path, monkeypatch, args, sentence):
    monkeypatch.chdir(tmp_path)
    code, _, err = run("latent", trained, "--features", "pixels:4", *args)
    assert code == 2
    assert sentence in err
    assert err.count("\n") == 1
    assert list(tmp_path.glob("*.png")) == []


def test_numbers_that_are_none(run, trained):
    code, _, err = run("latent", trained, "--truncation", "1,x")
    assert code == 2
    assert "'1,x' is not numbers separated by commas" in err


def test_what_is_no_generator(run, tmp_path):
    code, _, err = run("latent", "dataset:digits", "--ppl")
    assert (code, err.count("\n")) == (2, 1)
    assert "is no generator; name a checkpoint" in err


def test_help_has_examples(run):
    out = run("latent", "--help")[1]
    assert "gandiag latent runs/digits --interpolate ways.png" in out
    assert "--interpolation [lerp|slerp|slerp-unit]" in out
