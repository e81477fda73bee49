"""Datasets by name, and torch Datasets."""

import gzip
import inspect
import os
import struct
from collections import Counter

import numpy as np
import pytest
import sklearn.datasets  # here, because what it imports draws from the global random state
import torch
import torchvision.datasets
from pictures import encoded, pixels, read
from PIL import Image
from torch.utils.data import Dataset, Subset, TensorDataset

from gandiag.errors import GandiagError
from gandiag.sources import dataset_names, datasets, fetch_dataset, open_source
from gandiag.sources.idx import read_idx

IMAGES = pixels(5)

fashion = [
    pytest.mark.fashion,
    pytest.mark.skipif(
        not datasets.DEBIAN_FASHION_MNIST.is_dir(),
        reason="Fashion-MNIST is absent: apt-get install dataset-fashion-mnist",
    ),
]


def with_marks(marks):
    def mark(test):
        for each in marks:
            test = each(test)
        return test

    return mark


def refused(thing, *words):
    with pytest.raises(GandiagError) as caught:
        list(open_source(thing).batches(8))
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


def test_digits():
    source = open_source("dataset:digits")
    images, names, labels = read(source)
    digits = sklearn.datasets.load_digits()
    assert len(images) == source.count() == 1797
    assert np.abs(np.stack(images) - digits.images[..., None] * 255 / 16).max() <= 0.5
    assert (np.stack(images).min(), np.stack(images).max()) == (0, 255)
    assert labels == [str(target) for target in digits.target]
    assert names[5] == "dataset:digits[5]"
    assert source.fingerprint() == open_source("dataset:digits:all").fingerprint()


def test_each_channel_of_a_stack_is_a_digit_of_its_class():
    source = open_source("dataset:stacked-digits")
    images, names, labels = read(source)
    assert len(images) == source.count() == 10_000
    assert names[5] == "dataset:stacked-digits[5]"
    grey, _, classes = read(open_source("dataset:digits"))
    # No two of the 1,797 digits of different classes are the same picture.
    known = {image[..., 0].tobytes(): label for image, label in zip(grey, classes, strict=True)}
    for image, label in zip(images, labels, strict=True):
        assert "".join(known[image[..., c].tobytes()] for c in range(3)) == label
    assert source.fingerprint() == open_source("dataset:stacked-digits:all").fingerprint()


def test_a_thousand_modes_are_drawn_evenly():
    _, _, labels = read(open_source("dataset:stacked-digits"))
    counts = Counter(labels)
    # P(mode missed) is about e^-9.7 (digits are 174 to 183 of 1,797): .06 of 1,000 on average.
    assert len(counts) == 1000
    assert set(counts) == {f"{mode:03d}" for mode in range(1000)}
    # 2N KL is chi-squared with 999 degrees of freedom, deviation 44.7; five of them, and the
    # classes' own imbalance of some 10.
    shares = np.array([*counts.values()]) / 10_000
    assert abs(2e4 * (shares * np.log(1000 * shares)).sum() - 999) < 5 * 44.7 + 10


@with_marks(fashion)
@pytest.mark.parametrize("split", ["train", "test"])
def test_stacks_of_clothes(split):
    source = open_source(f"dataset:stacked-fashion-mnist:{split}").limit(50, 0)
    images, _, labels = read(source)
    grey, _, classes = read(open_source(f"dataset:fashion-mnist:{split}"))
    place = {name: str(i) for i, name in enumerate(datasets.FASHION_CLASSES)}
    known = {
        image[..., 0].tobytes(): place[each] for image, each in zip(grey, classes, strict=True)
    }
    for image, label in zip(images, labels, strict=True):
        assert "".join(known[image[..., c].tobytes()] for c in range(3)) == label


@with_marks(fashion)
@pytest.mark.parametrize(("split", "count"), [("", 60_000), (":train", 60_000), (":test", 10_000)])
def test_fashion_mnist(split, count):
    source = open_source(f"dataset:fashion-mnist{split}")
    assert source.count() == count
    batch = next(source.batches(1000))
    assert batch.images.shape == (1000, 3, 28, 28)
    assert set(batch.labels) == set(datasets.FASHION_CLASSES)
    assert (batch.images[:, 0] == batch.images[:, 2]).all()


@with_marks(fashion)
def test_fashion_mnist_classes_look_like_what_they_are_called():
    source = open_source("dataset:fashion-mnist:test").limit(2000, 0)
    images, _, labels = read(source)
    means = {
        label: np.mean([image for image, each in zip(images, labels, strict=True) if each == label])
        for label in datasets.FASHION_CLASSES
    }
    # Little of a sandal covers the picture, and much of a pullover or a coat.
    assert means["Sandal"] == min(means.values())
    assert set(sorted(means, key=means.get)[-3:]) <= {"Pullover", "Coat", "Shirt", "Bag"}


def idx(array, kind=8):
    head = struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
    return head + array.tobytes()


@pytest.fixture
def small(root, monkeypatch):
    """Five images where Fashion-MNIST is looked for."""
    files = {
        "t10k-images-idx3-ubyte.gz": IMAGES[..., 0],
        "t10k-labels-idx1-ubyte.gz": np.array([9, 0, 1, 0, 5], np.uint8),
    }
    for name, array in files.items():
        (root / name).write_bytes(gzip.compress(idx(array)))
    monkeypatch.setenv("GANDIAG_FASHION_MNIST", str(root))
    return root


def test_another_folder_for_fashion_mnist(small):
    images, _, labels = read(open_source("dataset:fashion-mnist:test"))
    assert np.array_equal(images, np.repeat(IMAGES[..., :1], 3, axis=3))
    assert labels == ["Ankle boot", "T-shirt/top", "Trouser", "T-shirt/top", "Sandal"]
    refused("dataset:fashion-mnist", f"{small}/train-images-idx3-ubyte.gz")
    grey = {image[..., 0].tobytes(): each for image, each in zip(IMAGES, "90105", strict=True)}
    source = open_source("dataset:stacked-fashion-mnist:test").limit(20, 0)
    for image, label in zip(*read(source)[::2], strict=True):
        assert "".join(grey[image[..., c].tobytes()] for c in range(3)) == label


def test_a_folder_for_fashion_mnist_that_does_not_exist(root, monkeypatch):
    monkeypatch.setenv("GANDIAG_FASHION_MNIST", str(root / "nowhere"))
    refused("dataset:fashion-mnist", f"GANDIAG_FASHION_MNIST is {root}/nowhere", "not a folder")


GOOD = idx(IMAGES[..., 0])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not gzip",
        gzip.compress(b""),
        gzip.compress(GOOD)[:-20],
        gzip.compress(GOOD[:-1]),
        gzip.compress(GOOD + b"!"),
        gzip.compress(idx(IMAGES[..., 0], kind=13)),
        gzip.compress(b"\1" + GOOD[1:]),
        gzip.compress(GOOD[:3] + b"\x09" + GOOD[4:]),
        gzip.compress(struct.pack(">HBBIII", 0, 8, 3, 2**31, 2**31, 2**31)),
        gzip.compress(idx(np.arange(5, dtype=np.uint8))),
    ],
    ids=[
        *("empty", "no gzip", "empty gzip", "cut gzip", "a byte less", "a byte more", "floats"),
        *("magic", "nine axes", "bomb", "labels for images"),
    ],
)
def test_a_damaged_idx_file_is_named(small, content):
    (small / "t10k-images-idx3-ubyte.gz").write_bytes(content)
    refused("dataset:fashion-mnist:test", str(small), "get")


@pytest.mark.parametrize("labels", [np.arange(4, dtype=np.uint8), np.full(5, 10, np.uint8)])
def test_labels_that_do_not_fit(small, labels):
    (small / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    refused("dataset:fashion-mnist:test", str(small), "not Fashion-MNIST")


def test_an_idx_bomb_is_not_decompressed(root):
    head = struct.pack(">HBBI", 0, 8, 1, 10)
    (root / "a.gz").write_bytes(gzip.compress(head + bytes(50_000_000)))
    with pytest.raises(GandiagError, match="has not the 10 bytes of data"):
        read_idx(root / "a.gz")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dataset:fashion-mnis", ("did you mean dataset:fashion-mnist?", "cifar10")),
        ("dataset:", ("is not a dataset by that name; known are",)),
        ("dataset:digits:test", ("has no split 'test'; it has all",)),
        ("dataset:stacked-digits:test", ("has no split 'test'; it has all",)),
        ("dataset:stacked-fashion-mnist:valid", ("it has train, test",)),
        ("dataset:fashion-mnist:valid", ("has no split 'valid'; it has train, test",)),
        ("dataset:celeba:dev", ("it has train, valid, test, all",)),
    ],
)
def test_names_that_are_wrong(name, words):
    refused(name, name, *words)


@pytest.mark.parametrize("name", datasets.TORCHVISION)
def test_torchvision_takes_these_arguments(name):
    known = datasets.TORCHVISION[name]
    factory = getattr(torchvision.datasets, known.factory)
    assert known.splits
    for arguments in known.splits.values():
        signature = inspect.signature(factory)
        bound = signature.bind(root="somewhere", download=True, **arguments)
        # What is passed on by **kwargs is what MNIST takes.
        extra = bound.arguments.get("kwargs", {})
        assert set(extra) <= set(inspect.signature(torchvision.datasets.MNIST).parameters)
        split = arguments.get("split")
        declared = getattr(inspect.getmodule(factory), "_SPLITS", None)
        assert declared is None or split is None or split in declared


def test_names_are_listed():
    assert {"digits", "fashion-mnist", "cifar10", "mnist"} <= set(dataset_names())
    assert {"ring8", "stacked-digits", "stacked-fashion-mnist"} <= set(dataset_names())
    assert list(dataset_names()) == sorted(set(dataset_names()))


class Downloaded(Dataset):
    """Stands for a torchvision dataset."""

    classes = ("ant", "bee")
    made = ()

    def __init__(self, root, train=True, download=False):
        type(self).made = (root, train, download)
        print("Files already downloaded and verified")
        self.data, self.targets = IMAGES, [0, 1, 0, 1, 1]

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return Image.fromarray(self.data[index]), self.targets[index]


def test_torchvision(monkeypatch, own_cache, capsys):
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", Downloaded)
    source = open_source("dataset:cifar10:test")
    assert Downloaded.made == (str(own_cache / "datasets"), False, False)
    assert capsys.readouterr().out == ""  # standard output may be JSON
    images, names, labels = read(source)
    assert np.array_equal(images, IMAGES)
    assert labels == ["ant", "bee", "ant", "bee", "bee"]
    assert names[0] == "dataset:cifar10:test[0]"
    first = source.fingerprint()
    assert first == open_source("dataset:cifar10:train").fingerprint()
    monkeypatch.setattr(
        Downloaded, "__init__", lambda self, **_: vars(self).update(data=IMAGES[::-1], targets=[0])
    )
    assert open_source("dataset:cifar10:test").fingerprint() != first


@pytest.mark.parametrize("error", [OSError("no network"), RuntimeError("Dataset\nnot found.")])
@pytest.mark.parametrize("name", ["cifar10", "fashion-mnist"])
def test_what_was_not_fetched(monkeypatch, own_cache, error, name):
    def factory(download, **_):
        assert not download, "scoring reaches for the network"
        raise error

    monkeypatch.setattr(torchvision.datasets, datasets.TORCHVISION[name].factory, factory)
    monkeypatch.setattr(datasets, "DEBIAN_FASHION_MNIST", own_cache / "nowhere")
    ways = [f"run `gandiag weights fetch dataset:{name}`"]
    if name == "fashion-mnist":
        ways += ["apt-get install dataset-fashion-mnist", "set GANDIAG_FASHION_MNIST"]
    refused(f"dataset:{name}", f"dataset:{name}", str(own_cache / "datasets"), "no", *ways)
    refused(f"dataset:{name}:test", f"`gandiag weights fetch dataset:{name}:test`")


@pytest.mark.parametrize(
    ("name", "train"),
    [("cifar10", True), ("dataset:cifar10", True), ("dataset:cifar10:test", False)],
)
def test_fetching(monkeypatch, own_cache, capsys, name, train):
    def fetch(self, root, train, download):
        type(self).made = (root, train, download)
        os.makedirs(os.path.join(root, "sub"))
        with open(os.path.join(root, "sub", "file"), "wb") as file:
            file.write(bytes(1234))
        print("Downloading")

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", Downloaded)
    monkeypatch.setattr(Downloaded, "__init__", fetch)
    told = []
    assert fetch_dataset(name, lambda done, total: told.append((done, total))) == (
        own_cache / "datasets"
    )
    assert Downloaded.made == (str(own_cache / "datasets"), train, True)
    assert told == [(1234, 1234)]
    assert capsys.readouterr().out == ""


def test_fetching_without_a_network(monkeypatch):
    def factory(**_):
        raise OSError("no network")

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", factory)
    with pytest.raises(GandiagError, match=r"cifar10 cannot be fetched into .* \(no network\); "):
        fetch_dataset("cifar10")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dataset:ring8", "comes with gandiag"),
        ("stacked-digits", "comes with gandiag"),
        ("dataset:cifar", "did you mean dataset:cifar10"),
        ("cifar10:valid", "no split 'valid'"),
    ],
)
def test_what_cannot_be_fetched(name, words):
    with pytest.raises(GandiagError, match=words):
        fetch_dataset(name)


class Items(Dataset):
    """A Dataset of whatever it is given."""

    def __init__(self, items, classes=None):
        self.items = items
        if classes is not None:
            self.classes = classes

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        item = self.items[index]
        if isinstance(item, Exception):
            raise item
        return item


FIRST = IMAGES[0]
GREY = FIRST[..., 0]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (Image.fromarray(FIRST), FIRST),
        (Image.fromarray(GREY), np.repeat(GREY[..., None], 3, 2)),
        (torch.from_numpy(FIRST.transpose(2, 0, 1).copy()), FIRST),
        (torch.from_numpy(FIRST), FIRST),
        (torch.from_numpy(GREY), np.repeat(GREY[..., None], 3, 2)),
        (torch.from_numpy(GREY)[None], np.repeat(GREY[..., None], 3, 2)),
        (FIRST, FIRST),
        (GREY, np.repeat(GREY[..., None], 3, 2)),
        (FIRST.transpose(2, 0, 1), FIRST),
        (np.dstack([FIRST, GREY]), FIRST),
    ],
)
def test_items(item, expected):
    for given, expected_labels in ((item, None), ((item,), None), ((item, 3), ["3"])):
        images, _, labels = read(open_source(Items([given])))
        assert np.array_equal(images, [expected])
        assert labels == expected_labels


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        ([0, 1], None, ["0", "1"]),
        ([0, 1], ["ant", "bee"], ["ant", "bee"]),
        ([torch.tensor(1), np.int64(0)], ("ant", "bee"), ["bee", "ant"]),
        ([2, -1], ["ant", "bee"], ["2", "-1"]),
        (["x", "y"], ["ant", "bee"], ["x", "y"]),
        ([0, 1], [("ant",), ("bee",)], ["0", "1"]),
        ([torch.zeros(40), torch.zeros(40)], None, None),
        ([0.5, 0.5], None, None),
    ],
)
def test_labels_of_a_dataset(labels, classes, expected):
    items = [(FIRST, label) for label in labels]
    assert read(open_source(Items(items, classes)))[2] == expected


def test_datasets_of_datasets():
    tensors = torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy())
    source = open_source(Subset(TensorDataset(tensors, torch.arange(5)), [3, 1]))
    images, names, labels = read(source)
    assert np.array_equal(images, IMAGES[[3, 1]])
    assert (names, labels) == (["Subset[0]", "Subset[1]"], ["3", "1"])
    assert np.array_equal(read(open_source(TensorDataset(tensors)))[0], IMAGES)


def test_pictures_of_a_dataset_get_the_treatment_of_files_but_are_not_turned(root):
    exif = Image.Exif()
    exif[0x0112] = 6
    (root / "a.png").write_bytes(encoded(FIRST, exif=exif))
    turned = Image.open(root / "a.png").convert("RGB")
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    source = open_source(Items([turned, deep, Image.fromarray(FIRST).convert("CMYK")]))
    images, _, _ = read(source)
    assert np.array_equal(images[0], FIRST)
    assert np.array_equal(images[1][..., 0], GREY)
    assert set(source.notes()) == {"16-bit", "cmyk"}


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (torch.zeros(3, 10, 8), "Items[1] is torch.float32 from 0 to 0, not uint8; say which"),
        (np.zeros((10, 8, 3)), "Items[1] is float64 from 0 to 0, not uint8; say which"),
        ({"picture": FIRST}, "Items[1] is a dict of picture, in which no image is found; give it"),
        ({"image": "a.png"}, "Items[1] is str, not an image"),
        ((FIRST, 1, 2, 3), "Items[1] is tuple, not an image"),
        (np.zeros((10, 8, 5), np.uint8), "Items[1] is 1 x 10 x 8 x 5, which is not images"),
    ],
)
@pytest.mark.parametrize("on_bad_image", ["fail", "skip"])
def test_items_that_are_not_images(item, words, on_bad_image):
    with pytest.raises(GandiagError) as caught:
        list(open_source(Items([FIRST, item]), on_bad_image=on_bad_image).batches(8))
    assert words in str(caught.value)


def test_a_dataset_that_cannot_read_an_image():
    items = Items([FIRST, OSError("image file is truncated"), FIRST])
    refused(items, "cannot read Items[1]: the Dataset cannot read it (image file is truncated)")
    source = open_source(items, on_bad_image="skip")
    assert len(read(source)[0]) == 2
    assert source.notes()["skipped"].names == ("Items[1]",)
    with pytest.raises(ZeroDivisionError):  # a bug in the Dataset stays a bug
        list(open_source(Items([ZeroDivisionError()])).batches(8))


def test_an_empty_dataset():
    refused(Items([]), "Items is an empty Dataset")
