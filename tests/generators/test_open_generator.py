"""What a generator with latents may be."""

import pytest
import torch
from latent_toys import Conditional, Linear, Mapped
from safetensors.torch import save_file
from torch import nn

from gandiag.errors import GandiagError
from gandiag.generators import LatentGenerator, LatentSpace, open_generator
from gandiag.sources.generated import rng_of


def test_a_module_says_how_many_latents_it_takes():
    net = Linear(z_dim=7).train()
    net.child = nn.BatchNorm1d(2).eval()
    opened = open_generator(net)
    assert isinstance(net, LatentGenerator)
    assert (opened.name, opened.width, opened.classes, opened.mapped) == ("Linear", 7, (), False)
    z = opened.latents(0, range(4))
    torch.testing.assert_close(opened.samples(z, None), net(z))
    assert net.training
    assert not net.child.training
    assert open_generator(opened) is opened


@pytest.mark.parametrize("name", ["latent_dim", "nz"])
def test_other_names_of_the_width(name):
    net = nn.Identity()
    setattr(net, name, 3)
    assert open_generator(net).width == 3


def test_a_network_that_begins_with_a_convolution():
    net = nn.Sequential(nn.ConvTranspose2d(4, 3, 2, bias=False, device="meta"), nn.Tanh())
    net[0].weight = nn.Parameter(torch.ones(4, 3, 2, 2))
    net.z_dim = 4
    opened = open_generator(net)
    assert opened.samples(opened.latents(0, range(5)), None).shape == (5, 3, 2, 2)


def test_latents_are_known_by_number():
    opened = open_generator(Linear())
    whole = opened.latents(3, range(10))
    assert torch.equal(whole[4:7], opened.latents(3, range(4, 7)))
    assert not torch.equal(whole, opened.latents(4, range(10)))
    assert opened.latents(0, range(0)).shape == (0, 5)


@pytest.mark.parametrize("prior", ["normal", "uniform", "sphere"])
def test_priors(prior):
    net = Linear(z_dim=30)
    net.prior = prior
    z = open_generator(net).latents(0, range(2000))
    assert z.shape == (2000, 30)
    if prior == "sphere":
        torch.testing.assert_close(z.norm(dim=1), torch.full((2000,), 30.0).double().sqrt())
    if prior == "uniform":
        assert -1 <= float(z.min()) < -0.99
        assert 0.99 < float(z.max()) < 1
    variance = 1 / 3 if prior == "uniform" else 1.0
    # 60,000 values: the variance of a variance is at most 2 / 60,000.
    assert float(z.var()) == pytest.approx(variance, abs=0.03)


def test_classes():
    opened = open_generator(Conditional())
    assert opened.classes == ("0", "1", "2")
    drawn = opened.labels(0, range(3000))
    # Three standard deviations of a share of a third.
    assert all(abs(int((drawn == k).sum()) - 1000) < 80 for k in range(3))
    assert opened.labels(0, range(3), "1").tolist() == [1, 1, 1]
    assert torch.equal(drawn[5:9], opened.labels(0, range(5, 9)))
    # The numbers that make a latent do not make its class, too.
    same = [int(torch.randint(3, (), generator=rng_of(0, i))) for i in range(3000)]
    assert abs(sum(a == b for a, b in zip(drawn.tolist(), same, strict=True)) - 1000) < 80
    net = Conditional()
    net.classes = ("cat", "dog", "owl")
    assert open_generator(net).classes == ("cat", "dog", "owl")


def test_a_file_of_weights_and_code_that_knows_it(tmp_path):
    save_file({"scale": torch.tensor(0.5)}, tmp_path / "g.safetensors")

    def make(state, device):
        class Mine:
            z_dim = 12

            def __call__(self, z):
                return (state["scale"] * z).view(-1, 3, 2, 2)

        return Mine()

    opened = open_generator(tmp_path / "g.safetensors", generator=make)
    z = opened.latents(0, range(2))
    torch.testing.assert_close(opened.samples(z, None).flatten(1), 0.5 * z.float())


@pytest.mark.parametrize(
    ("thing", "how", "sentence"),
    [
        (nn.Linear(2, 2), {}, "does not say how many latents"),
        (3, {}, "does not say how many latents"),
        ("dataset:digits", {}, "is no generator"),
        ("absent", {}, "absent does not exist"),
        ("absent", {"generator": lambda state, device: None}, "absent is no file"),
    ],
)
def test_what_is_refused(thing, how, sentence):
    with pytest.raises(GandiagError, match=sentence):
        open_generator(thing, **how)


def test_a_prior_that_is_none():
    net = Linear()
    net.prior = "cauchy"
    with pytest.raises(GandiagError, match="the prior of Linear is 'cauchy'"):
        open_generator(net)


class Raises(Linear):
    def forward(self, z):
        raise RuntimeError("no more")


class Short(Linear):
    def forward(self, z):
        return super().forward(z)[:1]


class Text(Linear):
    def forward(self, z):
        return "an image"


@pytest.mark.parametrize(
    ("net", "sentence"),
    [
        (Raises(), r"raised RuntimeError \(no more\)"),
        (Short(), "gave 1 samples for 3 latents"),
        (Text(), "gave str; give a tensor"),
    ],
)
def test_what_a_network_may_not_do(net, sentence):
    opened = open_generator(net)
    with pytest.raises(GandiagError, match=sentence):
        opened.samples(opened.latents(0, range(3)), None)


def test_the_space_w():
    opened = open_generator(Mapped())
    assert isinstance(opened, LatentSpace)
    assert opened.mapped
    z = opened.latents(0, range(3))
    w = opened.in_space(z, None, "w")
    torch.testing.assert_close(w, 2 * z + 1)
    torch.testing.assert_close(opened.samples(w, None, "w"), opened.samples(z, None))
