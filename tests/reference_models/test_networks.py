"""Networks: shapes over resolutions, what a label changes, spectral normalisation."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from gandiag.errors import GandiagError
from reference_models import build
from reference_models.data import DATASETS, Batch
from reference_models.data.points import Synthetic
from reference_models.data.table import Known
from reference_models.networks.conditioning import ConditionalBatchNorm, Conditioning
from reference_models.networks.dcgan import halvings
from reference_models.networks.mlp import MLPDiscriminator
from reference_models.recipe import Recipe, replace
from reference_models.trainer import prepare

SMALL = replace(Recipe("small", "ring8"), latent=8, width_g=4, width_d=4)


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def make(network, shape, classes=0, **fields):
    recipe = replace(SMALL, network=network, **fields)
    return build.generator(recipe, shape, classes), build.discriminator(recipe, shape, classes)


SHAPES = [("mlp", (2,)), ("mlp", (1, 8, 8)), ("mlp", (3, 28, 28))]
SHAPES += [("dcgan", (c, s, s)) for c, s in ((1, 8), (3, 8), (1, 28), (3, 32), (3, 48), (3, 64))]
SHAPES += [("resnet", (3, side, side)) for side in (32, 48, 64, 128)]


@pytest.mark.parametrize(("network", "shape"), SHAPES)
def test_shapes(network, shape):
    generator, discriminator = make(network, shape)
    y = torch.zeros(3, dtype=torch.int64)
    x = generator(torch.randn(3, 8), y)
    assert x.shape == (3, *shape)
    assert len(shape) == 1 or x.abs().max() <= 1
    assert discriminator(x, y).shape == (3, 1)


@pytest.mark.parametrize("network", ["mlp", "dcgan", "resnet"])
@pytest.mark.parametrize("norm_d", ["none", "batch", "layer", "spectral"])
@pytest.mark.parametrize("norm_g", ["none", "batch", "layer"])
def test_every_normalisation_trains_every_weight(network, norm_g, norm_d):
    generator, discriminator = make(network, (3, 32, 32), norm_g=norm_g, norm_d=norm_d)
    y = torch.zeros(4, dtype=torch.int64)
    discriminator(generator(torch.randn(4, 8), y), y).square().sum().backward()
    for name, parameter in [*generator.named_parameters(), *discriminator.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("network", ["mlp", "dcgan", "resnet"])
@pytest.mark.parametrize("condition_g", ["concat", "norm"])
@pytest.mark.parametrize("condition_d", ["concat", "projection", "auxiliary"])
def test_labels_matter(network, condition_g, condition_d):
    generator, discriminator = make(
        network,
        (3, 32, 32),
        classes=5,
        norm_g="batch",
        condition_g=condition_g,
        condition_d=condition_d,
    )
    for module in generator.modules():
        if isinstance(module, ConditionalBatchNorm):
            nn.init.normal_(module.gain.weight, 1, 0.5)  # starts without a difference
    z, x = torch.randn(6, 8), torch.randn(6, 3, 32, 32)
    ones, twos = torch.full((6,), 1), torch.full((6,), 2)
    assert not torch.allclose(generator(z, ones), generator(z, twos))
    out1, out2 = discriminator(x, ones), discriminator(x, twos)
    if condition_d == "auxiliary":  # says the label, is not told it
        assert out1.shape == (6, 6)
        assert torch.equal(out1, out2)
    else:
        assert out1.shape == (6, 1)
        assert not torch.allclose(out1, out2)


def test_labels_do_not_matter_without_conditioning():
    generator, discriminator = make("dcgan", (1, 8, 8), classes=5)
    z, x = torch.randn(6, 8), torch.randn(6, 1, 8, 8)
    ones, twos = torch.full((6,), 1), torch.full((6,), 2)
    assert torch.equal(generator(z, ones), generator(z, twos))
    assert torch.equal(discriminator(x, ones), discriminator(x, twos))


def test_projection_head_is_the_equation():
    """f(x, y) = psi(phi) + <v_y, phi>, so that f is linear in the class's embedding."""
    head = Conditioning("projection", 4).head(7, lambda layer: layer)
    phi, y = torch.randn(5, 7), torch.tensor([0, 1, 2, 3, 3])
    psi = phi @ head.linear.weight[0] + head.linear.bias
    expected = psi + (head.embedding.weight[y] * phi).sum(1)
    torch.testing.assert_close(head(phi, y)[:, 0], expected)


def test_conditional_batch_norm_starts_as_batch_norm():
    x, y = torch.randn(16, 3, 4, 4), torch.randint(5, (16,))
    ours, theirs = ConditionalBatchNorm(3, 5, spatial=True), nn.BatchNorm2d(3)
    torch.testing.assert_close(ours(x, y), theirs(x))


@pytest.mark.parametrize(("switch", "other"), [("upsample", "bilinear"), ("pool", "mean")])
def test_switches_of_the_residual_networks(switch, other):
    """Neither has weights, so that the same random numbers give the same networks."""
    x, y = torch.randn(2, 3, 32, 32), torch.zeros(2, dtype=torch.int64)
    outs = []
    for value in (getattr(SMALL.networks, switch), other):
        with torch.random.fork_rng():
            pair = make("resnet", (3, 32, 32), **{switch: value})
            outs.append(pair[0](torch.ones(2, 8), y) if switch == "upsample" else pair[1](x, y))
    assert not torch.allclose(*outs)
    if switch == "pool":  # the head of 8 x 8 summed pixels, but for its bias
        bias = pair[1].discriminator.head.linear.bias
        torch.testing.assert_close(outs[0] - bias, 64 * (outs[1] - bias))


def test_maxout_takes_the_largest_piece():
    network = MLPDiscriminator((2,), Conditioning("none", 0), width=3, depth=1, pieces=5)
    x = torch.randn(4, 2)
    hidden = network.layers[0](x).reshape(4, 3, 5).max(2).values
    torch.testing.assert_close(network(x, torch.zeros(4)), network.head.linear(hidden))


@pytest.mark.parametrize(
    ("side", "expected"), [(8, (1, 4)), (28, (2, 7)), (32, (3, 4)), (48, (3, 6)), (64, (4, 4))]
)
def test_halvings(side, expected):
    assert halvings(side) == expected


@pytest.mark.parametrize("side", [4, 7, 9, 30, 33])
def test_odd_resolutions_are_refused(side):
    with pytest.raises(GandiagError, match=f"{side}x{side}"):
        halvings(side)


@pytest.mark.parametrize(("halve", "pooled"), [("max", nn.MaxPool2d), ("mean", nn.AvgPool2d)])
def test_pooling_in_place_of_strides(halve, pooled):
    _, judge = make("dcgan", (1, 16, 16), halve=halve)
    modules = list(judge.modules())
    assert sum(isinstance(module, pooled) for module in modules) == 2
    assert {m.stride for m in modules if isinstance(m, nn.Conv2d)} == {(1, 1)}
    y = torch.zeros(2, dtype=torch.int64)
    assert judge(torch.zeros(2, 1, 16, 16), y).shape == (2, 1)


def test_resnet_refuses_other_resolutions():
    with pytest.raises(GandiagError, match="not 28"):
        make("resnet", (1, 28, 28))


def test_labels_that_the_data_has_not():
    with pytest.raises(GandiagError, match="does not have"):
        make("mlp", (2,), classes=0, condition_d="projection")


def test_images_from_point_data():
    with pytest.raises(GandiagError, match="use mlp"):
        make("dcgan", (2,))


def test_published_sizes():
    """Parameters counted by hand from Miyato et al. 2018, table 4 (CIFAR-10, width 64)."""
    recipe = replace(SMALL, network="resnet", latent=128, width_g=64, width_d=64, norm_g="batch")
    generator = build.generator(recipe, (3, 32, 32), 0)
    discriminator = build.discriminator(recipe, (3, 32, 32), 0)

    def conv(a, b, k=3):
        return a * b * k * k + b

    norm = 2 * 256
    up = 2 * norm + 2 * conv(256, 256) + conv(256, 256, 1)
    expected_g = (128 + 1) * 4096 + 3 * up + norm + conv(256, 3)
    first = conv(3, 128) + conv(128, 128) + conv(3, 128, 1)
    down = 2 * conv(128, 128) + conv(128, 128, 1)
    same = 2 * conv(128, 128)
    expected_d = first + down + 2 * same + 129
    assert sum(p.numel() for p in generator.parameters()) == expected_g
    assert sum(p.numel() for p in discriminator.parameters()) == expected_d


def sigmas(network):
    """The largest singular value of each spectrally normalised weight, by SVD."""
    for layer in network.modules():
        if isinstance(layer, nn.Module) and parametrize.is_parametrized(layer, "weight"):
            yield float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2))


@pytest.mark.parametrize("initialisation", ["torch", "normal", "orthogonal"])
def test_spectral_norm_holds_from_the_start(initialisation):
    _, discriminator = make(
        "dcgan", (1, 8, 8), norm_d="spectral", width_d=16, initialisation=initialisation
    )
    discriminator.eval()
    for sigma in sigmas(discriminator):
        # Fifteen power iterations on matrices this small.
        assert sigma == pytest.approx(1, abs=0.1)


def coloured(batch, side, rng):
    """Images of one colour each."""
    return Batch(
        torch.rand(batch, 3, 1, 1, generator=rng).expand(-1, -1, side, side) * 2 - 1,
        torch.randint(10, (batch,), generator=rng),
    )


@pytest.fixture
def colours(monkeypatch):
    """Data for the residual network, which makes no digits."""
    data = Synthetic(
        "colours", lambda n, rng: coloured(n, 32, rng), (3, 32, 32), tuple("0123456789")
    )
    monkeypatch.setitem(DATASETS, "colours", Known((3, 32, 32), 10, lambda _: data))


@pytest.mark.usefixtures("colours")
@pytest.mark.parametrize(
    ("network", "data", "width", "layers"),
    [("mlp", "ring8", 64, 3), ("dcgan", "digits", 16, 1), ("resnet", "colours", 4, 10)],
)
def test_spectral_norm_holds_after_200_steps(network, data, width, layers):
    """Miyato et al. 2018, figure 9: one power iteration a step keeps up, within .1."""
    recipe = replace(
        Recipe("sn", data),
        network=network,
        latent=8,
        width_g=1 if network == "resnet" else 16,
        width_d=width,
        norm_d="spectral",
        condition_d="projection",
        loss="hinge",
        steps=200,
        batch=2 if network == "resnet" else 32,
        beta1=0.0,
        beta2=0.9,
    )
    trainer = prepare(recipe)
    for _ in trainer.steps():
        pass
    trainer.discriminator.eval()
    found = list(sigmas(trainer.discriminator))
    # Hidden layers (of the residual network 8 and 2 shortcuts), the last layer, and the embedding
    # of the labels.
    assert len(found) == layers + 2
    assert max(abs(sigma - 1) for sigma in found) < 0.1
