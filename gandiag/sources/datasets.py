"""Datasets by name: ``dataset:NAME`` or ``dataset:NAME:SPLIT``."""

import contextlib
import os
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gandiag.errors import GandiagError, closest
from gandiag.files import cache_folder
from gandiag.sources import fingerprint
from gandiag.sources.arrays import bytes_of, open_array
from gandiag.sources.how import How
from gandiag.sources.idx import read_idx
from gandiag.sources.images import Digest, IndexedImages
from gandiag.sources.map_style import open_dataset
from gandiag.sources.mixtures import MIXTURES
from gandiag.sources.naming import display
from gandiag.sources.points import open_points
from gandiag.sources.stacks import stacks

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
