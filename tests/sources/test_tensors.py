"""Images in .safetensors files."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from pictures import pixels, read
from safetensors.torch import save, save_file
from torch import nn

from gandiag.errors import GandiagError
from gandiag.sources import classes, labelled, open_source

IMAGES = pixels(5)
TENSOR = torch.from_numpy(np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2)))
FLOATS = TENSOR / 127.5 - 1
LABELS = torch.tensor([3, 1, -2, 1, 1 << 40])


@pytest.fixture
def saved(root):
    def write(name="a.safetensors", **tensors):
        save_file(tensors, root / name)
        return root / name

    return write


def refused(thing, *words, **options):
    with pytest.raises(GandiagError) as caught:
        open_source(thing, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(thing))
    assert ";" in message or "get it again" in message
    for word in words:
        assert word in message, message


@pytest.mark.parametrize("key", ["images", "samples", "x", "anything"])
def test_images_and_labels(saved, key):
    source = open_source(saved(**{key: TENSOR, "labels": LABELS}))
    images, names, labels = read(source, 2)
    assert np.array_equal(images, IMAGES)
    assert names == [f"{source.name}[{i}]" for i in range(5)]
    assert labels == ["3", "1", "-2", "1", str(1 << 40)]
    assert labelled(source)
    assert classes(source.limit(5, 0)) == set(labels)


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (torch.from_numpy(IMAGES), IMAGES),
        (TENSOR[:, :1].clone(), IMAGES[..., :1].repeat(3, 3)),
        (TENSOR[:, 0].clone(), IMAGES[..., :1].repeat(3, 3)),
    ],
    ids=["channels last", "one channel", "no channels"],
)
def test_any_order_of_axes(saved, tensor, expected):
    assert np.array_equal(read(open_source(saved(images=tensor)))[0], expected)


def test_other_tensors_beside_named_images(saved):
    path = saved(images=TENSOR, seeds=torch.arange(5), scale=torch.ones(()))
    assert np.array_equal(read(open_source(path))[0], IMAGES)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("key", ["samples", "anything"])
def test_floats_with_a_range(saved, dtype, key):
    source = open_source(saved(**{key: FLOATS.to(dtype)}), value_range=(-1, 1))
    # float16 has 11 bits for what lies in [1/2, 1]: within 1/4096 of it, 1/32 of a level.
    assert np.array_equal(read(source)[0], IMAGES)
    assert source.value_range == (-1, 1)


def test_a_range_does_not_touch_bytes(saved):
    source = open_source(saved(images=TENSOR), value_range=(-1, 1))
    assert np.array_equal(read(source)[0], IMAGES)
    assert source.fingerprint() == open_source(saved(images=TENSOR)).fingerprint()


def test_a_value_outside_the_range_is_a_bad_image(saved):
    floats = FLOATS.clone()
    floats[2, 0, 0, 0] = 2
    source = open_source(saved(x=floats), value_range=(-1, 1), on_bad_image="skip")
    assert np.array_equal(read(source)[0], IMAGES[[0, 1, 3, 4]])
    assert source.notes()["skipped"].count == 1


def test_it_is_known_by_its_content(saved):
    assert np.array_equal(read(open_source(saved("samples.bin", images=TENSOR)))[0], IMAGES)


def test_only_what_is_asked_for_is_read(root):
    # 256 GiB of black, none of it on the disk: more than memory holds, so nobody reads it whole.
    size = 1 << 38
    count = size // (1 << 22)
    shape = [count, 4, 1024, 1024]
    text = json.dumps({"x": {"dtype": "U8", "shape": shape, "data_offsets": [0, size]}}).encode()
    with (root / "a.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + size)
        file.seek(-(1 << 20) - 1, 2)
        file.write(b"\1")  # the last pixel before the last image's alpha
    source = open_source(root / "a.safetensors")
    assert source.count() == count
    last = dataclasses.replace(source, chosen=[0, count - 1])
    (batch,) = last.batches(2)
    assert batch.images.shape == (2, 3, 1024, 1024)
    assert batch.images.nonzero().tolist() == [[1, 2, 1023, 1023]]


@pytest.mark.parametrize("network", [nn.Linear(4, 4), nn.Conv2d(3, 4, 3, bias=False)])
@pytest.mark.parametrize("options", [{}, {"value_range": (-1, 1)}])
def test_a_state_dict_names_the_way_out(saved, network, options):
    for prefix in ("", "layers.0."):
        state = {prefix + name: tensor for name, tensor in network.state_dict().items()}
        words = f"holds {len(state)} tensor", f"{prefix}weight", "state dict", "--generator"
        refused(saved(**state), *words, **options)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({}, "has 0 tensors that could be the images (none); save the one you mean as images"),
        ({"labels": LABELS}, "has 0 tensors that could be the images (none)"),
        ({"a": TENSOR, "b": TENSOR + 1}, "has 2 tensors that could be the images (a, b)"),
        ({"x": TENSOR, "images": TENSOR + 1}, "has 2 tensors that could be the images (images, x)"),
        ({"x": TENSOR, "images": FLOATS}, "has 2 tensors that could be the images (images, x)"),
        ({"x": FLOATS}, "[x] is float32 from -1 to 1, not uint8; say which values are black and"),
        ({"x": FLOATS.bfloat16()}, "[x] is bfloat16, which numpy has not; save it as uint8 or"),
        ({"x": LABELS}, "[x] is 5, which is not images; give (N, height, width, channels)"),
        ({"x": TENSOR.int()}, "[x] is I32, not uint8; give uint8, or floats and value_range"),
        ({"x": TENSOR[:0]}, "[x] is 0 x 3 x 10 x 8, which holds no image; give at least one"),
        ({"x": TENSOR, "labels": LABELS[1:]}, "[labels] is I64 of shape (4,), not 5 labels; give"),
        ({"x": TENSOR, "labels": LABELS.float()}, "[labels] is F32 of shape (5,), not 5 labels"),
    ],
)
def test_what_is_no_images(saved, tensors, words):
    refused(saved(**tensors), words)


def header(**tensor):
    text = json.dumps({"x": tensor}).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        b"<html>",
        b"\x10\0\0\0\0\0\0\0{}",
        b"\xff" * 8 + b"{}",
        save({"x": TENSOR})[:-1],
        save({"x": TENSOR}) + b"x",
        header(dtype="U8", shape=[1 << 50, 3, 8, 8], data_offsets=[0, 4]) + b"four",
        header(dtype="U8", shape=[1, 3, 1, 1], data_offsets=[1, 4]) + b"four",
        header(dtype="Q8", shape=[1, 3, 1, 1], data_offsets=[0, 3]) + b"the",
    ],
)
def test_a_damaged_file(root, content):
    (root / "a.safetensors").write_bytes(content)
    refused(root / "a.safetensors", "is not a whole .safetensors file (", "get it again")


def test_another_file_under_its_name_has_another_stamp(saved):
    source = open_source(saved(x=TENSOR))
    stamp = source.stamp()
    assert source.stamp() == stamp
    saved("b.safetensors", x=TENSOR + 1).replace(saved(x=TENSOR))
    assert source.stamp() != stamp
    assert np.array_equal(read(source)[0], IMAGES)  # it reads what it has opened


def test_its_digest_is_of_the_content(saved):
    one, other = (open_source(saved(f"{i}.safetensors", x=TENSOR)) for i in "ab")
    changed = open_source(saved("c.safetensors", x=TENSOR ^ 1))
    assert one.fingerprint() == other.fingerprint() != changed.fingerprint()
