"""What every source promises, checked for every kind of source."""

import threading

import numpy as np
import pytest
import torch
from pictures import encoded, pixels, read, write_folder, write_tar, write_zip
from PIL import Image
from safetensors.numpy import save
from torch.utils.data import DataLoader, Dataset

from gandiag.errors import GandiagError
from gandiag.sources import Batch, ImageSource, classes, labelled, open_source

COUNT = 23
CLASSES = ("ant", "bee", "cat")
IMAGES = pixels(COUNT)
TARGETS = np.sort(np.arange(COUNT) % 3)
LABELS = [CLASSES[target] for target in TARGETS]
FILES = {
    f"{label}/{index:03d}.png": encoded(image)
    for index, (label, image) in enumerate(zip(LABELS, IMAGES, strict=True))
}
CHANNELS_FIRST = np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2))


class Pictures(Dataset):
    classes = CLASSES

    def __len__(self):
        return COUNT

    def __getitem__(self, index):
        return Image.fromarray(IMAGES[index]), int(TARGETS[index])


class Dicts(Pictures):
    def __getitem__(self, index):
        return {"image": Image.fromarray(IMAGES[index]), "label": int(TARGETS[index])}


class Triples(Pictures):
    def __getitem__(self, index):
        return (*super().__getitem__(index), index)


class Floats(Pictures):
    def __getitem__(self, index):
        return FLOATS[index], int(TARGETS[index])


def paths(root):
    folder = write_folder(root / "pictures", FILES)
    return [str(folder / name) for name in FILES]


def loader(samples):
    # Without a generator a DataLoader draws from the global random state.
    return DataLoader(samples, batch_size=5, generator=torch.Generator())


def hugging_face(root):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=list(CLASSES))}
    )
    pictures = [{"bytes": encoded(image), "path": None} for image in IMAGES]
    columns = {"image": pictures, "label": TARGETS.tolist()}
    table = datasets.table.InMemoryTable.from_pydict(columns, schema=features.arrow_schema)
    # With a fingerprint of its own, because the library's hash of a table pickles all of pyarrow.
    info = datasets.DatasetInfo(features=features)
    return datasets.Dataset(table, info=info, fingerprint="pictures")


def npz(path, save=np.savez, **arrays):
    save(path, **arrays)
    return path


def npy(path, array):
    np.save(path, array)
    return path


FLOATS = torch.from_numpy(CHANNELS_FIRST) / 127.5 - 1
WEBDATASET = {
    f"{index:03d}.{kind}": data
    for index, image in enumerate(IMAGES)
    for kind, data in {"png": encoded(image), "cls": LABELS[index].encode(), "json": b""}.items()
}


def pairs():
    tensors = torch.from_numpy(CHANNELS_FIRST).split(5)
    return list(zip(tensors, [LABELS[i : i + 5] for i in range(0, COUNT, 5)], strict=True))


# Kind -> what open_source gets.
KINDS = {
    "folder": lambda root: write_folder(root / "pictures", FILES),
    "zip": lambda root: write_zip(root / "a.zip", FILES),
    "zip of a folder": lambda root: write_zip(
        root / "a.zip", {f"pictures/{name}": data for name, data in FILES.items()}
    ),
    "tar": lambda root: write_tar(root / "a.tar", FILES),
    "tar.gz": lambda root: write_tar(root / "a.tar.gz", FILES, "w:gz"),
    "tar of .": lambda root: write_tar(
        root / "a.tar", {f"./{name}": data for name, data in FILES.items()}
    ),
    "npz": lambda root: npz(root / "a.npz", arr_0=IMAGES, labels=np.array(LABELS)),
    "npz, channels first": lambda root: npz(root / "a.npz", images=CHANNELS_FIRST, y=LABELS),
    "npz, compressed": lambda root: npz(
        root / "a.npz", np.savez_compressed, x=IMAGES, labels=np.array(LABELS, "S")
    ),
    "npz, compressed, Fortran order": lambda root: npz(
        root / "a.npz", np.savez_compressed, x=np.asfortranarray(IMAGES), y=LABELS
    ),
    "npz, Fortran order": lambda root: npz(root / "a.npz", x=np.asfortranarray(IMAGES), y=LABELS),
    "npz, floats": lambda root: npz(
        root / "a.npz", x=IMAGES.astype(np.float32) / 127.5 - 1, range=[-1, 1], y=LABELS
    ),
    "npy, without labels": lambda root: npy(root / "a.npy", IMAGES),
    "npy, Fortran order, without labels": lambda root: npy(
        root / "a.npy", np.asfortranarray(CHANNELS_FIRST)
    ),
    "safetensors, without labels": lambda root: (
        write_folder(root, {"a": save({"x": IMAGES})}) / "a"
    ),
    "tensor, without labels": lambda root: torch.from_numpy(CHANNELS_FIRST),
    "array, without labels": lambda root: IMAGES,
    "Dataset": lambda root: Pictures(),
    "list of batches, without labels": lambda root: list(torch.from_numpy(CHANNELS_FIRST).split(5)),
    "list of pairs": lambda root: pairs(),
    "DataLoader": lambda root: DataLoader(
        list(zip(torch.from_numpy(CHANNELS_FIRST), LABELS, strict=True)),
        batch_size=5,
        generator=torch.Generator(),  # without one a DataLoader draws from the global state
    ),
    "generator": lambda root: (batch for batch in pairs()),
    "tar of WebDataset": lambda root: write_tar(root / "a.tar", WEBDATASET),
    "list of paths in a folder, without labels": paths,
    "list of Pillow images, without labels": lambda root: [
        Image.fromarray(image) for image in IMAGES
    ],
    "list of samples": lambda root: [
        (Image.fromarray(image), label) for image, label in zip(IMAGES, LABELS, strict=True)
    ],
    "Dataset of dicts": lambda root: Dicts(),
    "Dataset of triples": lambda root: Triples(),
    "Dataset of Hugging Face": hugging_face,
    "DataLoader of dicts": lambda root: loader(
        [
            {"pixel_values": image, "labels": label, "path": ""}
            for image, label in zip(torch.from_numpy(CHANNELS_FIRST), LABELS, strict=True)
        ]
    ),
    "DataLoader of triples": lambda root: loader(
        list(zip(torch.from_numpy(CHANNELS_FIRST), LABELS, range(COUNT), strict=True))
    ),
    "list of batches of Pillow images": lambda root: [
        {"image": [Image.fromarray(image) for image in IMAGES[i : i + 5]], "label": LABELS[i:][:5]}
        for i in range(0, COUNT, 5)
    ],
    "floats, tensor, without labels": lambda root: FLOATS,
    "floats, bfloat16, without labels": lambda root: FLOATS.bfloat16(),
    "floats, array, without labels": lambda root: FLOATS.double().numpy(),
    "floats, npy, without labels": lambda root: npy(root / "a.npy", FLOATS.numpy()),
    "floats, npz": lambda root: npz(root / "a.npz", x=FLOATS.numpy(), y=LABELS),
    "floats, Dataset": lambda root: Floats(),
    "floats, list of batches, without labels": lambda root: list(FLOATS.split(5)),
    "floats, DataLoader of dicts": lambda root: loader(
        [{"image": i, "label": label} for i, label in zip(FLOATS, LABELS, strict=True)]
    ),
}
STATED = {kind: {"value_range": (-1, 1)} for kind in KINDS if kind.startswith("floats")}
WITHOUT_LABELS = {kind for kind in KINDS if kind.endswith("without labels")}
DOES_NOT_SAY_HOW_MANY = {"generator", *(kind for kind in KINDS if "DataLoader" in kind)}
STREAMS = DOES_NOT_SAY_HOW_MANY | {kind for kind in KINDS if "list of batches" in kind}
STREAMS |= {"list of pairs"}
DATASETS = {kind for kind in KINDS if "Dataset" in kind and "tar" not in kind}
NO_FINGERPRINT = STREAMS | DATASETS
CLASSES_UNKNOWN = STREAMS | (DATASETS - {"Dataset of Hugging Face"}) | {"list of samples"}
ROUNDED = {kind for kind in KINDS if "bfloat16" in kind}

every = pytest.mark.parametrize("kind", KINDS)
repeatable = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "generator"])
seekable = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in STREAMS])


@pytest.fixture
def source(kind, root):
    return opened(kind, KINDS[kind](root))


def opened(kind, thing, **options):
    return open_source(thing, **STATED.get(kind, {}), **options)


@every
@pytest.mark.parametrize("size", [1, 7, 64])
def test_the_same_images_in_the_same_order(source, kind, size):
    batches = list(source.batches(size))
    assert isinstance(source, ImageSource)
    whole, rest = divmod(COUNT, size)
    assert [len(batch.images) for batch in batches] == [size] * whole + [rest] * (rest > 0)
    for batch in batches:
        assert isinstance(batch, Batch)
        assert batch.images.dtype == torch.uint8
        assert batch.images.device.type == "cpu"
        assert batch.images.shape[1:] == (3, 10, 8)
        assert batch.images.is_contiguous()
        assert len(batch.names) == len(batch.images)
    images = torch.cat([batch.images for batch in batches])
    # bfloat16 has 8 bits for what lies in [1/2, 1]: up to 1/512 of 127.5 levels, and a half.
    off = 1 if kind in ROUNDED else 0
    assert (images.int() - torch.from_numpy(CHANNELS_FIRST).int()).abs().max() <= off


@every
def test_labels_come_along(source, kind):
    _, _, labels = read(source)
    assert labels == (None if kind in WITHOUT_LABELS else LABELS)


@every
def test_it_is_known_beforehand_whether_labels_come(source, kind):
    said = labelled(source)
    assert said == (None if kind in DOES_NOT_SAY_HOW_MANY else kind not in WITHOUT_LABELS)
    unknown = kind in WITHOUT_LABELS | CLASSES_UNKNOWN
    assert classes(source) == (None if unknown else frozenset(CLASSES))
    if not unknown:
        assert classes(source.limit(3, 0)) <= frozenset(CLASSES)
        assert len(classes(source.limit(1, 0))) == 1
    assert len(read(source)[0]) == COUNT  # asking did not use it up


@every
def test_names_are_unique_and_say_where(source, kind):
    _, names, _ = read(source)
    assert len(set(names)) == COUNT
    if any(word in kind for word in ("folder", "zip", "tar")):
        assert [name.rsplit("/", 1)[1] for name in names] == [f"{i:03d}.png" for i in range(COUNT)]
    else:
        assert [name[name.index("[") :] for name in names] == [f"[{i}]" for i in range(COUNT)]


@every
def test_count(source, kind):
    assert source.count() == (None if kind in DOES_NOT_SAY_HOW_MANY else COUNT)


@every
def test_nothing_to_note(source, kind):
    read(source)
    assert source.notes() == {}


@repeatable
def test_two_passes_are_equal(source, kind):
    first, second = read(source, 5), read(source, 5)
    assert np.array_equal(first[0], second[0])
    assert first[1:] == second[1:]


@repeatable
def test_a_pass_after_one_that_was_abandoned(source, kind):
    before = threading.active_count()
    abandoned = source.batches(4)
    next(abandoned)
    abandoned.close()
    assert threading.active_count() == before
    assert len(read(source)[0]) == COUNT


@repeatable
def test_fingerprint(kind, root):
    thing = KINDS[kind](root)
    prints = [opened(kind, thing).fingerprint() for _ in range(2)]
    assert prints[0] == prints[1]
    assert (prints[0] is None) == (kind in NO_FINGERPRINT)


@every
def test_a_stamp_stays_while_nothing_is_written(source, kind):
    stamps = [source.stamp()]
    assert (stamps[0] is None) == (kind in NO_FINGERPRINT)
    read(source)
    source.fingerprint()
    assert source.stamp() == stamps[0]


@seekable
def test_fingerprint_tells_selections_apart(kind, root):
    if kind in NO_FINGERPRINT:
        pytest.skip("it has no fingerprint")
    thing = KINDS[kind](root)
    source = opened(kind, thing)
    sources = [
        source,
        opened(kind, thing, on_bad_image="skip"),
        source.limit(5, 0),
        source.limit(5, 1),
        source.limit(6, 0),
    ]
    if kind in STATED:
        sources += [open_source(thing, value_range=(-1, 2)), open_source(thing, value_range=(0, 2))]
    assert len({each.fingerprint() for each in sources}) == len(sources)
    assert source.limit(5, 0).fingerprint() == source.limit(5, 0).fingerprint()


@seekable
def test_limit_draws_the_same_from_every_kind(source, kind):
    expected = np.sort(np.random.Generator(np.random.PCG64(3)).choice(COUNT, 9, replace=False))
    limited = source.limit(9, seed=3)
    images, names, labels = read(limited)
    if kind not in ROUNDED:
        assert np.array_equal(images, IMAGES[expected])
    assert limited.count() == 9
    assert names == [read(source)[1][i] for i in expected]
    if kind not in WITHOUT_LABELS:
        assert labels == [LABELS[i] for i in expected]
    assert not np.array_equal(images, read(source.limit(9, seed=4))[0])
    assert set(read(limited.limit(4, 0))[1]) < set(names)


@every
def test_limit_beyond_the_end_is_the_source_itself(source, kind):
    limited = source.limit(COUNT, 0)
    assert (limited is source) == (kind not in DOES_NOT_SAY_HOW_MANY)
    assert len(read(limited)[0]) == COUNT


@every
@pytest.mark.parametrize("count", [0, -1])
def test_limit_refuses_nothing(source, kind, count):
    with pytest.raises(GandiagError, match=f"number of images to use is {count}"):
        source.limit(count, 0)


@seekable
def test_limit_refuses_a_seed_below_0(source, kind):
    with pytest.raises(GandiagError, match="the seed is -1; give a whole number"):
        source.limit(3, seed=-1)


@every
def test_a_batch_holds_something(source, kind):
    with pytest.raises(GandiagError, match="batch size is 0"):
        source.batches(0)


@every
def test_it_is_called_as_asked(kind, root):
    source = opened(kind, KINDS[kind](root), name="mine")
    assert source.name == "mine"
    assert open_source(source) is source


@pytest.mark.parametrize("kind", sorted(STREAMS))
def test_a_stream_is_limited_to_its_first_images(source, kind):
    limited = source.limit(7, seed=3)
    images, names, _ = read(limited, 3)
    assert np.array_equal(images, IMAGES[:7])
    note = limited.notes()["first-of-stream"]
    assert (note.count, note.example) == (7, names[0])
    assert limited.count() == (None if kind in DOES_NOT_SAY_HOW_MANY else 7)


# Generators have no end, so that what is said of a count and a draw is another thing for them.


class Network(torch.nn.Module):
    nz = 3

    def forward(self, z):
        return torch.tanh(z)[:, :, None, None].expand(-1, 3, 10, 8)


def grey(rngs):
    return torch.stack([torch.rand(1, 10, 8, generator=rng) for rng in rngs]) * 2 - 1


def halves(rngs):
    return grey(rngs) / 2


GENERATORS = {
    "module": (lambda: Network(), {}),
    "function, grey": (lambda: grey, {}),
    "function, bytes and labels": (
        lambda: (
            lambda rngs: (
                (grey(rngs) * 127 + 128).to(torch.uint8),
                ["ant" if i % 2 else "bee" for i in range(len(rngs))],
            )
        ),
        {},
    ),
    "function, a stated range": (lambda: halves, {"value_range": (-0.5, 0.5)}),
}


@pytest.mark.parametrize("kind", GENERATORS)
def test_what_generators_promise(kind):
    make, options = GENERATORS[kind]
    source = open_source(make(), name="mine", **options)
    assert isinstance(source, ImageSource)
    assert source.name == "mine"
    assert open_source(source) is source
    assert (source.fingerprint(), source.stamp(), labelled(source)) == (None, None, None)
    assert classes(source) is None
    limited = source.limit(COUNT, 5)
    assert limited.count() == COUNT
    for size in (1, 7, 64):
        batches = list(limited.batches(size))
        assert [len(batch.images) for batch in batches] == [
            min(size, COUNT - start) for start in range(0, COUNT, size)
        ]
        assert all(isinstance(batch, Batch) for batch in batches)
        images = torch.cat([batch.images for batch in batches])
        assert images.dtype == torch.uint8
        assert images.shape == (COUNT, 3, 10, 8)
        assert all(batch.images.is_contiguous() for batch in batches)
        assert torch.equal(images, next(limited.batches(64)).images)
        assert all((batch.labels is not None) == ("labels" in kind) for batch in batches)
        names = [name for batch in batches for name in batch.names]
        assert names == [f"mine[{i}]" for i in range(COUNT)]
    assert len(images.flatten(1).unique(dim=0)) == COUNT
    assert limited.notes() == {}
    for wrong in (0, -1):
        with pytest.raises(GandiagError, match=f"number of images to use is {wrong}"):
            source.limit(wrong, 0)
    with pytest.raises(GandiagError, match="batch size is 0"):
        source.batches(0)
