"""Path lengths: closed forms, torchmetrics on the same latents, and what is refused."""

import json
import math

import numpy as np
import pytest
import torch
from latent_toys import Conditional, Linear, Mapped, squared
from torch import nn

from gandiag.errors import GandiagError
from gandiag.generators import open_generator, path_length, trimmed_mean
from gandiag.generators.path import EPSILON

FEW = {"count": 200, "batch_size": 50}


def ends(opened, count, seed=0):
    z = opened.latents(seed, range(2 * count))
    return z[0::2], z[1::2]


@pytest.mark.parametrize("sampling", ["full", "end"])
def test_a_linear_generator_on_a_line(sampling):
    """The speed is |A (z2 - z1)|^2 wherever one looks."""
    net = Linear()
    found = path_length(net, squared, sampling=sampling, **FEW)
    a, b = ends(open_generator(net), 200)
    exact = ((b - a) @ net.matrix.detach().T).square().sum(dim=1)
    # All is float64, in differences of 1e-4.
    torch.testing.assert_close(found.distances, exact, rtol=1e-8, atol=0)
    assert found.value == pytest.approx(trimmed_mean(exact).value, rel=1e-9)


def test_its_expectation():
    """E |A (z2 - z1)|^2 = 2 |A|^2, before anything is trimmed."""
    net = Linear()
    found = path_length(net, squared, count=4000, batch_size=500)
    expected = 2 * float(net.matrix.detach().square().sum())
    spread = float(found.distances.std()) / math.sqrt(4000)
    assert abs(float(found.distances.mean()) - expected) < 4 * spread


@pytest.mark.parametrize("interpolation", ["slerp", "slerp-unit"])
def test_a_great_circle_has_the_speed_of_its_angle(interpolation):
    """On a sphere of radius r an image that is z itself moves at r w, w the angle."""
    net = Linear(z_dim=12)
    net.matrix.data = 0.05 * torch.eye(12, dtype=torch.float64)
    net.prior = "sphere"
    found = path_length(net, squared, interpolation=interpolation, **FEW)
    a, b = ends(open_generator(net), 200)
    angle = ((a * b).sum(dim=1) / 12).acos()
    radius = math.sqrt(12) if interpolation == "slerp" else 1.0
    exact = (0.05 * radius * angle).square()
    # A chord of 1e-4 for its arc.
    torch.testing.assert_close(found.distances, exact, rtol=1e-7, atol=0)


def test_w_is_interpolated_after_the_mapping():
    plain = path_length(Linear(), squared, **FEW)
    mapped = path_length(Mapped(), squared, space="w", **FEW)
    assert mapped.value == pytest.approx(4 * plain.value, rel=1e-8)
    assert mapped.settings["space"] == "w"


def test_a_class_is_that_of_both_ends():
    """The class shifts the image, and would be all that is seen if the ends had two."""
    plain = path_length(Linear(), squared, **FEW)
    drawn = path_length(Conditional(), squared, **FEW)
    named = path_length(Conditional(), squared, label="2", **FEW)
    assert drawn.value == pytest.approx(plain.value, rel=1e-8)
    assert named.value == pytest.approx(plain.value, rel=1e-8)
    assert (drawn.settings["class"], named.settings["class"]) == ("drawn", "2")


def test_seeds_and_batches():
    one, same, other = (path_length(Linear(), squared, seed=s, **FEW) for s in (0, 0, 1))
    assert torch.equal(one.distances, same.distances)
    assert not torch.equal(one.distances, other.distances)
    split = path_length(Linear(), squared, count=200, batch_size=33)
    torch.testing.assert_close(one.distances, split.distances, rtol=1e-8, atol=0)
    more = path_length(Linear(), squared, count=250, batch_size=50)
    assert torch.equal(one.distances, more.distances[:200])


@pytest.mark.parametrize("n", [100, 137, 1000])
def test_the_trimmed_mean_is_numpys(n):
    values = np.random.default_rng(n).lognormal(size=n)
    low = np.percentile(values, 1, method="lower")
    high = np.percentile(values, 99, method="higher")
    kept = values[(low <= values) & (values <= high)]
    score = trimmed_mean(torch.from_numpy(values))
    assert score.value == pytest.approx(kept.mean(), rel=1e-14)
    assert score.extra == pytest.approx({"deviation": kept.std(), "kept": len(kept)})


def test_the_interval_covers_the_mean_between_the_quantiles():
    rng = torch.Generator().manual_seed(0)
    draw = torch.randn(300, 1000, generator=rng, dtype=torch.float64).exp()
    # E[exp z; |z| < q] / .98 for the normal quantiles at 1 and 99 %.
    q = 2.3263478740408408
    phi = [0.5 * (1 + math.erf(x / math.sqrt(2))) for x in (q - 1, -q - 1)]
    truth = math.exp(0.5) * (phi[0] - phi[1]) / 0.98
    scores = [trimmed_mean(row) for row in draw]
    covered = sum(score.low <= truth <= score.high for score in scores) / 300
    # Two standard errors of 300 sets beyond 93 to 98 %.
    assert 0.92 <= covered <= 0.985


def test_few_pairs_have_no_interval():
    score = path_length(Linear(), squared, **FEW).score
    assert (score.low, score.high) == (None, None)
    assert score.method.startswith("no interval: fewer than 1,000 pairs")


@pytest.mark.peers
@pytest.mark.parametrize("interpolation", ["lerp", "slerp_any"])
def test_torchmetrics_on_the_same_latents(interpolation):
    from torchmetrics.functional.image import perceptual_path_length

    net = Linear()
    opened = open_generator(net)
    latents = [*ends(opened, 200)]

    class Theirs(nn.Module):
        def sample(self, num_samples):
            return latents.pop(0)

        def forward(self, z):
            return (net(z) + 1) * 127.5

    class Apart(nn.Module):
        def forward(self, one, other):
            return (one - other).square().flatten(1).sum(dim=1)

    mean, _, kept = perceptual_path_length(
        Theirs(),
        num_samples=200,
        interpolation_method=interpolation,
        sim_net=Apart(),
        lower_discard=None,
        upper_discard=None,
    )
    ours = path_length(
        net,
        squared,
        interpolation=interpolation.removesuffix("_any"),
        sampling="end",
        **FEW,
    )
    torch.testing.assert_close(ours.distances, kept.detach(), rtol=1e-8, atol=0)
    assert float(ours.distances.mean()) == pytest.approx(float(mean), rel=1e-9)


class Nvidias:
    """A distance that says it is the paper's."""

    name = "theirs"
    published = True
    __call__ = staticmethod(squared)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({}, "ppl"),
        ({"space": "z", "interpolation": "slerp-unit"}, "ppl"),
        ({"space": "z"}, "ppl[theirs]"),
        ({"interpolation": "slerp"}, "ppl[theirs]"),
        ({"epsilon": 1e-3}, "ppl[theirs]"),
        ({"side": None}, "ppl[theirs]"),
    ],
)
def test_only_the_published_protocol_is_called_ppl(change, name):
    assert path_length(Mapped(), Nvidias(), **{"space": "w", **FEW, **change}).name == name


def test_without_a_mapping_nothing_is_called_ppl():
    found = path_length(Linear(), Nvidias(), interpolation="slerp-unit", **FEW)
    assert found.name == "ppl[theirs]"


def test_what_is_reported():
    found = path_length(Linear(), "pixels:2", count=1000, batch_size=500)
    assert found.name == "ppl[pixels:2]"
    whole = json.loads(found.to_json())
    assert whole["settings"]["epsilon"] == EPSILON
    assert whole["low"] < whole["value"] < whole["high"]
    assert "ppl[pixels:2] ↓" in str(found)
    assert float(found) == found.value


class Points(Linear):
    def forward(self, z):
        return z @ self.matrix.T


def test_points_have_their_own_distance():
    net = Points()
    found = path_length(net, **FEW)
    a, b = ends(open_generator(net), 200)
    exact = ((b - a) @ net.matrix.detach().T).square().sum(dim=1)
    assert found.name == "ppl[points]"
    # All of it is float64.
    torch.testing.assert_close(found.distances, exact, rtol=1e-8, atol=0)


class Noisy(Linear):
    def __init__(self):
        super().__init__()
        self.noise = torch.Generator().manual_seed(0)

    def forward(self, z):
        return super().forward(z) + 1e-3 * torch.rand(1, generator=self.noise)


class Bytes(Linear):
    def forward(self, z):
        return super().forward(z).to(torch.uint8)


class Unit(Linear):
    def forward(self, z):
        return super().forward(z).abs()


class Broken(Linear):
    def forward(self, z):
        return super().forward(z) * float("nan")


@pytest.mark.parametrize(
    ("net", "how", "sentence"),
    [
        (Noisy(), {}, "other samples each time"),
        (Bytes(), {}, "gives bytes"),
        (Unit(), {}, r"value_range=\(0, 1\)"),
        (Broken(), {}, "nan"),
        (Linear(), {"count": 99}, "needs 100 pairs"),
        (Linear(), {"epsilon": 0.0}, "epsilon is 0.0"),
        (Linear(), {"batch_size": 0}, "batch_size must be at least 1"),
        (Linear(), {"sampling": "start"}, "no sampling of t 'start'"),
        (Linear(), {"space": "w"}, "has no space w"),
        (Linear(), {"label": "1"}, "has no classes"),
        (Conditional(), {"label": "7"}, "choose from 0, 1, 2"),
        (Linear(), {"distance": lambda one, other: one.sum()}, "no number for each"),
    ],
)
def test_what_is_refused(net, how, sentence):
    with pytest.raises(GandiagError, match=sentence):
        path_length(net, **{"distance": squared, **FEW, **how})


def test_a_stated_range_is_taken_as_it_is():
    """Half the range is half the scale, and a quarter of the squared distance."""
    opened = open_generator(Linear(scale=0.02), value_range=(-0.5, 0.5))
    wide = path_length(Linear(scale=0.02), squared, **FEW)
    assert path_length(opened, squared, **FEW).value == pytest.approx(4 * wide.value, rel=1e-8)
