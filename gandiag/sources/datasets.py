"""Datasets by name (``dataset:NAME`` or ``dataset:NAME:SPLIT``), and torch Datasets."""

import contextlib
import gzip
import hashlib
import math
import os
import struct
import sys
import textwrap
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from gandiag.errors import GandiagError
from gandiag.files import cache_folder
from gandiag.sources import fingerprint
from gandiag.sources.arrays import bytes_of, open_array, open_points
from gandiag.sources.decode import Decoded, UnreadableError
from gandiag.sources.how import How
from gandiag.sources.images import Digest, IndexedImages
from gandiag.sources.mixtures import MIXTURES
from gandiag.sources.naming import closest, display
from gandiag.sources.samples import (
    IMAGE_KEYS,
    LABEL_KEYS,
    WAYS,
    as_image,
    as_label,
    as_labels,
    key_among,
    split_sample,
)
from gandiag.sources.stacks import stacks
from gandiag.sources.stream import StreamImages, open_stream

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts its files; GANDIAG_FASHION_MNIST overrules."""

FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

MAX_IDX_BYTES = 1 << 30

POINTS = 10_000
"""Drawn of a mixture."""

SEED = 20180524
"""Of those draws: no seed that a person would try first, for then their samples would be these."""

Tell = Callable[[int, int], None]
"""Called with the bytes that are here and the bytes in all."""

Grey = tuple[NDArray[np.uint8], NDArray[np.integer]]
"""Images (n, h, w) and their classes (n,)."""


STACKED = "stacked-"
"""Before the name of a dataset of grey images: three of them are the channels of one."""


class Torchvision(NamedTuple):
    """A torchvision dataset: its class, and the arguments for each split, the default first."""

    factory: str
    splits: Mapping[str, Mapping[str, object]]


def _splits(*names: str) -> dict[str, Mapping[str, object]]:
    return {name: {"split": name} for name in names}


TRAIN_TEST: Mapping[str, Mapping[str, object]] = {
    "train": {"train": True},
    "test": {"train": False},
}
WHOLE: Mapping[str, Mapping[str, object]] = {"all": {}}

TORCHVISION: Mapping[str, Torchvision] = {
    "caltech101": Torchvision("Caltech101", WHOLE),
    "caltech256": Torchvision("Caltech256", WHOLE),
    "celeba": Torchvision("CelebA", _splits("train", "valid", "test", "all")),
    "cifar10": Torchvision("CIFAR10", TRAIN_TEST),
    "cifar100": Torchvision("CIFAR100", TRAIN_TEST),
    "country211": Torchvision("Country211", _splits("train", "valid", "test")),
    "dtd": Torchvision("DTD", _splits("train", "val", "test")),
    "emnist": Torchvision(
        "EMNIST", {split: {"split": "balanced", **TRAIN_TEST[split]} for split in TRAIN_TEST}
    ),
    "eurosat": Torchvision("EuroSAT", WHOLE),
    "fashion-mnist": Torchvision("FashionMNIST", TRAIN_TEST),
    "fgvc-aircraft": Torchvision("FGVCAircraft", _splits("train", "val", "trainval", "test")),
    "flowers102": Torchvision("Flowers102", _splits("train", "val", "test")),
    "food101": Torchvision("Food101", _splits("train", "test")),
    "gtsrb": Torchvision("GTSRB", _splits("train", "test")),
    "imagenette": Torchvision("Imagenette", _splits("train", "val")),
    "kmnist": Torchvision("KMNIST", TRAIN_TEST),
    "mnist": Torchvision("MNIST", TRAIN_TEST),
    "oxford-iiit-pet": Torchvision("OxfordIIITPet", _splits("trainval", "test")),
    "pcam": Torchvision("PCAM", _splits("train", "val", "test")),
    "qmnist": Torchvision("QMNIST", TRAIN_TEST),
    "semeion": Torchvision("SEMEION", WHOLE),
    "stl10": Torchvision("STL10", _splits("train", "test", "unlabeled", "train+unlabeled")),
    "sun397": Torchvision("SUN397", WHOLE),
    "svhn": Torchvision("SVHN", _splits("train", "test", "extra")),
    "usps": Torchvision("USPS", TRAIN_TEST),
}

SPLITS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    **dict.fromkeys(("digits", f"{STACKED}digits", *MIXTURES), WHOLE),
    f"{STACKED}fashion-mnist": TRAIN_TEST,
    **{name: each.splits for name, each in TORCHVISION.items()},
}
"""Of each dataset, the default first."""


def dataset_names() -> tuple[str, ...]:
    """What can stand after ``dataset:``, in order."""
    return tuple(sorted(SPLITS))


def open_named(text: str, name: str, how: How) -> IndexedImages:
    """``NAME`` or ``NAME:SPLIT`` of `dataset_names` => its images, with class names as labels.

    ``digits`` comes with scikit-learn: 1,797 of 8x8, their levels 0 .. 16 spread to 0 .. 255 by
    round(255 v / 16), halves up. ``ring8`` and ``grid25`` are 10,000 points of those mixtures,
    always the same, labelled with their modes; ``stacked-digits`` and ``stacked-fashion-mnist``
    10,000 stacks of three grey images, labelled ``000`` to ``999``. ``fashion-mnist`` is read from
    Debian's package dataset-fashion-mnist, or from the folder that GANDIAG_FASHION_MNIST names.
    Everything else, and fashion-mnist where that is missing, is read by torchvision from gandiag's
    cache folder, where `fetch_dataset` puts it.

    Raises:
        GandiagError: there is no such dataset or split, or it was not fetched.
    """
    how = how._replace(value_range=None)  # none of them has floats but for points
    dataset, chosen = _chosen(text, name)
    if dataset in MIXTURES:
        return _mixture(dataset, name, how)
    if dataset == "digits":
        levels, targets = _digits()
        return open_array(levels[..., np.newaxis], name, how, [str(t) for t in targets])
    if dataset.startswith(STACKED):
        grey = _digits() if dataset == f"{STACKED}digits" else _grey_fashion(chosen, name)
        images, labels = stacks(*grey)
        return open_array(images, name, how, labels)
    if dataset == "fashion-mnist" and (folder := _fashion_folder()) is not None:
        images, targets = _fashion(folder, chosen)
        labels = [FASHION_CLASSES[target] for target in targets]
        return open_array(images[..., np.newaxis], name, how, labels)
    opened = _torchvision(dataset, chosen, name)
    return open_dataset(opened, name, how, _digest_of(opened))


def fetch_dataset(name: str, tell: Tell = lambda _done, _total: None) -> Path:
    """Download a dataset of `dataset_names` with torchvision, which checks its digest.

    The one place where a dataset is fetched; what is already here is not fetched again.

    Args:
        name: as after ``dataset:``, or with it; without a split the default one is fetched.
        tell: called at the end with the bytes of all datasets that are here, twice.

    Returns:
        The folder of all datasets, in gandiag's cache folder.

    Raises:
        GandiagError: there is no such dataset or split, it needs no fetching, or it cannot be
            fetched.
    """
    dataset, split = _chosen(name.removeprefix("dataset:"), name)
    dataset = dataset.removeprefix(STACKED)
    if dataset not in TORCHVISION:
        raise GandiagError(
            f"{name} comes with gandiag; score it as it is, nothing is to be fetched"
        )
    folder = _datasets_folder()
    try:
        _made(dataset, split, download=True)
    except (OSError, RuntimeError, ImportError) as error:
        reason = textwrap.shorten(str(error).rstrip("."), 160, placeholder=" ...")
        raise GandiagError(
            f"{name} cannot be fetched into {display(folder)} ({reason}); {_other_ways(dataset)}"
            "fetch it where there is a network, and copy that folder here"
        ) from error
    here = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    tell(here, here)
    return folder


def is_map_style(thing: object) -> bool:
    """Whether something is a torch Dataset with items by number."""
    return isinstance(thing, Dataset) and not isinstance(thing, IterableDataset)


def open_dataset(
    dataset: Any,
    name: str,
    how: How,
    digest: Digest = lambda _: None,
) -> IndexedImages:
    """A map-style torch Dataset, or a list, of samples as `samples.split_sample` takes them apart.

    An image is a Pillow image (any mode, treated as in `decode`, but never turned: the Dataset has
    decided that), or of shape (1|3|4, H, W), (H, W, 1|3|4) or (H, W), uint8 or floats of which the
    range is stated. Items are read in the caller's thread, because nothing says that a Dataset may
    be used from several.

    Raises:
        GandiagError: it is empty.
    """
    classes = getattr(dataset, "classes", None)
    names = classes if _are_strings(classes) else None

    def read(index: int) -> Decoded:
        shown = f"{name}[{index}]"
        try:
            item = dataset[index]
        except (OSError, SyntaxError) as error:  # what Pillow raises for damaged files
            raise UnreadableError(f"the Dataset cannot read it ({error})") from error
        image, label = split_sample(item, shown)
        return as_image(image, shown, how.value_range)._replace(label=as_label(label, names))

    if not len(dataset):
        raise GandiagError(f"{name} is an empty Dataset; give one with at least one image")
    return IndexedImages(
        name=name,
        names=[f"{name}[{index}]" for index in range(len(dataset))],
        read=read,
        digest=digest,
        on_bad_image=how.on_bad_image,
        value_range=how.value_range,
        stamped=digest,
        labels_inside=True,
    )


def are_samples(thing: object) -> bool:
    """Whether something is a list that begins with a Pillow image, or a sample that has one."""
    first = thing[0] if isinstance(thing, list | tuple) and thing else None
    return isinstance(first, Image.Image) or (
        isinstance(first, list | tuple | Mapping)
        and any(
            isinstance(part, Image.Image)
            for part in (first.values() if isinstance(first, Mapping) else first[:1])
        )
    )


def open_samples(samples: Sequence[object], name: str, how: How) -> IndexedImages:
    """A list of Pillow images, or of samples that have one."""

    def digest(_: Sequence[int]) -> str:
        whole = hashlib.sha256()
        for index in range(len(samples)):
            try:
                image = source.read(index)
            except UnreadableError as error:
                whole.update(repr(error).encode())
                continue
            whole.update(repr((tuple(image.pixels.shape), image.codes, image.label)).encode())
            whole.update(image.pixels.numpy().data)
        return whole.hexdigest()

    source = open_dataset(samples, name, how, digest)
    return source


def is_hugging_face(thing: object) -> bool:
    """Whether it is a Dataset, or several, of the library `datasets`, which is not imported."""
    return type(thing).__module__.partition(".")[0] == "datasets" and hasattr(thing, "column_names")


def _classes(dataset: Any) -> list[str] | None:
    """What the integers in its column of labels stand for, where it says so."""
    features = dataset.features or {}
    label = key_among(features, LABEL_KEYS)
    names = None if label is None else getattr(features[label], "names", None)
    return list(names) if names is not None and _are_strings(names) else None


def open_hugging_face(dataset: Any, name: str, how: How) -> IndexedImages | StreamImages:
    """A `datasets.Dataset` with a column of images, and perhaps one of labels.

    An `IterableDataset` of that library is a stream.

    Their names are those of `samples.split_sample`; an integer label has the name that the column's
    ClassLabel gives it.

    Raises:
        GandiagError: it has no such column, is empty, or is several splits.
    """
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__"):
        return open_stream(dataset, name, how, _classes(dataset))
    if isinstance(dataset, Mapping):
        splits = ", ".join(map(str, dataset))
        raise GandiagError(f"{name} has the splits {splits}; give one of them")
    columns = dataset.column_names
    image, label = key_among(columns, IMAGE_KEYS), key_among(columns, LABEL_KEYS)
    if image is None:
        raise GandiagError(f"{name} has the columns {', '.join(columns)}, none of images; {WAYS}")
    source = open_dataset(dataset.select_columns([image]), name, how)
    if label is None:
        return replace(source, labels_inside=False)
    names = _classes(dataset)
    labels = as_labels(list(dataset[label]), len(dataset), names)
    return replace(source, labels=labels, labels_inside=False)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of unsigned bytes in a gzipped IDX file, the format of MNIST.

    Source: Yann LeCun's description beside MNIST: two zero bytes, the type (8: unsigned byte), the
    number of dimensions, each as a big-endian 32-bit integer, then the data.

    Raises:
        GandiagError: it is something else, truncated, or above a gigabyte.
    """
    try:
        with gzip.open(path) as file:
            zeros, kind, ndim = struct.unpack(">HBB", file.read(4))
            if (zeros, kind) != (0, 8) or not 1 <= ndim <= 4:
                raise ValueError("it does not begin as IDX of unsigned bytes does")
            shape = struct.unpack(f">{ndim}I", file.read(4 * ndim))
            count = math.prod(shape)
            if count > MAX_IDX_BYTES:
                raise ValueError(f"it says it has {count:,} bytes of data")
            data = file.read(count + 1)
            if len(data) != count:
                raise ValueError(f"it has not the {count:,} bytes of data that it says")
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        raise GandiagError(
            f"{display(path)} is not a whole gzipped IDX file ({error}); get it again"
        ) from error
    return np.frombuffer(data, np.uint8).reshape(shape)


def _digits() -> Grey:
    # Imported here, for it takes a second.
    from sklearn.datasets import load_digits

    digits = load_digits()
    levels = np.floor(digits.images * 255 / 16 + 0.5).astype(np.uint8)
    return levels, digits.target


def _mixture(dataset: str, name: str, how: How) -> IndexedImages:
    points, modes = MIXTURES[dataset](POINTS, torch.Generator().manual_seed(SEED))
    labels = [str(mode) for mode in modes.tolist()]
    return open_points(points.numpy(), name, how, labels, mixture=MIXTURES[dataset])


def _fashion_folder() -> Path | None:
    """Where Fashion-MNIST lies, if it does."""
    named = os.environ.get("GANDIAG_FASHION_MNIST")
    folder = Path(named).expanduser() if named else DEBIAN_FASHION_MNIST
    if folder.is_dir():
        return folder
    if named:
        raise GandiagError(
            f"GANDIAG_FASHION_MNIST is {display(named)}, which is not a folder; "
            "name the one with the four .gz files"
        )
    return None


def _fashion(folder: Path, split: str) -> Grey:
    prefix = {"train": "train", "test": "t10k"}[split]
    images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
    targets = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
    if images.ndim != 3 or targets.shape != images.shape[:1] or targets.max(initial=0) > 9:
        raise GandiagError(
            f"the {prefix} files in {display(folder)} hold {images.shape} images and "
            f"{targets.shape} labels, not Fashion-MNIST; get them again"
        )
    return images, targets


def _grey_fashion(split: str, name: str) -> Grey:
    if (folder := _fashion_folder()) is not None:
        return _fashion(folder, split)
    opened = _torchvision("fashion-mnist", split, name)
    return np.asarray(opened.data), np.asarray(opened.targets)


def _splits_of(dataset: str, name: str) -> Mapping[str, Mapping[str, object]]:
    if dataset not in SPLITS:
        like = closest(dataset, dataset_names())
        hint = f"did you mean dataset:{like}? " if like else ""
        raise GandiagError(
            f"{name} is not a dataset by that name; {hint}known are {', '.join(dataset_names())}"
        )
    return SPLITS[dataset]


def _chosen(text: str, name: str) -> tuple[str, str]:
    """``NAME`` or ``NAME:SPLIT`` => the dataset and the split, the default one if none is named."""
    dataset, _, split = text.partition(":")
    splits = _splits_of(dataset, name)
    chosen = split or next(iter(splits))
    if chosen not in splits:
        raise GandiagError(f"{name} has no split {split!r}; it has {', '.join(splits)}")
    return dataset, chosen


def _datasets_folder() -> Path:
    return cache_folder() / "datasets"


def _torchvision(dataset: str, split: str, name: str) -> Any:
    try:
        return _made(dataset, split, download=False)
    except (OSError, RuntimeError, ImportError) as error:
        default = next(iter(TORCHVISION[dataset].splits))
        wanted = dataset if split == default else f"{dataset}:{split}"
        reason = textwrap.shorten(str(error).rstrip("."), 160, placeholder=" ...")
        raise GandiagError(
            f"{name} is not whole in {display(_datasets_folder())} ({reason}); "
            f"{_other_ways(dataset)}run `gandiag weights fetch dataset:{wanted}`"
        ) from error


def _made(dataset: str, split: str, *, download: bool) -> Any:
    import torchvision.datasets

    known = TORCHVISION[dataset]
    # Some print that they are already there, which would end up in `--json -`.
    with contextlib.redirect_stdout(sys.stderr):
        return getattr(torchvision.datasets, known.factory)(
            root=str(_datasets_folder()), download=download, **known.splits[split]
        )


def _other_ways(dataset: str) -> str:
    if dataset != "fashion-mnist":
        return ""
    return (
        "apt-get install dataset-fashion-mnist, or set GANDIAG_FASHION_MNIST to a folder with its "
        "four .gz files, or "
    )


def _digest_of(dataset: Any) -> Digest:
    """Of the pixels, if the dataset holds them in memory; else none, for reading all is dear."""
    data = getattr(dataset, "data", None)
    if not isinstance(data, Tensor | np.ndarray):
        return lambda _: None
    pixels = bytes_of(data, type(dataset).__name__)
    targets = getattr(dataset, "targets", getattr(dataset, "labels", None))
    return lambda _: fingerprint.of_array(pixels, [str(np.asarray(targets).tolist())])


def _are_strings(values: object) -> bool:
    return isinstance(values, Sequence) and all(isinstance(value, str) for value in values)
