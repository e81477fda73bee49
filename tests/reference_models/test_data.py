"""Data: modes where they should be, splits that share nothing, an order that can be resumed."""

import gzip
import struct

import numpy as np
import pytest
import torch
from PIL import Image

from gandiag.errors import GandiagError
from gandiag.sources.datasets import FASHION_CLASSES
from reference_models.data import DATASETS, SPLITS, open_data
from reference_models.data.base import order
from reference_models.data.files import DEBIAN, read_idx
from reference_models.data.images import to_bytes, to_float
from reference_models.data.points import grid, ring
from reference_models.data.table import look_up
from reference_models.data.triangles import rasterise, triangle_vertices

OFFLINE = ["ring8", "grid25", "ring8-100k", "swiss-roll", "dirac", "triangles", "digits"]
OFFLINE += ["stacked-digits"]
needs_fashion = pytest.mark.skipif(
    not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed"
)


def rng():
    return torch.Generator().manual_seed(0)


def test_ring_has_eight_modes():
    means = ring().means
    assert len(torch.unique(means.round(decimals=4), dim=0)) == 8
    assert torch.allclose(means.norm(dim=1), torch.ones(8))
    assert torch.allclose(means.sum(0), torch.zeros(2), atol=1e-6)
    neighbours = torch.cdist(means, means).topk(2, largest=False).values[:, 1]
    assert torch.allclose(neighbours, neighbours[0].expand(8), atol=1e-6)


def test_both_end_points_would_give_seven_modes():
    """The published slip that this ring avoids."""
    angles = torch.linspace(0, 2 * torch.pi, 8, dtype=torch.float64)
    slip = torch.stack([angles.cos(), angles.sin()], 1)
    assert len(torch.unique(slip.round(decimals=4), dim=0)) == 7


def test_grid_has_25_modes():
    means = grid().means
    assert sorted({tuple(m) for m in means.tolist()}) == [
        (x, y) for x in (-4.0, -2.0, 0.0, 2.0, 4.0) for y in (-4.0, -2.0, 0.0, 2.0, 4.0)
    ]


@pytest.mark.parametrize(("mixture", "modes"), [(ring(), 8), (grid(), 25)])
def test_mixtures_are_what_they_say(mixture, modes):
    n = 100_000
    x, y = mixture(n, rng())
    offset = (x - mixture.means[y]) / mixture.sd
    assert offset.mean(0).abs().max() < 5 / n**0.5  # five standard errors
    assert (offset.std(0) - 1).abs().max() < 5 / (2 * n) ** 0.5
    share = (offset.norm(dim=1) < 3).double().mean()
    assert float(share) == pytest.approx(1 - np.exp(-9 / 2), abs=5 * (0.011 / n) ** 0.5)
    expected = n / modes
    assert (y.bincount() - expected).abs().max() < 5 * expected**0.5


def test_swiss_roll_lies_on_its_spiral():
    x, _ = open_data("swiss-roll").split("reference", 2000)
    points = 7.5 * x.double()
    t = torch.linspace(1.5 * torch.pi, 4.5 * torch.pi, 4000, dtype=torch.float64)
    spiral = torch.stack([t * t.cos(), t * t.sin()], 1)
    away = torch.cdist(points, spiral).min(1).values
    # Across the spiral noise has one dimension of sd .25.
    assert float(away.square().mean().sqrt()) == pytest.approx(0.25, rel=0.1)


def test_triangles_cover_their_area():
    corners = triangle_vertices(200, rng())
    a, b, c = corners.unbind(1)
    u, v = b - a, c - a
    area = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2
    assert (area > 0).all()  # one direction of turning
    assert torch.allclose(corners.mean(1), torch.full((200, 2), 14.0), atol=1e-4)
    cover = ((1 - rasterise(corners)) / 2).sum((1, 2, 3))
    # An eighth of a pixel of error along a perimeter of at most 70 pixels, mostly averaged out.
    assert (cover - area).abs().max() < 1


def test_triangle_by_hand():
    corners = torch.tensor([[[0.0, 0], [28, 0], [0, 28]]])
    image = rasterise(corners)[0, 0]
    assert image[0, 0] == -1  # black inside: x to the right, y downwards
    assert image[27, 27] == 1
    assert image[3, 20] == -1
    assert image[20, 10] == 1
    # Half of a diagonal pixel and the 8 sample points on the edge itself: 36 of 64.
    assert image[14, 13] == pytest.approx(1 - 2 * 36 / 64)


@pytest.mark.parametrize("name", OFFLINE)
def test_what_the_table_says_is_true(name):
    data, known = open_data(name), DATASETS[name]
    assert data.name == name
    assert data.shape == known.shape
    assert len(data.classes) == known.classes
    for split in SPLITS:
        x, y = data.split(split, 5)
        assert x.shape == (5, *data.shape)
        assert x.dtype == torch.float32
        assert y.shape == (5,)
        assert y.dtype == torch.int64
        assert int(y.max()) < max(1, len(data.classes))
        again = data.split(split, 5)
        assert torch.equal(x, again.x)


@pytest.mark.parametrize("name", ["ring8", "triangles", "stacked-digits", "swiss-roll"])
def test_splits_of_synthetic_data_differ(name):
    data = open_data(name)
    rows = torch.cat([data.split(split, 200).x for split in SPLITS] + [data.batch(0, 200, 0).x])
    assert len(torch.unique(rows.flatten(1), dim=0)) == 800


def test_splits_of_digits_are_the_whole_set_once():
    data = open_data("digits")
    rows = torch.cat([data.pools[split].rows for split in SPLITS])
    assert torch.equal(rows.sort().values, torch.arange(1797))
    assert [len(data.pools[split].rows) for split in SPLITS] == [1078, 360, 359]


def test_stacks_of_a_split_hold_its_digits_alone():
    data = open_data("stacked-digits")
    for split in SPLITS:
        grey = data.grey.split(split)
        labels = {image.numpy().tobytes(): int(y) for image, y in zip(*grey, strict=True)}
        for stack, y in zip(*data.split(split, 50), strict=True):
            a, b, c = (labels[channel.numpy().tobytes()] for channel in stack)
            assert 100 * a + 10 * b + c == y
    assert data.classes[507] == "507"


@needs_fashion
@pytest.mark.fashion
def test_fashion_mnist():
    data = open_data("fashion-mnist")
    assert [len(data.pools[split].rows) for split in SPLITS] == [54_000, 6_000, 10_000]
    train, heldout = data.pools["train"].rows, data.pools["heldout"].rows
    assert not set(train.tolist()) & set(heldout.tolist())
    # What the source calls them too, so that labels can be compared.
    assert data.classes == FASHION_CLASSES
    # The first test image is an ankle boot.
    assert data.classes[data.split("reference", 1).y[0]] == "Ankle boot"
    assert open_data("stacked-fashion-mnist").split("heldout", 3).x.shape == (3, 3, 28, 28)


def test_order_is_a_permutation_each_epoch_and_can_be_entered_anywhere():
    whole = order(10, 0, 35, seed=1)
    for epoch in range(3):
        assert sorted(whole[10 * epoch : 10 * epoch + 10].tolist()) == list(range(10))
    assert whole[:10].tolist() != whole[10:20].tolist()
    assert torch.equal(order(10, 7, 20, seed=1), whole[7:27])
    assert order(10, 0, 35, seed=2).tolist() != whole.tolist()


@pytest.mark.parametrize("name", OFFLINE)
def test_parts_of_a_batch_are_the_batch(name):
    data = open_data(name)
    whole = data.batch(40, 12, seed=3)
    parts = [data.batch(40, 12, seed=3, part=slice(rank, None, 3)) for rank in range(3)]
    for rank, part in enumerate(parts):
        assert torch.equal(part.x, whole.x[rank::3])
        assert torch.equal(part.y, whole.y[rank::3])


def test_fixed_points_repeat():
    data = open_data("ring8-100k")
    first, second = data.batch(0, 100_000, 5), data.batch(100_000, 100_000, 5)
    rows = torch.cat([first.x, second.x])
    assert len(torch.unique(rows, dim=0)) == len(torch.unique(first.x, dim=0))


def test_bytes_survive_floats():
    values = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_bytes(to_float(values)), values)
    assert to_bytes(torch.tensor([-2.0, 2.0])).tolist() == [0, 255]


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(40):
            shade = 100 * (name == "b") + i
            picture = Image.new(
                "L" if i % 2 else "RGB", (20 + i, 30), (shade,) * (1 if i % 2 else 3)
            )
            picture.save(tmp_path / "images" / name / f"{i}.png")
    return tmp_path / "images"


def test_image_folder(folder):
    data = open_data(f"folder:{folder}", 16)
    assert data.shape == (3, 16, 16)
    assert data.classes == ("a", "b")
    splits = {split: data.split(split) for split in SPLITS}
    assert sum(len(batch.x) for batch in splits.values()) == 80
    levels = {split: set(to_bytes(b.x)[:, 0, 0, 0].tolist()) for split, b in splits.items()}
    assert not levels["train"] & levels["heldout"] | levels["train"] & levels["reference"]
    for batch in splits.values():
        assert torch.equal(to_bytes(batch.x)[:, 0, 0, 0] >= 100, batch.y == 1)


def test_a_new_image_moves_no_other_between_splits(folder):
    def levels():
        data = open_data(f"folder:{folder}", 16)
        return {s: set(to_bytes(data.split(s).x)[:, 0, 0, 0].tolist()) for s in SPLITS}

    before = levels()
    Image.new("RGB", (20, 20), (250, 250, 250)).save(folder / "a" / "00.png")
    after = levels()
    assert sum(len(after[s] - before[s]) for s in SPLITS) == 1
    assert all(before[s] <= after[s] for s in SPLITS)


def test_broken_image_is_named(folder):
    (folder / "a" / "7.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(GandiagError, match=r"7\.png"):
        open_data(f"folder:{folder}", 16)


@pytest.mark.parametrize(
    ("name", "resolution", "says"),
    [
        ("nothing", 0, "no data called 'nothing'"),
        ("celeba", 0, "needs a resolution"),
        ("digits", 32, "leave the resolution at 0"),
        ("folder:/nowhere/at/all", 32, "no folder"),
    ],
)
def test_data_that_is_not_there(name, resolution, says):
    with pytest.raises(GandiagError, match=says):
        open_data(name, resolution)


@pytest.mark.parametrize(
    ("name", "kind", "resolution"),
    [
        ("cifar10", "CIFAR10", 0),
        ("cifar100", "CIFAR100", 0),
        ("mnist", "MNIST", 0),
        ("stl10", "STL10", 48),
        ("celeba", "CelebA", 64),
    ],
)
def test_downloads_that_fail_say_so(name, kind, resolution, monkeypatch):
    import torchvision.datasets

    def refuse(*args, **options):
        raise RuntimeError("no route to host\nand a second line")

    monkeypatch.setattr(torchvision.datasets, kind, refuse)
    with pytest.raises(GandiagError, match=f"{name}: no route to host; ") as caught:
        open_data(name, resolution)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "kind"), [("stl10", "STL10"), ("celeba", "CelebA")])
def test_sets_of_free_resolution(name, kind, monkeypatch, tmp_path):
    """Their splits, cropped to the central square and resized."""
    import torchvision.datasets

    counts = {"unlabeled": 20, "train": 16, "valid": 3, "test": 5}

    class Fake:
        def __init__(self, root, split, download):
            self.data = np.full((counts[split], 3, 96, 96), 7 * len(split), np.uint8)

        def __len__(self):
            return len(self.data)

        def __getitem__(self, i):
            wide = np.zeros((178, 218, 3), np.uint8)  # the edges are cut off
            wide[:, 20:198] = self.data[i][0, 0, 0]
            return Image.fromarray(wide), 0

    monkeypatch.setenv("GANDIAG_CACHE", str(tmp_path))
    monkeypatch.setattr(torchvision.datasets, kind, Fake)
    data = open_data(name, 32)
    assert data.shape == (3, 32, 32)
    assert data.classes == ()
    sizes = [18, 2, 5] if name == "stl10" else [16, 3, 5]
    assert [len(data.pools[s].rows) for s in SPLITS] == sizes
    split = "unlabeled" if name == "stl10" else "train"
    assert to_bytes(data.split("train").x).unique().tolist() == [7 * len(split)]
    assert to_bytes(data.split("reference").x).unique().tolist() == [28]


def test_torchvision_sets(monkeypatch):
    """CIFAR's arrays are (n, h, w, c) and MNIST's (n, h, w); both come out as (n, c, h, w)."""
    import torchvision.datasets

    class Fake:
        classes = ("x", "y")

        def __init__(self, root, train, download):
            self.count = 50 if train else 10
            self.data = np.arange(self.count * 12, dtype=np.uint8).reshape(-1, 2, 2, 3)
            self.targets = [0, 1] * (self.count // 2)

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", Fake)
    data = open_data("cifar10")
    assert data.shape == (3, 2, 2)
    assert data.classes == ("x", "y")
    assert [len(data.pools[s].rows) for s in SPLITS] == [45, 5, 10]
    assert to_bytes(data.split("reference", 1).x)[0, :, 0, 1].tolist() == [3, 4, 5]


def write_idx(path, values, kind=8):
    head = struct.pack(">HBB", 0, kind, values.ndim) + struct.pack(
        f">{values.ndim}I", *values.shape
    )
    path.write_bytes(gzip.compress(head + values.tobytes()))


def test_idx_files(tmp_path):
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / "x.gz"
    write_idx(path, values)
    assert np.array_equal(read_idx(path), values)
    for spoil in (lambda b: b[:-9], lambda b: b"nothing", lambda b: gzip.compress(b"\0\0")):
        write_idx(path, values)
        path.write_bytes(spoil(path.read_bytes()))
        with pytest.raises(GandiagError, match=r"x\.gz"):
            read_idx(path)
    write_idx(path, values, kind=9)
    with pytest.raises(GandiagError, match="no idx file of bytes"):
        read_idx(path)


def test_a_plan_needs_no_data():
    assert look_up("cifar10").shape == (3, 32, 32)
    assert look_up("celeba", 64).shape == (3, 64, 64)
