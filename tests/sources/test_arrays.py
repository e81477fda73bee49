"""Arrays: which axis is what, what range means, and what is never loaded."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch
from numpy.lib import format as npy
from pictures import pixels, read

from gandiag.errors import GandiagError
from gandiag.sources import StatisticsFile, arrays, members, open_source

IMAGES = pixels(5)
GREY = IMAGES[..., 0]


def refused(thing, *words, **options):
    with pytest.raises(GandiagError) as caught:
        list(open_source(thing, **options).batches(8))
    message = str(caught.value)
    if isinstance(thing, os.PathLike):
        assert str(thing) in message
    assert "\n" not in message
    for word in words:
        assert word in message, message


def first_channels(array):
    return array.transpose(0, 3, 1, 2)


@pytest.mark.parametrize("make", [np.array, torch.tensor], ids=["array", "tensor"])
@pytest.mark.parametrize(
    "array",
    [GREY, GREY[..., None], GREY[:, None], np.repeat(GREY[..., None], 3, axis=3)],
    ids=["NHW", "NHW1", "N1HW", "NHW3"],
)
def test_grey_is_repeated(make, array):
    images, _, _ = read(open_source(make(array)))
    assert np.array_equal(images, np.repeat(GREY[..., None], 3, axis=3))


@pytest.mark.parametrize("order", [np.array, first_channels])
def test_alpha_is_dropped_and_noted(order):
    opaque = np.concatenate([IMAGES, np.full_like(GREY, 255)[..., None]], axis=3)
    source = open_source(order(opaque))
    assert np.array_equal(read(source)[0], IMAGES)
    assert source.notes() == {}
    opaque[3, 0, 0, 3] = 254
    source = open_source(order(opaque))
    assert np.array_equal(read(source)[0], IMAGES)
    assert (source.notes()["alpha"].count, source.notes()["alpha"].example) == (1, "ndarray[3]")


@pytest.mark.parametrize(
    ("shape", "height_and_width"),
    [
        ((2, 3, 4, 4), (4, 4)),
        ((2, 4, 4, 3), (4, 4)),
        ((2, 1, 4, 9), (4, 9)),
        ((2, 4, 9, 1), (4, 9)),
    ],
)
def test_three_channels_are_likelier_than_four(shape, height_and_width):
    (batch,) = open_source(np.zeros(shape, np.uint8)).batches(2)
    assert batch.images.shape == (2, 3, *height_and_width)


@pytest.mark.parametrize("shape", [(2, 3, 5, 3), (2, 1, 5, 3), (2, 4, 5, 4)])
def test_what_could_be_two_things_is_not_guessed(shape, root):
    array = np.zeros(shape, np.uint8)
    refused(array, "either axis could be the channels", "torch tensor")
    np.save(root / "a.npy", array)
    refused(root / "a.npy", "either axis could be the channels")
    # A tensor has one order by convention.
    (batch,) = open_source(torch.from_numpy(array)).batches(2)
    assert batch.images.shape == (2, 3, *shape[2:])


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((10, 8, 3), "one colour image or several grey ones"),
        ((3, 10, 8), "one colour image or several grey ones"),
        ((5, 64), "which is not images"),
        ((5,), "which is not images"),
        ((), "a single number"),
        ((5, 10, 8, 2), "which is not images"),
        ((5, 3, 10, 8, 8), "which is not images"),
        ((0, 10, 8, 3), "which holds no image"),
        ((5, 0, 8, 3), "which holds no image"),
    ],
)
def test_other_shapes(shape, words, root):
    array = np.zeros(shape, np.uint8)
    np.save(root / "a.npy", array)
    np.savez(root / "a.npz", array)
    np.savez_compressed(root / "b.npz", array)
    for thing in (array, torch.from_numpy(array), *sorted(root.iterdir())):
        refused(thing, words)


def test_one_grey_image():
    assert np.array_equal(read(open_source(GREY[:1]))[0][0][..., 2], GREY[0])


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16, bool])
def test_whole_numbers_of_another_type_are_refused(dtype, root):
    array = (IMAGES % 128).astype(dtype)
    came = f"is {array.dtype} from {int(array.min())} to {int(array.max())}, not uint8; give uint8"
    np.save(root / "a.npy", array)
    np.savez(root / "a.npz", array)
    for thing in (array, torch.from_numpy(array), root / "a.npy"):
        words = came.replace(str(array.dtype), "torch.bool") if dtype is bool else came
        refused(thing, words.split("is ")[1].split(" ", 1)[1], value_range=(0, 255))
    refused(root / "a.npz", str(array.dtype), "not uint8; give uint8")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (0, 255), (-0.5, 0.5)])
def test_floats_with_a_range_come_back_as_the_bytes_they_were(root, dtype, low, high):
    np.savez(root / "a.npz", x=(IMAGES / 255 * (high - low) + low).astype(dtype), range=[low, high])
    assert np.array_equal(read(open_source(root / "a.npz"))[0], IMAGES)


def test_halves_round_up():
    levels = np.array([[[0.0], [0.49], [0.5], [1.5], [2.5], [254.5], [255.0], [-0.4], [255.4]]])
    assert arrays.quantised(levels, 0, 255).ravel().tolist() == [0, 0, 1, 2, 3, 255, 255, 0, 255]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.01, 1.01])
def test_a_value_outside_the_stated_range_is_a_bad_image(root, value):
    floats = IMAGES / 255
    floats[3, 2, 1, 0] = value
    np.savez(root / "a.npz", x=floats, range=[0, 1])
    refused(root / "a.npz", "a.npz[3]: its values run from", "the stated range 0.0 to 1.0")
    source = open_source(root / "a.npz", on_bad_image="skip")
    assert np.array_equal(read(source)[0], IMAGES[[0, 1, 2, 4]])
    assert source.notes()["skipped"].count == 1


@pytest.mark.parametrize("scale", [[1, 0], [0, 0], [0, np.nan], [0, 1, 2], 5, ["a", "b"]])
def test_a_range_that_is_none(root, scale):
    np.savez(root / "a.npz", x=IMAGES / 255, range=scale)
    refused(root / "a.npz", "[range]", "save range=[low, high]")


@pytest.mark.parametrize("key", ["arr_0", "images", "x", "samples", "anything"])
def test_the_array_is_found(root, key):
    np.savez(root / "a.npz", **{key: IMAGES})
    assert np.array_equal(read(open_source(root / "a.npz"))[0], IMAGES)


def test_several_arrays_are_not_guessed(root):
    np.savez(root / "a.npz", x_train=IMAGES, x_test=IMAGES)
    refused(root / "a.npz", "2 arrays that could be the images (x_train, x_test)")
    np.savez(root / "a.npz", labels=[1, 2])
    refused(root / "a.npz", "0 arrays that could be the images (none)")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([3, 1, 2, 0, 9]), ["3", "1", "2", "0", "9"]),
        (np.array(["a", "bb", "ccc", "é", ""]), ["a", "bb", "ccc", "é", ""]),
        (np.array([b"a", b"b", b"c", b"d", b"e"]), ["a", "b", "c", "d", "e"]),
    ],
)
def test_labels(root, labels, expected):
    np.savez_compressed(root / "a.npz", IMAGES, labels)
    assert read(open_source(root / "a.npz"))[2] == expected


@pytest.mark.parametrize("labels", [np.arange(4), np.eye(5), np.arange(5.0), np.array(3)])
def test_labels_that_do_not_fit(root, labels):
    np.savez(root / "a.npz", images=IMAGES, labels=labels)
    refused(root / "a.npz", "a.npz[labels]", "not 5 labels")


class Bomb:
    """Unpickling it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_objects_are_never_unpickled(root):
    bombs = np.array([Bomb(root / "exploded")], dtype=object)
    np.save(root / "a.npy", bombs, allow_pickle=True)
    np.savez(root / "a.npz", bombs)
    np.savez_compressed(root / "b.npz", images=IMAGES, labels=bombs)
    np.savez(root / "c.npz", images=IMAGES / 255, range=bombs)
    for name in ("a.npy", "a.npz", "b.npz", "c.npz"):
        refused(root / name, "pickled Python objects", "never loaded")
    assert not (root / "exploded").exists()


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".pt", ".pth", ".npz", ".npy", ".zip", ""])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_are_never_read(root, suffix, protocol):
    path = root / f"a{suffix}"
    path.write_bytes(pickle.dumps(Bomb(root / "exploded"), protocol))
    refused(path, "is a pickle", "never read")
    assert not (root / "exploded").exists()


@pytest.mark.parametrize("suffix", ["pkl", "pickle", "pt", "pth", "ckpt", "PKL"])
def test_pickles_of_the_old_protocols_are_known_by_their_name(root, suffix):
    path = root / f"a.{suffix}"
    path.write_bytes(pickle.dumps(Bomb(root / "exploded"), 0))
    refused(path, "is a pickle", "never read")
    assert not (root / "exploded").exists()


@pytest.mark.parametrize("name", ["a.pt", "a.zip", "a.npz"])
def test_files_of_torch_are_never_read(root, name):
    torch.save({"weight": torch.zeros(3)}, root / name)
    refused(root / name, "pickle", "never read")


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("name", ["a.npy", "a.npz", "b.npz"])
def test_truncated(root, name, share):
    path = root / name
    save = {"a.npy": np.save, "a.npz": np.savez, "b.npz": np.savez_compressed}[name]
    save(path, IMAGES)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refused(path, "not a whole" if name != "a.npy" or share < 0.1 else "truncated or damaged")


def test_compressed_bytes_that_rotted(root):
    np.savez_compressed(root / "a.npz", np.zeros((50, 16, 16, 3), np.uint8))
    data = bytearray((root / "a.npz").read_bytes())
    with zipfile.ZipFile(root / "a.npz") as archive:
        info = archive.infolist()[0]
    middle = info.header_offset + 60 + info.compress_size // 2
    for at in range(middle, middle + 8):
        data[at] ^= 0xFF
    (root / "a.npz").write_bytes(data)
    refused(root / "a.npz", "a.npz[arr_0]")


def header(shape, descr="|u1"):
    buffer = io.BytesIO()
    npy.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(
    "shape", [(10**6, 1000, 1000, 3), (-5, -10, 8, 3), (6, 10, 8, 3), (4, 10, 8, 3)]
)
def test_a_header_that_lies(root, shape, method):
    with zipfile.ZipFile(root / "a.npz", "w", method) as archive:
        archive.writestr("arr_0.npy", header(shape) + IMAGES.tobytes())
    refused(root / "a.npz", "a.npz[arr_0]")
    if shape[0] != 4:  # bytes after a .npy are nobody's business
        (root / "a.npy").write_bytes(header(shape) + IMAGES.tobytes())
        refused(root / "a.npy")


def bomb(path, shape, descr="|u1"):
    """An .npz of a few kilobytes whose array has the size that it says, in the directory, too."""
    head = header(shape, descr)
    count = int(np.prod(shape)) * np.dtype(descr).itemsize
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arr_0.npy", head)
    data = bytearray(path.read_bytes())
    size = struct.pack("<I", len(head) + count)
    at = data.find(b"PK\1\2")
    data[at + 24 : at + 28] = size
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("shape", "descr", "words"),
    [
        ((1000, 1000, 1000, 3), "|u1", "2.8 GiB, more than this machine's memory"),
        ((1000, 1000, 100, 3), "<f8", "float64, not uint8"),
        ((1000, 1000, 1000), "|i1", "int8, not uint8"),
        ((1000, 1000, 1000, 2), "|u1", "which is not images"),
    ],
)
def test_a_bomb_is_refused_from_its_header(root, monkeypatch, shape, descr, words):
    monkeypatch.setattr(members, "_memory", lambda: 2**30)
    bomb(root / "a.npz", shape, descr)

    def read_all(self, n=-1):
        assert n is not None
        assert n >= 0, "the whole member is decompressed"
        return original(self, n)

    original = zipfile.ZipExtFile.read
    monkeypatch.setattr(zipfile.ZipExtFile, "read", read_all)
    refused(root / "a.npz", words)


def test_what_is_stored_is_mapped_and_not_loaded(root, monkeypatch):
    monkeypatch.setattr(members, "_memory", lambda: 0)  # nothing may be loaded
    np.save(root / "a.npy", IMAGES)
    np.savez(root / "a.npz", IMAGES, np.arange(5))
    for path in (root / "a.npy", root / "a.npz"):
        assert np.array_equal(read(open_source(path))[0], IMAGES)
    np.savez_compressed(root / "b.npz", IMAGES)
    refused(root / "b.npz", "more than this machine's memory")


def test_the_users_array_is_neither_copied_nor_handed_out():
    array = IMAGES.copy()
    source = open_source(array)
    (batch,) = source.batches(8)
    batch.images.zero_()
    assert np.array_equal(array, IMAGES)
    array[:] = 7
    assert (read(source)[0][0] == 7).all()


def test_fingerprint_follows_the_content_of_an_array():
    array = IMAGES.copy()
    source = open_source(array)
    before = source.fingerprint()
    array[4, 9, 7, 2] ^= 1
    assert source.fingerprint() != before
    array[4, 9, 7, 2] ^= 1
    assert source.fingerprint() == before
    assert open_source(torch.from_numpy(first_channels(IMAGES))).fingerprint() == before


@pytest.mark.parametrize(
    "keys", [("mu", "sigma"), ("mu", "sigma", "arr_0"), ("gandiag", "anything")]
)
def test_statistics(root, keys):
    path = root / "a.npz"
    np.savez(path, **{key: np.zeros((2, 2)) for key in keys})
    assert open_source(path) == StatisticsFile(path, str(path))
    assert open_source(str(path), name="reals") == StatisticsFile(path, "reals")


def test_half_of_the_statistics_are_none(root):
    np.savez(root / "a.npz", mu=np.zeros(4))
    refused(root / "a.npz", "a.npz[mu]", "which is not images")


def test_npz_under_another_name(root):
    np.savez(root / "a.npz", IMAGES)
    (root / "a.npz").rename(root / "samples.zip")
    assert np.array_equal(read(open_source(root / "samples.zip"))[0], IMAGES)
