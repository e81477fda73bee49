"""Lists of paths and pictures, and samples that are dicts, pairs or triples."""

import io
import os

import numpy as np
import pytest
import torch
from pictures import encoded, pixels, read, write_folder
from PIL import Image
from torch.utils.data import IterableDataset

from gandiag.errors import GandiagError
from gandiag.sources import labelled, open_source

IMAGES = pixels(5)
TENSOR = torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy())
PICTURES = [Image.fromarray(image) for image in IMAGES]
PNG = [encoded(image) for image in IMAGES]


def refused(thing, *words, **options):
    with pytest.raises(GandiagError) as caught:
        list(open_source(thing, **options).batches(8))
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


def test_paths_come_in_the_order_given(root, monkeypatch):
    write_folder(root, {f"{i}.png": png for i, png in enumerate(PNG)})
    monkeypatch.setenv("HOME", str(root))
    paths = [root / "3.png", "~/0.png", str(root / "3.png")]
    for given in (paths, tuple(paths)):
        source = open_source(given)
        images, names, labels = read(source)
        assert np.array_equal(images, IMAGES[[3, 0, 3]])
        assert names == [f"{root}/3.png", f"{root}/0.png", f"{root}/3.png"]
        assert labels is None
    assert source.fingerprint() != open_source(paths[::-1][:2]).fingerprint()


def test_paths_that_are_no_images(root):
    write_folder(root, {"a.png": PNG[0], "sub/b.png": PNG[1], "c.txt": b"words"})
    refused([root / "a.png", root / "b.png"], f"cannot read {root}/b.png: it does not exist")
    refused([root / "sub"], f"cannot read {root}/sub: it is a folder: give that alone")
    refused([root / "c.txt"], f"cannot read {root}/c.txt: it begins with b'words'")
    os.mkfifo(root / "pipe.png")
    refused([root / "pipe.png"], "pipe.png: it is not a regular file")
    source = open_source([root / "b.png", root / "a.png"], on_bad_image="skip")
    assert np.array_equal(read(source)[0], IMAGES[:1])
    assert source.notes()["skipped"].names == (f"{root}/b.png",)


def test_pictures_get_the_treatment_of_files(root):
    deep = Image.fromarray(IMAGES[0, ..., 0].astype(np.uint16) * 257)
    source = open_source([PICTURES[0].convert("CMYK"), deep])
    assert len(read(source)[0]) == 2
    assert set(source.notes()) == {"16-bit", "cmyk"}


def test_a_picture_that_is_read_only_now(root):
    pictures = [Image.open(io.BytesIO(PNG[0])), Image.open(io.BytesIO(PNG[1][:-100]))]
    refused(pictures, "cannot read list[1]: its data is truncated or damaged")
    pictures[1] = Image.open(io.BytesIO(PNG[1][:-100]))
    source = open_source(pictures, on_bad_image="skip")
    assert np.array_equal(read(source)[0], IMAGES[:1])
    assert source.fingerprint() == source.fingerprint()


@pytest.mark.parametrize(
    ("sample", "label"),
    [
        (lambda i: {"image": PICTURES[i], "label": i}, str),
        (lambda i: {"label": i, "img": PICTURES[i], "id": "x"}, str),
        (lambda i: {"images": PICTURES[i]}, None),
        (lambda i: (PICTURES[i], i), str),
        (lambda i: [PICTURES[i], str(i), {"more": 1}], str),
        (lambda i: (PICTURES[i],), None),
    ],
)
def test_lists_of_samples(sample, label):
    source = open_source([sample(i) for i in range(5)])
    images, _, labels = read(source)
    assert np.array_equal(images, IMAGES)
    expected = None if label is None else [label(i) for i in range(5)]
    assert labels == expected
    assert labelled(source) == (label is not None)
    other = [sample(i) for i in (0, 1, 2, 4, 3)]
    assert open_source(other).fingerprint() != source.fingerprint()


def test_labels_are_part_of_the_fingerprint():
    one, other = ([(picture, i + k) for i, picture in enumerate(PICTURES)] for k in (0, 1))
    assert open_source(one).fingerprint() != open_source(other).fingerprint()


@pytest.mark.parametrize("key", ["image", "images", "img", "pixel_values"])
def test_batches_that_are_dicts(key):
    batches = [{key: TENSOR[:3], "labels": torch.arange(3)}, {key: IMAGES[3:], "labels": [3, 4]}]
    images, _, labels = read(open_source(batches))
    assert np.array_equal(images, IMAGES)
    assert labels == list("01234")


class Stream(IterableDataset):
    def __init__(self, samples):
        self.samples = samples

    def __iter__(self):
        return iter(self.samples)


def test_an_iterable_dataset_of_pictures():
    # As WebDataset gives them.
    source = open_source(Stream(list(zip(PICTURES, "abcde", strict=True))))
    images, _, labels = read(source)
    assert np.array_equal(images, IMAGES)
    assert labels == list("abcde")
    assert labelled(source) is None
    dicts = Stream([{"image": picture} for picture in PICTURES])
    assert read(open_source(dicts))[2] is None


def test_a_bad_picture_in_a_stream():
    floats = Image.fromarray(np.zeros((4, 4), np.float32))
    refused(Stream([PICTURES[0], floats]), "cannot read Stream[1]: its pixels are float")
    source = open_source(Stream([PICTURES[0], floats, PICTURES[1]]), on_bad_image="skip")
    assert np.array_equal(read(source)[0], IMAGES[:2])
    assert source.notes()["skipped"].names == ("Stream[1]",)


# ------------------------------------------------------------------- Hugging Face's library


@pytest.fixture
def hugging_face():
    datasets = pytest.importorskip("datasets")

    def make(column="image", label="label", names=("ant", "bee")):
        features = datasets.Features(
            {column: datasets.Image(), label: datasets.ClassLabel(names=list(names))}
        )
        pictures = [{"bytes": png, "path": None} for png in PNG]
        columns = {column: pictures, label: [0, 1, 0, 1, 1]}
        table = datasets.table.InMemoryTable.from_pydict(columns, schema=features.arrow_schema)
        info = datasets.DatasetInfo(features=features)
        return datasets.Dataset(table, info=info, fingerprint="pictures")

    return make


@pytest.mark.parametrize("column", ["image", "img"])
@pytest.mark.parametrize("form", [None, "torch", "numpy"])
def test_hugging_face(hugging_face, column, form):
    source = open_source(hugging_face(column).with_format(form))
    images, names, labels = read(source)
    assert np.array_equal(images, IMAGES)
    assert labels == ["ant", "bee", "ant", "bee", "bee"]
    assert names[0] == "Dataset[0]"


def test_hugging_face_as_a_stream(hugging_face):
    images, _, labels = read(open_source(hugging_face().to_iterable_dataset()))
    assert np.array_equal(images, IMAGES)
    assert labels == ["ant", "bee", "ant", "bee", "bee"]


def test_hugging_face_without_images_or_labels(hugging_face):
    from datasets import DatasetDict

    refused(hugging_face("picture"), "Dataset has the columns picture, label, none of images")
    refused(DatasetDict(train=hugging_face()), "DatasetDict has the splits train; give one of")
    assert read(open_source(hugging_face().remove_columns("label")))[2] is None
    refused(hugging_face().select([]), "Dataset is an empty Dataset")


def test_a_module_of_that_name_is_not_taken_for_the_library():
    class Dataset(torch.utils.data.Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return PICTURES[index]

    Dataset.__module__ = "datasets.mine"
    assert np.array_equal(read(open_source(Dataset()))[0], IMAGES)
