"""Distances of float images: extractors as they are on bytes, LPIPS beside a slow twin."""

import warnings
from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from latent_toys import squared
from torch import nn
from toys import images

from gandiag.errors import GandiagError
from gandiag.extractors import open_extractor
from gandiag.generators import FeatureDistance, open_distance, open_lpips
from gandiag.generators.distance import reduced
from gandiag.generators.lpips import BLOCKS

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["pixels:4", "pixels:8", "lite0"])
def test_on_whole_levels_it_is_the_distance_of_the_extractors_features(name):
    extractor = open_extractor(name, device=CPU)
    one, other = images(3, seed=1, size=(8, 8)), images(3, seed=2, size=(8, 8))
    rows = [
        extractor(extractor.prepare(each), [extractor.features])[extractor.features].double()
        for each in (one, other)
    ]
    expected = (rows[0] - rows[1]).square().sum(dim=1)
    found = FeatureDistance(extractor)(one.float(), other.float())
    # The scaling in another order of operations, through a network of float32.
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=0)


def test_a_step_far_below_a_level_is_seen():
    distance = open_distance("pixels:8", device=CPU)
    one = torch.full((1, 3, 8, 8), 100.0)
    # (0.01 / 255)^2 for each of 192 values; float32 keeps 1e-5 of the 100.
    assert float(distance(one, one + 0.01)) == pytest.approx(192 * (0.01 / 255) ** 2, rel=1e-3)


def test_an_extractor_of_images_as_they_are():
    distance = open_distance("digits", device=CPU)
    one, other = (images(4, seed=s, size=(8, 8))[:, :1].expand(-1, 3, -1, -1) for s in (1, 2))
    extractor = open_extractor("digits", device=CPU)
    rows = [extractor(extractor.prepare(x), ["features"])["features"] for x in (one, other)]
    expected = (rows[0] - rows[1]).double().square().sum(dim=1)
    torch.testing.assert_close(distance(one.float(), other.float()), expected, rtol=1e-4, atol=0)


class Squares:
    """An extractor that does something to images that cannot be done to floats unseen."""

    name, canonical, features, logits, device = "squares", False, "f", None, CPU
    layers = {"f": 3}  # noqa: RUF012
    input_size = 8

    def provenance(self):
        return {"resize": "torch-bilinear"}

    def prepare(self, given):
        return given.float().square()

    def __call__(self, prepared, layers):
        return {"f": prepared.mean(dim=(2, 3))}


def test_other_preparations_are_refused():
    with pytest.raises(GandiagError, match="squares does more to images"):
        FeatureDistance(Squares())(*torch.full((2, 1, 3, 8, 8), 100.0))
    with pytest.raises(GandiagError, match="spectrum:4 does more"):
        open_distance("spectrum:4", device=CPU)(*torch.full((2, 1, 3, 8, 8), 9.0))


def test_what_a_distance_may_be():
    assert open_distance(squared, device=CPU).name == "squared"
    named = open_distance(squared, device=CPU)
    assert open_distance(named, device=CPU) is named
    with pytest.raises(GandiagError, match="no features called 'lpip'"):
        open_distance("lpip", device=CPU)
    with pytest.raises(GandiagError, match="vgg16-nvidia"):
        open_distance("lpips", device=CPU)


def test_boxes_of_whole_pixels():
    x = torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    small = reduced(x, 4)
    expected = torch.stack(
        [
            x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean(dim=(2, 3))
            for i in range(4)
            for j in range(6)
        ],
        dim=2,
    ).view(2, 3, 4, 6)
    torch.testing.assert_close(small, expected)
    assert reduced(x, 5) is x
    assert reduced(x, None) is x
    with pytest.raises(GandiagError, match="boxes of 3 x 3"):
        reduced(torch.zeros(1, 3, 9, 10), 3)


# ------------------------------------------------------------------ LPIPS


class Nvidia(nn.Module):
    """The archive's modules: convolutions in `layers`, and beside them the weights of LPIPS."""

    def __init__(self):
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        layers = OrderedDict()
        width = 3
        for k, block in enumerate(BLOCKS):
            out = min(64 << k, 512)
            for n in block:
                conv = nn.Conv2d(width, out, 3, padding=1, device="meta")
                weight = (2 / (9 * width)) ** 0.5 * torch.randn(out, width, 3, 3, generator=rng)
                conv.weight = nn.Parameter(weight, requires_grad=False)
                bias = 0.1 * torch.randn(out, generator=rng)
                conv.bias = nn.Parameter(bias, requires_grad=False)
                layers[f"conv{n}"] = conv
                width = out
            weights = torch.rand(out, 1, 1, generator=rng)
            setattr(self, f"lpips{k}", nn.Parameter(weights, requires_grad=False))
        self.layers = nn.Sequential(layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


@pytest.fixture(scope="module")
def network():
    return Nvidia()


@pytest.fixture(scope="module")
def archive(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("nvidia") / "vgg16.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is on its way out of torch
        torch.jit.save(torch.jit.script(network), path)
    yield path
    path.unlink()


def slowly(network, one, other):
    """LPIPS as the paper writes it: layer by layer in float64, images one by one."""
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).double()[
        ..., None, None
    ]
    total = 0.0
    maps = [(each.double() / 255 - mean) / std for each in (one, other)]
    for k, block in enumerate(BLOCKS):
        if k:
            maps = [F.max_pool2d(x[None], 2)[0] for x in maps]
        for n in block:
            conv = getattr(network.layers, f"conv{n}")
            maps = [
                F.conv2d(x[None], conv.weight.double(), conv.bias.double(), padding=1)[0].relu()
                for x in maps
            ]
        a, b = (x / (x.square().sum(dim=0).sqrt() + 1e-10) for x in maps)
        weights = getattr(network, f"lpips{k}").double()
        total += float((weights * (a - b).square()).sum(dim=0).mean())
    return total


def test_lpips_is_its_slow_twin(network, archive, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("TorchScript was run")

    monkeypatch.setattr(torch.jit, "load", refuse)
    lpips = open_lpips(archive, device=CPU)
    one, other = (images(2, seed=s, size=(20, 24)).float() for s in (1, 2))
    found = lpips(one, other)
    assert found.shape == (2,)
    for i in range(2):
        # Thirteen layers of float32.
        assert float(found[i]) == pytest.approx(slowly(network, one[i], other[i]), rel=1e-4)
    assert lpips(one, one).tolist() == [0.0, 0.0]


def test_its_name_says_what_is_not_known(archive):
    lpips = open_lpips(archive, device=CPU, verified=False)
    assert (lpips.name, lpips.published) == ("lpips-unverified", False)


def test_lpips_from_the_folder_of_weights(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("GANDIAG_WEIGHTS", str(archive.parent))
    with pytest.raises(GandiagError, match="not the published vgg16-nvidia file"):
        open_distance("lpips", device=CPU)
    found = open_distance("lpips", device=CPU, allow_unverified=True)
    assert found.name == "lpips-unverified"


def test_another_file_is_refused(tmp_path, network):
    state = network.state_dict()
    torch.save({k: v for k, v in state.items() if k != "lpips3"}, tmp_path / "a.pt")
    with pytest.raises(GandiagError, match="it lacks lpips3"):
        open_lpips(tmp_path / "a.pt", device=CPU)
    torch.save({**state, "lpips3": torch.ones(3)}, tmp_path / "a.pt")
    with pytest.raises(GandiagError, match="lpips3 is 3, not 512"):
        open_lpips(tmp_path / "a.pt", device=CPU)
