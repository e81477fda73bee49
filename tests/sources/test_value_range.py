"""Floats with a stated range, and what is said where it is not stated or cannot be right."""

import json

import numpy as np
import pytest
import torch
from pictures import encoded, pixels, read, write_folder
from safetensors.torch import save_file
from torch.utils.data import TensorDataset

from gandiag.errors import GandiagError
from gandiag.sources import open_source
from gandiag.sources.arrays import quantised, range_that_fits, way_to_a_range

IMAGES = pixels(6)
BYTES = torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy())


def saved(path, save, *args, **arrays):
    save(path, *args, **arrays)
    return path


# Kind -> floats (N, 3, H, W) => what open_source gets.
KINDS = {
    "tensor": lambda floats, root: floats,
    "array": lambda floats, root: floats.numpy(),
    "npy": lambda floats, root: saved(root / "a.npy", np.save, floats.numpy()),
    "npz": lambda floats, root: saved(root / "a.npz", np.savez, floats.numpy()),
    "compressed": lambda floats, root: saved(root / "b.npz", np.savez_compressed, x=floats.numpy()),
    "Dataset": lambda floats, root: TensorDataset(floats),
    "list": lambda floats, root: list(floats.split(2)),
    "iterator": lambda floats, root: iter(floats.split(2)),
    "dicts": lambda floats, root: [{"image": part} for part in floats.split(2)],
}
every = pytest.mark.parametrize("kind", KINDS)


def refused(thing, *words, **options):
    with pytest.raises(GandiagError) as caught:
        list(open_source(thing, **options).batches(8))
    message = str(caught.value)
    assert "\n" not in message
    assert "127.5" not in message
    for word in words:
        assert word in message, message


@every
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (0, 255), (-2.5, 0.5)])
def test_a_byte_comes_back_as_it_was(kind, root, dtype, low, high):
    floats = BYTES.to(dtype) / 255 * (high - low) + low
    source = open_source(KINDS[kind](floats, root), value_range=(low, high))
    assert np.array_equal(read(source)[0], IMAGES)
    assert source.notes() == {}


@every
def test_halves_round_up_everywhere(kind, root):
    # 255 (v + 1) / 2 of k / 128 - 1: exact in binary, and a half for k = 64 j + 32.
    v = torch.arange(256, dtype=torch.float64).view(1, 1, 16, 16) / 128 - 1
    source = open_source(KINDS[kind](v.expand(2, 3, 16, 16), root), value_range=(-1, 1))
    expected = [(255 * k + 128) // 256 for k in range(256)]
    assert read(source)[0][0][..., 0].ravel().tolist() == expected


@every
@pytest.mark.parametrize(
    ("low", "high", "fits"),
    [
        (0, 1, (0, 1)),
        (-1, 1, (-1, 1)),
        (0.25, 0.75, (0, 1)),
        (-0.9, 0, (-1, 1)),
        (0, 255, (0, 255)),
    ],
)
def test_without_a_range_it_is_told_what_came_and_what_fits(kind, root, low, high, fits):
    floats = torch.linspace(low, high, 240).repeat(6).view(BYTES.shape)
    # Of a stream or a Dataset only the first batch or item was seen.
    whole = kind not in ("Dataset", "list", "iterator", "dicts")
    came = f"from {low:.4g} to {high:.4g}," if whole else f"from {low:.4g} to "
    refused(KINDS[kind](floats, root), came, f"value_range={fits}", "float32")


@pytest.mark.parametrize("kind", ["npz", "compressed"])
def test_an_npz_may_state_it_beside_the_images(kind, root):
    refused(KINDS[kind](BYTES / 255, root), "or save range=[0, 1] beside it")


@every
def test_a_value_outside_is_a_bad_image(kind, root):
    floats = BYTES / 255
    floats[3, 1, 2, 0] = 1.01
    thing = KINDS[kind](floats, root)
    refused(thing, "[3]: its values run from", "the stated range 0", value_range=(0, 1))
    source = open_source(
        KINDS[kind](floats, root), value_range=(0, 1), on_bad_image="skip", name="s"
    )
    assert np.array_equal(read(source)[0], IMAGES[[0, 1, 2, 4, 5]])
    note = source.notes()["skipped"]
    assert (note.count, note.names) == (1, ("s[3]",))


@every
def test_nothing_but_bad_images(kind, root):
    refused(
        KINDS[kind](BYTES.float(), root),
        "none of the 6 images",
        "its values run from",
        value_range=(0, 1),
        on_bad_image="skip",
    )


@every
def test_a_range_that_begins_below_0_and_no_value_that_does(kind, root):
    source = open_source(KINDS[kind](BYTES / 255, root), value_range=(-1, 1), name="s")
    read(source, 4)
    note = source.notes()["half-range"]
    assert (note.count, note.example) == (6, "s[0]")
    some = BYTES / 255
    some[5, 2, 9, 7] = -0.01
    source = open_source(KINDS[kind](some, root), value_range=(-1, 1))
    read(source, 4)
    assert source.notes() == {}


def test_the_range_of_an_npz_is_doubted_too(root):
    np.savez(root / "a.npz", x=IMAGES / 255, range=[-1, 1])
    source = open_source(root / "a.npz")
    read(source)
    assert source.notes()["half-range"].count == 6


@pytest.mark.parametrize("kind", ["tensor", "array", "npy", "npz", "Dataset", "list"])
def test_bytes_of_two_levels(kind, root):
    source = open_source(KINDS[kind](BYTES % 2, root), name="s")
    read(source)
    note = source.notes()["two-levels"]
    assert (note.count, note.example) == (6, "s[0]")
    for other in ((BYTES % 2) * 255, torch.zeros_like(BYTES), BYTES % 3):
        source = open_source(KINDS[kind](other, root))
        read(source)
        assert source.notes() == {}


@pytest.mark.parametrize("kind", ["tensor", "npy", "npz", "Dataset", "list", "dicts"])
def test_bytes_are_doubted_as_bytes_whatever_range_is_stated(kind, root):
    for images, codes in ((BYTES // 2 + 128, set()), (BYTES % 2, {"two-levels"})):
        source = open_source(KINDS[kind](images, root), value_range=(-1, 1))
        read(source)
        assert set(source.notes()) == codes


def test_files_of_two_levels(root):
    write_folder(root, {f"{i}.png": encoded(image) for i, image in enumerate(IMAGES % 2)})
    source = open_source(root)
    read(source)
    assert source.notes()["two-levels"].count == 6


@pytest.mark.parametrize(
    ("low", "high", "way"),
    [
        (0, 1, "value_range=(0, 1)"),
        (-1.0039, 1, "value_range=(-1, 1)"),
        (-0.2, 1.003, "value_range=(-1, 1)"),
        (0, 255.4, "clamp them to [0, 1]"),
        (3, 255, "value_range=(0, 255)"),
        (-1.155, 1.411, "clamp them to [-1, 1]"),
        (0, 1.2, "clamp them to [0, 1]"),
        (-1.005, 1, "clamp them to [-1, 1]"),
    ],
)
def test_what_is_advised_is_accepted(low, high, way):
    assert way in way_to_a_range(low, high)
    fits = range_that_fits(low, high)
    assert (fits is None) == ("clamp" in way)
    if fits is not None:
        quantised(np.array([low, high], dtype=np.float64), *fits)


def test_the_range_of_a_file_must_not_be_contradicted(root):
    np.savez(root / "a.npz", x=IMAGES / 255, range=[0, 1])
    refused(
        root / "a.npz",
        "a.npz says that its range is (0.0, 1.0), and value_range is (-1.0, 1.0)",
        value_range=(-1, 1),
    )
    agreed = open_source(root / "a.npz", value_range=(0, 1))
    assert np.array_equal(read(agreed)[0], IMAGES)


@pytest.mark.parametrize(
    "scale", [(1, 0), (0, 0), (0, float("nan")), (0, float("inf")), (0,), (0, 1, 2), 5, "ab"]
)
def test_a_range_that_is_none(scale):
    refused(BYTES / 255, f"value_range is {scale!r}; give two numbers", value_range=scale)


@pytest.mark.parametrize("kind", ["tensor", "array", "npy", "npz", "Dataset", "list"])
def test_bytes_need_no_range_and_are_not_touched_by_one(kind, root):
    source = open_source(KINDS[kind](BYTES, root), value_range=(-1, 1))
    assert np.array_equal(read(source)[0], IMAGES)
    assert open_source(BYTES, value_range=(-1, 1)).fingerprint() == open_source(BYTES).fingerprint()


# ------------------------------------------------------------------------------- generators


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "g.safetensors"
    save_file({"weight": torch.eye(4)}, path)
    return path


def constant(images):
    return lambda state, device: lambda rngs: images[:1].expand(len(rngs), -1, -1, -1)


def test_a_generator_with_a_stated_range(weights):
    floats = BYTES.double() / 255
    source = open_source(weights, generator=constant(floats), value_range=(0, 1)).limit(3, 0)
    assert np.array_equal(read(source)[0], IMAGES[[0, 0, 0]])
    refused(
        weights,
        "outside value_range=(0.0, 0.5)",
        generator=constant(floats),
        value_range=(0, 0.5),
    )
    refused(weights, "float64 from 0 to 1", "value_range=(0, 1)", generator=constant(floats))


def test_a_generator_in_half_of_its_range(weights):
    source = open_source(weights, generator=constant(BYTES / 255), value_range=(-1, 1)).limit(70, 0)
    read(source)
    note = source.notes()["half-range"]
    assert (note.count, note.example) == (70, f"{source.name}[0]")


def test_a_note_is_plain_data(weights):
    source = open_source(BYTES / 255, value_range=(-1, 1))
    read(source)
    json.dumps({code: [note.count, note.example] for code, note in source.notes().items()})
