"""A wave lands where it belongs, and enlarged images are told from those taken at full size."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from random_inception import photographs
from scipy.special import exp1

import gandiag
from gandiag.errors import GandiagError
from gandiag.extractors import FeatureExtractor, open_extractor, spectrum

CPU = torch.device("cpu")


def opened(size=64):
    return open_extractor(f"spectrum:{size}", device=CPU)


def profile(images, size=64):
    """uint8 images => their features."""
    extractor = opened(size)
    return extractor(extractor.prepare(images), ["features"])["features"]


def profile_of_grey(grey, size):
    """(size, size) levels, not rounded to whole ones => features (radii,)."""
    prepared = torch.as_tensor(grey, dtype=torch.float32).expand(1, 3, size, size)
    return opened(size)(prepared, ["features"])["features"][0]


def radii(size):
    """(size, size), of each frequency as `numpy.fft.fft2` orders them."""
    u = np.fft.fftfreq(size, 1 / size)
    return np.round(np.hypot(u[:, None], u)).astype(int)


@pytest.mark.parametrize("size", [6, 9])
def test_agrees_with_the_sum_written_out(size):
    image = photographs(1, size, seed=2)
    red, green, blue = image[0].double().numpy()
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    rings = {}
    for u in range(-(size // 2), (size + 1) // 2):
        for v in range(-(size // 2), (size + 1) // 2):
            wave = sum(
                grey[a, b] * np.exp(-2j * math.pi * (u * a + v * b) / size)
                for a in range(size)
                for b in range(size)
            )
            ring = rings.setdefault(round(math.hypot(u, v)), [])
            ring.append(math.log(1 + abs(wave) ** 2 / size**2))
    expected = [np.mean(rings[r]) for r in range(len(rings))]
    # Features are float32, of luminances that are not: its rounding, 6e-8, once.
    np.testing.assert_allclose(profile(image, size)[0].numpy(), expected, rtol=1e-7)


@pytest.mark.parametrize(
    ("u", "v", "radius"),
    [(0, 1, 1), (3, 0, 3), (3, 4, 5), (5, 5, 7), (0, 16, 16), (16, 16, 23), (-7, 12, 14)],
)
def test_a_plane_wave_is_at_its_radius_alone(u, v, radius):
    size, height = 32, 10.0
    a = np.arange(size)
    grey = 128 + height * np.cos(2 * math.pi * (u * a[:, None] + v * a) / size)
    # Half the height at (u, v) and half at (-u, -v), which for (16, 16) and (0, 16) are the same.
    own = {(u % size, v % size), (-u % size, -v % size)}
    power = (size * height / len(own)) ** 2
    expected = np.zeros(24)
    expected[0] = math.log1p((size * 128) ** 2)
    expected[radius] += len(own) * math.log1p(power) / (radii(size) == radius).sum()
    # The wave itself is rounded to float32: 128 * 6e-8 levels, of which the log1p sees the square.
    np.testing.assert_allclose(profile_of_grey(grey, size).numpy(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("level", [0, 1, 97, 255])
def test_an_even_image_has_nothing_but_its_brightness(level):
    first, *rest = profile(torch.full((1, 3, 70, 80), level, dtype=torch.uint8))[0].tolist()
    assert first == pytest.approx(math.log1p((64 * level) ** 2), rel=1e-6)
    assert max(rest) < 1e-12  # 64 * 255 levels rounded in float64, squared


def test_white_noise_has_its_variance_at_every_frequency():
    deviation, size, count = 5.0, 32, 400
    noise = 128 + deviation * torch.randn(
        count, 1, size, size, generator=torch.Generator().manual_seed(0)
    )
    found = opened(size)(noise.expand(-1, 3, -1, -1), ["features"])["features"].mean(0)
    # P is exponential with mean s^2, so that E log(1 + P) = exp(1 / s^2) E1(1 / s^2).
    share = deviation**-2
    expected = math.exp(share) * exp1(share)
    # log P of an exponential has deviation pi / sqrt(6). A ring has as many independent P as half
    # its frequencies: four standard errors. The last, (16, 16), is real, not complex: left out.
    counts = np.bincount(radii(size).flat)[1:-1]
    error = np.abs(found[1:-1].numpy() - expected)
    assert (error < 4 * math.pi / math.sqrt(6) / np.sqrt(count * counts / 2)).all()


def doubled(images):
    return images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


def test_doubled_pixels_repeat_the_spectrum_under_a_cosine():
    # Of y(a // 2, b // 2): 4 cos^2(pi u / N) cos^2(pi v / N) P_small(u mod N/2, v mod N/2).
    small = photographs(1, 16, seed=0)
    red, green, blue = small[0].double().numpy()
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    power = np.tile(np.abs(np.fft.fft2(grey, norm="ortho")) ** 2, (2, 2))
    cosine = np.cos(math.pi * np.arange(32) / 32) ** 2
    power *= 4 * cosine[:, None] * cosine
    rings = radii(32)
    expected = [np.log1p(power)[rings == r].mean() for r in range(24)]
    # Features are float32; a cosine of pi / 2 is no exact zero.
    found = profile(doubled(small), 32)[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-20)


@pytest.fixture(scope="module")
def scenes():
    """Photographs, and the same at half the side."""
    whole = photographs(60, 64, seed=1)
    return whole, F.avg_pool2d(whole.float(), 2).round().to(torch.uint8)


def differences(images, others):
    """Mean over pairs, and its standard error."""
    found = profile(images) - profile(others)
    return found.mean(0), found.std(0) / math.sqrt(len(found))


def test_doubled_pixels_have_copies_that_a_smooth_enlargement_has_not(scenes):
    _, small = scenes
    smooth = F.interpolate(small.float(), scale_factor=2, mode="bicubic").round().clamp(0, 255)
    mean, error = differences(doubled(small), smooth.to(torch.uint8))
    # Copies of the low frequencies lie about N/2 = 32, where the cosine does not yet take them off.
    assert (mean > 4 * error)[18:32].all()


def test_enlarged_pictures_lack_what_pictures_taken_at_full_size_have(scenes):
    whole, small = scenes
    mean, error = differences(doubled(small), whole)
    # What the paper finds of up-sampling by interpolation. Low frequencies are hardly touched: at
    # r = 4 the pool and the doubling take cos^4(4 pi / 64) together, 8 %.
    assert (mean < -4 * error)[12:].all()
    assert (mean.abs() < 0.08)[:5].all()


def test_an_uneven_transposed_convolution_adds_a_checkerboard(scenes):
    whole, small = scenes
    taps = torch.tensor([[1.05, 0.95], [0.95, 1.05]]).expand(3, 1, 2, 2)
    made = F.conv_transpose2d(small.float(), taps, stride=2, groups=3).round().clamp(0, 255)
    mean, error = differences(made.to(torch.uint8), whole)
    # A twentieth of some 100 levels is at the corner: P of (64 * 5)^2 where it was about 4. That is
    # one of five frequencies of the last ring: log(10^5 / 4) / 5.
    assert mean[-1] > 2
    # And a twentieth of each low frequency lies round it.
    assert (mean > 4 * error)[-3:].all()


def test_the_distance_tells_enlarged_images():
    whole = photographs(400, 32, seed=3)
    enlarged = doubled(F.avg_pool2d(whole[:200].float(), 2).round().to(torch.uint8))

    def distance(images):
        options = {"features": "spectrum:32", "metrics": ("fid",), "cache": False}
        return gandiag.score(images, whole[200:], **options)["fid"]

    near, far = distance(whole[:200]), distance(enlarged)
    assert far.name == "fd[spectrum:32]"
    assert far.value > 5 * near.value


@pytest.mark.parametrize("shape", [(64, 64), (64, 90), (91, 65), (67, 200)])
def test_the_crop_is_from_the_middle_and_nothing_is_resized(shape):
    height, width = shape
    images = torch.randint(
        256, (2, 3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    prepared = opened().prepare(images)
    top, left = (height - 64) // 2, (width - 64) // 2
    assert torch.equal(prepared, images[..., top : top + 64, left : left + 64].float())
    assert prepared.dtype == torch.float32


@pytest.mark.parametrize("size", [*range(4, 70), 255, 256, 1024])
def test_no_radius_is_empty(size):
    extractor = opened(size)
    assert min(extractor.counts) > 0
    assert sum(extractor.counts) == size**2
    assert extractor.layers == {"features": round(math.sqrt(2) * (size // 2)) + 1}


def test_what_it_says_of_itself():
    extractor = open_extractor("spectrum", device=CPU, precision="bf16")
    assert isinstance(extractor, FeatureExtractor)
    assert (extractor.name, extractor.layers) == ("spectrum", {"features": 46})
    assert opened(28).name == "spectrum:28"
    assert (extractor.canonical, extractor.logits, extractor.input_size) == (False, None, None)
    facts = extractor.provenance()
    assert set(facts) == set(open_extractor("pixels", device=CPU).provenance())
    assert facts["input"] == "64 x 64"
    assert facts["precision"] == "fp64"  # what is computed in, whatever precision networks run at


def test_an_image_alone_gives_what_it_gives_in_company(monkeypatch):
    images = photographs(7, 64, seed=0)
    together = profile(images)
    assert together.dtype == torch.float32
    assert not together.requires_grad
    assert torch.equal(profile(images), together)
    monkeypatch.setattr(spectrum, "AT_ONCE", 2 * 64**2)
    # Another batch may be transformed in another order: float64, rounded to float32.
    torch.testing.assert_close(profile(images), together, rtol=2e-7, atol=0)
    torch.testing.assert_close(profile(images[:1]), together[:1], rtol=2e-7, atol=0)


def test_single_precision_does_as_well():
    extractor = opened()
    prepared = extractor.prepare(photographs(5, 64, seed=0))
    exact = extractor(prepared, ["features"])["features"]
    extractor.dtype = torch.float32
    found = extractor(prepared, ["features"])["features"]
    # Waves are wrong by some 6e-8 of the largest, 64 * 128 levels: P of about 1 by twice that.
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-3)
    assert not torch.equal(found, exact)


@pytest.mark.parametrize(
    ("images", "why"),
    [
        (torch.zeros(1, 3, 64, 63, dtype=torch.uint8), "was given an image of 63 x 64 pixels"),
        (torch.zeros(5, 2), "was given points"),
    ],
)
def test_what_is_too_small_is_refused_in_one_sentence(images, why):
    with pytest.raises(GandiagError, match=why) as caught:
        opened().prepare(images)
    assert "\n" not in str(caught.value)


def test_images_are_whole_levels_of_three_channels():
    for images in (torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 64, 64, dtype=torch.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            opened().prepare(images)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("spectrum:big", "'spectrum:big' does not name a size; write it as spectrum:64"),
        ("spectrum:3", "name a side from 4 to 1024 pixels"),
        ("spectrum:1025", "name a side from 4 to 1024 pixels"),
    ],
)
def test_a_size_that_there_is_not(spec, why):
    with pytest.raises(GandiagError, match=why):
        open_extractor(spec, device=CPU)
