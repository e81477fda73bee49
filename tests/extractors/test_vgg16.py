"""NVIDIA's VGG-16, from an archive of random weights in the layout that its file has."""

import warnings
from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from random_inception import photographs
from torch import nn

from gandiag.errors import GandiagError
from gandiag.extractors import WEIGHTS, open_extractor
from gandiag.extractors.weights import sha256

CPU = torch.device("cpu")
WIDTHS = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")


class Conv(nn.Conv2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(F.conv2d(x, self.weight, self.bias, padding=1))


class Linear(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(F.linear(x.flatten(1), self.weight, self.bias))


class Nvidia(nn.Module):
    """The archive's modules: `layers`, and beside them the weights of LPIPS."""

    def __init__(self, state) -> None:
        super().__init__()
        layers, drawn = OrderedDict(), iter(state.values())
        width, convs, pools = 3, 0, 0
        for out in WIDTHS:
            if out == "M":
                pools += 1
                layers[f"pool{pools}"] = nn.MaxPool2d(2)
                continue
            convs += 1
            layers[f"conv{convs}"] = Conv(width, out, 3, device="meta")
            width = out
        for n, (into, out) in enumerate([(25088, 4096), (4096, 4096), (4096, 1000)], 1):
            layers[f"fc{n}"] = Linear(into, out, device="meta")
        self.layers = nn.Sequential(layers)
        for name, module in layers.items():
            if not name.startswith("pool"):
                module.weight = nn.Parameter(next(drawn), requires_grad=False)
                module.bias = nn.Parameter(next(drawn), requires_grad=False)
        self.lpips0 = nn.Parameter(torch.ones(64), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


@pytest.fixture(scope="module")
def network(random_vgg16):
    return Nvidia(random_vgg16).eval()


@pytest.fixture(scope="module")
def archive(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("nvidia") / "vgg16.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is on its way out of torch
        torch.jit.save(torch.jit.script(network), path)
    yield path
    path.unlink()


def test_it_computes_what_the_archive_computes(network, archive, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("TorchScript was run")

    monkeypatch.setattr(torch.jit, "load", refuse)
    extractor = open_extractor("vgg16-nvidia", device=CPU, weights=archive, allow_unverified=True)
    assert extractor.name == "vgg16-nvidia-unverified"
    assert extractor.layers == {"fc2_relu": 4096}
    facts = extractor.provenance()
    assert "second-hand" in facts["network"]
    assert (facts["resize"], facts["verified"]) == ("tf1-grid", "no")
    image = photographs(1, 100, seed=0)

    # Position i samples at i * 100 / 224, with no pixel centres, between whole pixels.
    at = torch.arange(224, dtype=torch.float64) * (100 / 224)
    low, share = at.long(), at - at.floor()
    high = (low + 1).clamp_max(99)
    x = image.double()
    x = x[..., low] * (1 - share) + x[..., high] * share
    x = x[..., low, :] * (1 - share[:, None]) + x[..., high, :] * share[:, None]
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    x = ((x / 255 - mean) / std).float()
    with torch.inference_mode():
        for name, layer in network.layers.named_children():
            if name == "fc3":
                break
            x = layer(x)
    rows = extractor(extractor.prepare(image), ["fc2_relu"])["fc2_relu"]
    assert x.shape == rows.shape == (1, 4096)
    assert rows.std() > 0
    # Fifteen layers of float32, and the grid's positions to 1e-3 of a level.
    assert (rows - x).norm() < 1e-4 * x.norm()


def test_the_published_digest_is_known_and_said_to_be_second_hand(archive, monkeypatch):
    with pytest.raises(GandiagError, match="not the published vgg16-nvidia file"):
        open_extractor("vgg16-nvidia", device=CPU, weights=archive)
    row = WEIGHTS["vgg16-nvidia"]
    known = type(row)(**{**vars(row), "sha256": sha256(archive)})
    monkeypatch.setitem(WEIGHTS, "vgg16-nvidia", known)
    extractor = open_extractor("vgg16-nvidia", device=CPU, weights=archive)
    assert (extractor.name, extractor.canonical) == ("vgg16-nvidia", False)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({}, r"NVIDIA's vgg16 weights: it lacks layers.conv1.weight"),
        ({"layers.conv1.weight": torch.zeros(1)}, "it lacks layers.conv1.bias"),
    ],
)
def test_another_file_is_refused(tmp_path, state, why):
    torch.save(state, tmp_path / "vgg16.pt")
    with pytest.raises(GandiagError, match=why):
        open_extractor(
            "vgg16-nvidia", device=CPU, weights=tmp_path / "vgg16.pt", allow_unverified=True
        )
