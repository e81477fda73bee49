"""Disturbances do what their formulas say."""

import pytest
import torch

from reference_models.papers import heusel2017_disturb as disturb
from reference_models.papers import judge
from reference_models.randomness import generator


@pytest.fixture
def images():
    return 2 * torch.rand(6, 3, 64, 64, generator=generator("images")) - 1


@pytest.mark.parametrize("kind", ["noise", "blur", "rectangles", "salt and pepper", "swirl"])
def test_nothing_is_done_at_level_0_and_images_stay_in_range(images, kind):
    do = disturb.KINDS[kind].do
    assert torch.allclose(do(images, 0.0, generator("a")), images, atol=1e-4)
    for amount in disturb.KINDS[kind].amounts:
        found = do(images, amount, generator("a"))
        assert found.shape == images.shape
        assert float(found.abs().max()) <= 1 + 1e-5
        assert not torch.equal(found, images)
        assert torch.equal(found, do(images, amount, generator("a")))


def test_salt_and_pepper_take_all_channels_of_their_share(images):
    found = disturb.salt_and_pepper(images, 0.3, generator("a"))
    changed = (found != images).any(dim=1)
    # 24,576 pixels: sd .003.
    assert float(changed.float().mean()) == pytest.approx(0.3, abs=0.012)
    pixels = found.permute(0, 2, 3, 1)[changed]
    assert torch.equal(pixels.abs(), torch.ones_like(pixels))
    assert torch.equal(pixels[:, 0], pixels[:, 2])


def test_rectangles_are_black_and_of_their_side():
    white = torch.ones(6, 3, 64, 64)
    black = disturb.rectangles(white, 0.25, generator("a")) == -1
    shares = black[:, 0].float().mean(dim=(1, 2))
    # Between one square and five of them apart.
    assert float(shares.min()) >= 0.25**2
    assert float(shares.max()) <= 5 * 0.25**2


def test_a_swirl_leaves_what_is_round_as_it_was():
    ticks = (torch.arange(64) - 31.5) / 31.5
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    round_ = torch.exp(-4 * (x**2 + y**2)).expand(2, 3, 64, 64)
    found = disturb.swirl(round_, 4.0, generator("a"))
    # Bilinear, of a function of curvature 8 at steps of 1/31.5: below 8 / 31.5^2 / 4.
    assert torch.allclose(found, round_, atol=2.1e-3)
    line = x.expand(2, 3, 64, 64)
    turned = disturb.swirl(line, 4.0, generator("a"))
    assert float((turned - line).abs().max()) > 0.3
    assert torch.equal(turned[:, :, :3], line[:, :, :3])


def test_a_share_of_other_images(images):
    found = disturb.disturbed("other images", images[:4], 0.25, 0)
    assert torch.equal(found[1:], images[1:4])
    assert not torch.equal(found[0], images[0])


def test_a_distance_that_sees_nothing_turns_the_verdict(monkeypatch):
    monkeypatch.setattr(disturb, "frechet_distance", lambda real, generated: 1.0)
    found = judge(disturb.EXPERIMENT, disturb.EXPERIMENT.run("small", 0))
    assert "direction does not hold" in {each.verdict for each in found}
