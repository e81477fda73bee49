"""Iterables of batches: what they may give, and that a generator gives it once."""

import numpy as np
import pytest
import torch
from pictures import pixels, read

from gandiag.errors import GandiagError
from gandiag.sources import open_source

IMAGES = pixels(10)
TENSOR = torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy())


def refused(thing, *words):
    with pytest.raises(GandiagError) as caught:
        list(open_source(thing).batches(8))
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


def test_a_generator_gives_its_images_once():
    source = open_source((batch for batch in TENSOR.split(4)), name="samples")
    assert len(read(source)[0]) == 10
    with pytest.raises(GandiagError, match="samples can be passed over only once, and has been"):
        next(source.batches(8))


def test_a_limited_generator_is_used_up_too():
    source = open_source(batch for batch in TENSOR.split(4))
    assert len(read(source.limit(3, 0))[0]) == 3
    with pytest.raises(GandiagError, match="only once"):
        next(source.batches(8))


def test_a_limited_generator_is_asked_for_no_more_than_needed():
    given = []

    def batches():
        for batch in TENSOR.split(2):
            given.append(batch)
            yield batch

    read(open_source(batches()).limit(4, 0))
    assert len(given) == 2


def test_a_generator_is_not_collected_in_memory():
    def batches():
        for number in range(100):
            nonlocal given
            given = number
            yield TENSOR[:4]

    given = -1
    stream = open_source(batches()).batches(8)
    next(stream)
    assert given == 1


@pytest.mark.parametrize(
    "batches",
    [
        [IMAGES[:5], IMAGES[5:]],
        [TENSOR[:5], IMAGES[5:]],
        (TENSOR[:1], TENSOR[1:]),
        [[TENSOR]],
        [(TENSOR, None)],
    ],
    ids=["arrays", "both", "tuple", "a list of one, as from TensorDataset", "no labels"],
)
def test_batches_of_any_kind(batches):
    images, _, labels = read(open_source(batches), 3)
    assert np.array_equal(images, IMAGES)
    assert labels is None


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (torch.arange(10), [str(i) for i in range(10)]),
        (np.arange(10), [str(i) for i in range(10)]),
        (list("abcdefghij"), list("abcdefghij")),
        (torch.eye(10), None),
        (torch.arange(9), None),
        (torch.arange(10.0), None),
    ],
)
def test_labels(labels, expected):
    assert read(open_source([(TENSOR, labels)]))[2] == expected


def test_a_batch_has_labels_if_all_its_images_have():
    source = open_source([(TENSOR[:4], list("abcd")), TENSOR[4:]])
    assert [batch.labels for batch in source.batches(4)] == [tuple("abcd"), None, None]
    assert [batch.labels for batch in source.batches(5)] == [None, None]


def test_batches_of_another_source():
    source = open_source(TENSOR)
    assert np.array_equal(read(open_source(source.batches(3)))[0], IMAGES)


def test_sizes_that_differ():
    source = open_source([TENSOR, TENSOR[:, :, :9]])
    assert [len(batch.images) for batch in source.batches(8)] == [8, 2, 8, 2]
    assert source.notes()["mixed-sizes"].count == 10


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (
            [TENSOR, TENSOR.float()],
            ("batch 1 of list is torch.float32 from 0 to 255, not uint8", "value_range=(0, 255)"),
        ),
        ([TENSOR / 255], ("torch.float32",)),
        ([TENSOR[0]], ("batch 0 of list is 3 x 10 x 8; give four axes",)),
        (["a.png", "b.png"], ("cannot read a.png: it does not exist",)),
        (["a.png", TENSOR], ("batch 0 of list is str, not images",)),
        ({"images": TENSOR}, ("batch 0 of dict is str",)),
        ([None], ("batch 0 of list is NoneType",)),
        ([{"pictures": TENSOR}], ("batch 0 of list is a dict of pictures, in which no image is",)),
        ([(TENSOR, 1, 2, 3)], ("batch 0 of list is tuple",)),
        ([], ("list gave no image",)),
        (iter(()), ("gave no image",)),
        (5, ("images cannot be read from int",)),
        (None, ("images cannot be read from NoneType",)),
        (lambda: TENSOR, ("images cannot be read from <lambda>; call it",)),
        (b"samples", ("batch 0 of bytes is int",)),
    ],
)
def test_what_is_no_iterable_of_batches(thing, words):
    refused(thing, *words)


class Singles(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter(TENSOR)


def test_an_iterable_dataset_of_single_images():
    refused(Singles(), "batch 0 of Singles is 3 x 10 x 8; give four axes")
    loader = torch.utils.data.DataLoader(Singles(), 4, generator=torch.Generator())
    assert np.array_equal(read(open_source(loader))[0], IMAGES)
