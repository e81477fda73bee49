"""Ways between latents as pictures."""

import pytest
import torch
from latent_toys import Conditional, Linear, Mapped
from PIL import Image

from gandiag.errors import GandiagError
from gandiag.generators import interpolations, open_generator, sheet, write_interpolations


def bytes_of(floats):
    return (floats * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("space", ["z", "w"])
def test_both_ends_and_the_middle_of_a_line(space):
    net = Mapped(scale=0.04)
    made = interpolations(net, rows=3, columns=5, space=space, seed=2)
    assert made.shape == (3, 5, 3, 2, 2)
    z = open_generator(net).latents(2, range(6))
    # The mapping is affine, so that the line is one in both spaces.
    for column, t in ((0, 0.0), (2, 0.5), (4, 1.0)):
        expected = bytes_of(net((1 - t) * z[0::2] + t * z[1::2]).detach())
        assert int((made[:, column].int() - expected.int()).abs().max()) <= 1


def test_a_row_is_of_one_class():
    net = Conditional(scale=1e-3)
    made = interpolations(net, rows=12, columns=3)
    assert (made.amax(dim=(1, 2, 3, 4)) - made.amin(dim=(1, 2, 3, 4)) <= 4).all()
    assert len(made[:, 0, 0, 0, 0].unique()) >= 3
    assert len(interpolations(net, rows=12, label="1")[:, 0, 0, 0, 0].unique()) <= 4


def test_seeds():
    one, same, other = (interpolations(Linear(), rows=2, seed=s) for s in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(one[:1], interpolations(Linear(), rows=1))


def test_small_images_are_enlarged_by_whole_pixels():
    rng = torch.Generator().manual_seed(0)
    made = torch.randint(256, (2, 3, 3, 20, 30), generator=rng).to(torch.uint8)
    whole = sheet(made)
    assert whole.shape == (3, 2 * 60 + 2, 3 * 90 + 2 * 2)
    for row in range(2):
        for column in range(3):
            tile = whole[:, row * 62 : row * 62 + 60, column * 92 : column * 92 + 90]
            assert torch.equal(tile[:, ::3, ::3], made[row, column])
            assert torch.equal(tile[:, 2::3, 2::3], made[row, column])
    assert (whole[:, 60:62] == 255).all()


def test_large_images_are_reduced():
    assert sheet(torch.zeros(1, 2, 3, 512, 1024, dtype=torch.uint8)).shape == (3, 128, 514)


def test_the_file_is_the_sheet(tmp_path):
    path = tmp_path / "ways.png"
    write_interpolations(path, Linear(), rows=2, columns=3)
    with Image.open(path) as picture:
        assert picture.size == (3 * 64 + 4, 2 * 64 + 2)
        pixels = torch.tensor(list(picture.convert("RGB").tobytes()), dtype=torch.uint8)
    expected = sheet(interpolations(Linear(), rows=2, columns=3)).permute(1, 2, 0).flatten()
    assert torch.equal(pixels, expected)


class Points(Linear):
    def forward(self, z):
        return (z @ self.matrix.T)[:, : self.coordinates]


def test_points_in_the_plane(tmp_path):
    net = Points()
    net.coordinates = 2
    write_interpolations(tmp_path / "ways.png", net)
    with Image.open(tmp_path / "ways.png") as picture:
        assert picture.size == (900, 900)
    net.coordinates = 3
    with pytest.raises(GandiagError, match="points of 3 coordinates cannot be drawn"):
        write_interpolations(tmp_path / "other.png", net)
    assert not (tmp_path / "other.png").exists()


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"rows": 0}, "shows no way"),
        ({"columns": 1}, "shows no way"),
        ({"space": "w"}, "has no space w"),
        ({"interpolation": "arc"}, "no interpolation 'arc'"),
    ],
)
def test_what_is_refused(how, sentence):
    with pytest.raises(GandiagError, match=sentence):
        interpolations(Linear(), **how)
