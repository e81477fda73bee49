import numpy as np
import pytest
import torch
from random_inception import photographs
from scipy.ndimage import convolve

import gandiag
from gandiag.errors import GandiagError
from gandiag.extractors import open_extractor
from gandiag.extractors.laplacian import pyramid

CPU = torch.device("cpu")
WIDTH = 128 * 147
KERNEL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def twin(image, count):
    """Burt & Adelson's pyramid of one channel, by scipy in float64."""
    levels = []
    for _ in range(count - 1):
        half = convolve(image, KERNEL, mode="mirror")[::2, ::2]
        spread = np.zeros_like(image)
        spread[::2, ::2] = half
        levels.append(image - convolve(spread, 4 * KERNEL, mode="mirror"))
        image = half
    return [*levels, image]


def test_the_pyramid_is_scipys():
    images = photographs(2, 64, seed=0)
    for dtype, error in ((torch.float64, 1e-11), (torch.float32, 1e-4)):
        found = pyramid(images.to(dtype), 3)
        assert [each.shape[-1] for each in found] == [64, 32, 16]
        for i in range(2):
            for c in range(3):
                expected = twin(images[i, c].double().numpy(), 3)
                for level, other in zip(found, expected, strict=True):
                    # Levels are up to 255, of which float32 keeps 2e-5.
                    np.testing.assert_allclose(level[i, c].numpy(), other, rtol=0, atol=error)


def test_an_even_image_is_in_the_coarsest_level_alone():
    images = torch.full((1, 3, 32, 32), 97, dtype=torch.uint8)
    extractor = open_extractor("laplacian:32", device=CPU)
    found = extractor(extractor.prepare(images), ["32", "16"])
    assert (found["32"] == 0).all()
    assert (found["16"] == 97).all()


def test_patches_are_cut_from_the_levels():
    images = photographs(3, 32, seed=1)
    extractor = open_extractor("laplacian:32", device=CPU)
    assert extractor.layers == {"patches": 2 * WIDTH, "32": WIDTH, "16": WIDTH}
    prepared = extractor.prepare(images)
    found = extractor(prepared, ["patches", "16"])
    assert torch.equal(found["patches"][:, WIDTH:], found["16"])
    corners, finest = set(), []
    for i in range(3):
        for side, level in zip((32, 16), pyramid(prepared, 2), strict=True):
            whole = level[i].unfold(1, 7, 1).unfold(2, 7, 1).permute(1, 2, 0, 3, 4).flatten(2)
            here = {tuple(w.tolist()): (y, x) for y, r in enumerate(whole) for x, w in enumerate(r)}
            part = found["patches"][i, :WIDTH] if side == 32 else found["16"][i]
            places = {here[tuple(each.tolist())] for each in part.reshape(128, 147)}
            # 128 draws of 26 x 26 or 10 x 10 places: about 117 and 72 different ones.
            assert len(places) > (100 if side == 32 else 55)
            corners |= {(side, *place) for place in places}
            if side == 32:
                finest.append(places)
    # Each image has places of its own: of 117 some 20 are shared by chance.
    assert len(finest[0] & finest[1]) < 50
    for side, last in ((32, 25), (16, 9)):
        for axis in (1, 2):
            assert {c[axis] for c in corners if c[0] == side} >= {0, last}


def test_neither_company_nor_order_nor_the_run_moves_them():
    images = photographs(4, 16, seed=2)
    extractor = open_extractor("laplacian:16", device=CPU)
    state = torch.get_rng_state()
    found = extractor(extractor.prepare(images), ["patches"])["patches"]
    again = extractor(extractor.prepare(images.flip(0)[:2]), ["patches"])["patches"]
    assert torch.equal(found.flip(0)[:2], again)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("side", ["24", "8", "2048"])
def test_a_side_that_is_no_power_of_two_is_refused(side):
    with pytest.raises(GandiagError, match="name a power of two from 16 to 1024"):
        open_extractor(f"laplacian:{side}", device=CPU)


def test_images_of_another_size_are_refused():
    extractor = open_extractor("laplacian:32", device=CPU)
    with pytest.raises(GandiagError, match=r"takes images of 32 x 32 .* an image of 48 x 48"):
        extractor.prepare(photographs(1, 48, seed=0))
    with pytest.raises(GandiagError, match="was given points"):
        extractor.prepare(torch.zeros(5, 2))
    with pytest.raises(ValueError, match="uint8"):
        extractor.prepare(torch.zeros(1, 3, 32, 32))
    with pytest.raises(GandiagError, match="does not name a side"):
        open_extractor("laplacian:big", device=CPU)


def test_the_protocol_scores_images():
    images = photographs(24, 16, seed=3)
    options = {"protocol": "progan", "features": "laplacian:16", "cache": False}
    metrics = "swd_patches(directions=8)"
    found = gandiag.score(images[:12], images[12:], metrics=metrics, **options)["swd_patches"]
    assert found.name == "swd_patches[laplacian:16]"
    assert 0 < found.value < 1000
