import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from random_inception import photographs
from torch import Tensor

from gandiag.extractors import ADM, EDM, EDM2, STUDIOGAN, STYLEGAN, TFGAN
from gandiag.extractors.preprocessing import SCALINGS, prepare
from gandiag.extractors.resizing import (
    RESIZES,
    pil_bicubic,
    pil_bicubic_8bit,
    tf1_bilinear,
    tf1_grid,
    torch_antialias,
    torch_bicubic,
    torch_bilinear,
)

CPU = torch.device("cpu")
EVERY = pytest.mark.parametrize("resize", RESIZES.values(), ids=RESIZES)


def row_image(*levels: int) -> Tensor:
    """One image, as high as it is wide, each row the same."""
    row = torch.tensor(levels, dtype=torch.uint8)
    return row.expand(1, 3, len(levels), len(levels)).contiguous()


def tf1_pixel_by_pixel(image: np.ndarray, size: int) -> np.ndarray:
    """The slow, obvious twin: one channel, float32 throughout."""
    one = np.float32
    height, width = image.shape
    out = np.empty((size, size), np.float32)
    for i in range(size):
        y = one(i) * one(height / size)
        top = int(y)
        bottom, dy = min(top + 1, height - 1), y - one(top)
        for j in range(size):
            x = one(j) * one(width / size)
            left = int(x)
            right, dx = min(left + 1, width - 1), x - one(left)
            a = image[top, left] + (image[top, right] - image[top, left]) * dx
            b = image[bottom, left] + (image[bottom, right] - image[bottom, left]) * dx
            out[i, j] = a + (b - a) * dy
    return out


def test_tf1_samples_from_the_left_edge_and_bilinear_from_centres():
    image = row_image(0, 100)
    assert tf1_bilinear(image, 4, CPU)[0, 0, 0].tolist() == [0, 50, 100, 100]
    assert torch_bilinear(image, 4, CPU)[0, 0, 0].tolist() == [0, 25, 75, 100]


@pytest.mark.parametrize(("height", "width", "size"), [(5, 7, 13), (31, 20, 9), (12, 12, 12)])
def test_tf1_is_its_slow_twin_bit_for_bit(height, width, size):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (height, width), dtype=np.uint8)
    fast = tf1_bilinear(torch.from_numpy(image).expand(1, 3, height, width), size, CPU)
    assert (fast[0, 1].numpy() == tf1_pixel_by_pixel(image.astype(np.float32), size)).all()


@pytest.mark.parametrize(("size", "off"), [(28, 1e-3), (64, 1e-3), (400, 1e-2)])
def test_the_grid_samples_where_tf1_does_but_for_rounding(size, off):
    images = photographs(1, size, seed=7)
    difference = (tf1_grid(images, 299, CPU) - tf1_bilinear(images, 299, CPU)).abs().max()
    assert 0 < difference < off  # levels; a shift of a tenth of a pixel would make whole ones


def test_only_the_antialiased_ones_average_what_they_drop():
    stripes = row_image(*[0, 0, 0, 200] * 8)
    for aliasing in (tf1_bilinear, torch_bilinear):
        assert aliasing(stripes, 8, CPU).unique().tolist() == [0]  # never on the fourth column
    for smooth in (torch_antialias, torch_bicubic, pil_bicubic, pil_bicubic_8bit):
        inside = smooth(stripes, 8, CPU)[0, 0, 0, 2:-2]
        assert (inside - 50).abs().max() < 5  # the filters leave a ripple of a few levels


def test_bicubic_overshoots_and_is_clipped():
    edge = row_image(0, 0, 0, 0, 255, 255, 255, 255)
    plane = Image.fromarray(edge[0, 0].numpy().astype(np.float32))
    raw = np.asarray(plane.resize((32, 32), Image.Resampling.BICUBIC))
    assert raw.min() < -5
    assert raw.max() > 260
    assert (pil_bicubic(edge, 32, CPU)[0, 0].numpy() == raw.clip(0, 255)).all()


@pytest.mark.parametrize(("height", "width"), [(16, 16), (70, 33), (224, 300), (400, 257)])
def test_torchs_bicubic_is_pillows_without_the_clip(height, width):
    images = photographs(1, 400, seed=8)[..., :height, :width].contiguous()
    images[:, :, : height // 2, : width // 2] = 255  # an edge that overshoots
    planes = [Image.fromarray(plane.numpy().astype(np.float32)) for plane in images[0]]
    raw = [np.asarray(each.resize((64, 64), Image.Resampling.BICUBIC)) for each in planes]
    found = torch_bicubic(images, 64, CPU)[0].numpy()
    # Pillow adds up in float64, torch in float32 with weights in float32: ulps of 255, of 1.5e-5.
    np.testing.assert_allclose(found, np.stack(raw), rtol=0, atol=5e-4)
    assert found.max() > 255  # neither clipped
    assert (found % 1 != 0).any()  # nor rounded


def test_the_8_bit_one_gives_whole_levels_and_the_float_one_does_not():
    image = photographs(1, 40, seed=0)
    assert (pil_bicubic_8bit(image, 64, CPU) % 1 == 0).all()
    assert (pil_bicubic(image, 64, CPU) % 1 != 0).any()


@pytest.mark.parametrize("protocol", [ADM, TFGAN], ids=["adm", "tf-gan"])
def test_the_graphs_own_input_is_its_slow_twin_bit_for_bit(protocol):
    image = photographs(1, 41, seed=9)
    expected = [tf1_pixel_by_pixel(plane.numpy().astype(np.float32), 23) for plane in image[0]]
    found = prepare(image, 23, protocol.resize, SCALINGS[protocol.normalise], CPU)
    assert (found[0].numpy() == (np.stack(expected) - 128) / 128).all()


def test_nvidias_input_is_the_grid_written_out_bit_for_bit():
    """As a theta of 2 x 3 numbers, with half a pixel less of the input and of the output."""
    image = photographs(1, 41, seed=9)
    one = torch.tensor(1.0)
    shift = one / 41 - one / 23  # the graph computes it in float32
    theta = torch.stack([torch.stack([one, 0 * one, shift]), torch.stack([0 * one, one, shift])])
    grid = F.affine_grid(theta[None], [1, 3, 23, 23], align_corners=False)
    x = F.grid_sample(image.float(), grid, padding_mode="border", align_corners=False)
    found = prepare(image, 23, STYLEGAN.resize, SCALINGS[STYLEGAN.normalise], CPU)
    assert (found == (x - 128) / 128).all()
    assert STYLEGAN == EDM == EDM2


def test_studiogans_input_is_bilinear_at_centres_in_float_and_between_minus_one_and_one():
    image = photographs(1, 41, seed=9)
    x = F.interpolate(image.float(), size=(23, 23), mode="bilinear", align_corners=False)
    expected = (x.clamp(0, 255) / 255 - 0.5) / 0.5
    found = prepare(image, 23, STUDIOGAN.resize, SCALINGS[STUDIOGAN.normalise], CPU)
    # Two divisions of float32 in another order.
    torch.testing.assert_close(found, expected, rtol=0, atol=5e-7)


@EVERY
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (28, 28), (70, 33)])
def test_shape_type_range_and_level(resize, height, width):
    images = photographs(2, 80, seed=1)[..., :height, :width]
    out = resize(images, 32, CPU)
    assert out.shape == (2, 3, 32, 32)
    assert out.dtype == torch.float32
    if resize is not torch_bicubic:  # which overshoots and is not clipped
        assert out.min() >= -1e-3  # rounding in the positions of tf1-grid; the others stay inside
        assert out.max() <= 255 + 1e-3
    flat = resize(torch.full_like(images, 77), 32, CPU)
    assert (flat - 77).abs().max() < 1e-4  # float32 weights that add up to one within rounding


@EVERY
def test_an_image_of_the_right_size_stays_as_it_is(resize):
    images = photographs(2, 32, seed=2)
    # All but tf1-grid are exact here; that one places its samples by float32 in -1..1.
    off = 1e-3 if resize is tf1_grid else 0
    assert (resize(images, 32, CPU) - images).abs().max() <= off


@EVERY
def test_an_image_is_resized_the_same_alone_and_in_company(resize):
    images = photographs(5, 45, seed=3)
    alone = torch.cat([resize(image[None], 29, CPU) for image in images])
    assert (alone == resize(images, 29, CPU)).all()


@EVERY
def test_channels_and_axes_are_kept_apart(resize):
    image = torch.zeros(1, 3, 20, 30, dtype=torch.uint8)
    image[0, 1, :10] = 200  # green above
    out = resize(image, 40, CPU)[0]
    assert (out[0] == 0).all()
    assert (out[2] == 0).all()
    assert (out[1, :15] > 190).all()
    assert (out[1, 25:] < 10).all()


@pytest.mark.peers
@pytest.mark.parametrize(
    ("height", "width"), [(28, 28), (32, 32), (64, 64), (256, 200), (299, 299), (300, 400)]
)
class TestPeers:
    def test_torch_fidelity(self, height, width):
        theirs = pytest.importorskip("torch_fidelity.interpolate_compat_tensorflow")
        images = photographs(2, 427, seed=4)[..., :height, :width]
        expected = theirs.interpolate_bilinear_2d_like_tensorflow1x(
            images.float(), size=(299, 299), align_corners=False
        )
        assert (tf1_bilinear(images, 299, CPU) == expected).all()

    def test_clean_fid(self, height, width):
        theirs = pytest.importorskip("cleanfid.resize")
        images = photographs(2, 427, seed=5)[..., :height, :width]
        for mode, ours in {"clean": pil_bicubic, "legacy_pytorch": torch_bilinear}.items():
            resize = theirs.build_resizer(mode)
            expected = [resize(image.permute(1, 2, 0).numpy()) for image in images]
            expected = torch.from_numpy(np.stack(expected)).permute(0, 3, 1, 2)
            # torch rounds otherwise with another number of threads: by ulps of 255, of 1.5e-5.
            atol = 0 if mode == "clean" else 1e-4
            torch.testing.assert_close(ours(images, 299, CPU), expected, rtol=0, atol=atol)

    def test_torchvision(self, height, width):
        transforms = pytest.importorskip("torchvision.transforms")
        images = photographs(2, 427, seed=6)[..., :height, :width]
        resize = transforms.Resize((224, 224), transforms.InterpolationMode.BICUBIC)
        pictures = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]
        expected = np.stack([np.asarray(resize(picture)) for picture in pictures])
        ours = pil_bicubic_8bit(images, 224, CPU).permute(0, 2, 3, 1).numpy()
        assert (ours == expected).all()
