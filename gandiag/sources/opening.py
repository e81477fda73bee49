"""Which kind of source something is."""

import os
import stat
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset

from gandiag.errors import GandiagError
from gandiag.sources import fingerprint
from gandiag.sources.archive import COMPRESSED, damaged, open_tar, open_zip
from gandiag.sources.arrays import (
    checked_range,
    holds_images,
    holds_statistics,
    open_array,
    open_features,
    open_npy,
    open_npz,
)
from gandiag.sources.base import ImageSource
from gandiag.sources.checkpoint import is_checkpoint, open_checkpoint
from gandiag.sources.datasets import (
    are_samples,
    dataset_names,
    hugging_face_classes,
    is_hugging_face,
    open_dataset,
    open_hugging_face,
    open_named,
    open_samples,
)
from gandiag.sources.decode import EXTENSIONS
from gandiag.sources.folder import open_files, open_folder
from gandiag.sources.generated import (
    GeneratedImages,
    Generator,
    Sample,
    open_generated,
    open_module,
    open_sample,
    takes_one,
)
from gandiag.sources.images import IndexedImages, OnBadImage
from gandiag.sources.naming import did_you_mean, display, extension
from gandiag.sources.notes import ValueRange
from gandiag.sources.stream import open_stream

DATASET = "dataset:"
FEATURES = "features:"
KINDS = "a folder, .zip, .tar, .npz, .npy, a checkpoint, dataset:NAME or features:FILE"
FULL = "give the whole path"
PICKLES = frozenset({"pkl", "pickle", "pt", "pth", "ckpt"})
TARS = frozenset({"tar", "tgz", "tbz2", "txz"})


@dataclass(frozen=True)
class StatisticsFile:
    """An .npz of saved statistics, in place of the images they were taken of."""

    path: Path
    name: str
    images: bool = False
    """Whether it also holds images, which `images_of` opens."""


def open_source(
    thing: object,
    *,
    on_bad_image: OnBadImage = "fail",
    name: str | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
    generator: Generator | None = None,
    value_range: ValueRange | None = None,
) -> ImageSource | StatisticsFile:
    """Anything that images can come from => an `ImageSource`.

    Args:
        thing: One of these; a source is given back as it is, and a file is known by its content,
            not by its name:

            - the path of a folder, .zip, .tar (also compressed, also of WebDataset), .npz or .npy;
              ``dataset:NAME`` or ``dataset:NAME:SPLIT``; ``features:FILE``, an .npz or .npy of
              features that were extracted before; a checkpoint of a generator, or a run (its newest
              checkpoint);
            - a list of paths of image files, or of Pillow images, alone or with labels;
            - (N, 3|1, H, W) or (N, H, W, 3|1) as a tensor or an array; (N, d) floats are points;
            - a torch Dataset, a Dataset of Hugging Face, a DataLoader or another iterable of
              batches: of images, pairs or triples that begin with images and labels, or dicts with
              ``image`` and ``label``;
            - a generator: a function of random generators as in `Sample`, or an ``nn.Module`` that
              takes normal latents and says how many as ``z_dim``, ``latent_dim`` or ``nz``.
        on_bad_image: What to do about an image that cannot be read: stop, or leave it out and say
            so in a note.
        name: What to call it; by default the path, or the kind of object.
        seed: Of the samples of a generator; each has a seed of its own that comes from it.
        device: Where a checkpoint's network runs; an ``nn.Module`` runs where its weights are.
        generator: The code that knows the weights in the file `thing`, where no installed package
            does.
        value_range: What is black and what is white in images of floats, as (-1, 1). They become
            uint8, see `arrays.quantised`; a value outside is a bad image. Of no effect on uint8,
            files of images and points.

    Returns:
        The source; or a `StatisticsFile` for an .npz with `mu` and `sigma`, or of our own format,
        even if it holds images too, see `images_of`.

    Raises:
        GandiagError: it is none of these, there is no image in it, or its images are floats and
            their range is not stated.
    """
    if on_bad_image not in ("fail", "skip"):
        raise GandiagError(f"on_bad_image is {on_bad_image!r}; it must be 'fail' or 'skip'")
    value_range = checked_range(value_range)
    how = _How(on_bad_image, seed, _device(device), value_range)
    if isinstance(thing, ImageSource | StatisticsFile):
        return thing
    if generator is not None:
        return _open_weights(thing, name, generator, how)
    if isinstance(thing, str) and thing.startswith(DATASET):
        return open_named(thing.removeprefix(DATASET), name or thing, on_bad_image)
    if isinstance(thing, str) and thing.startswith(FEATURES):
        return _open_path(thing.removeprefix(FEATURES), name or thing, how, features=True)
    if isinstance(thing, str | os.PathLike):
        return _open_path(thing, name, how)
    return _open_object(thing, name or _called(thing), how)


def images_of(
    file: StatisticsFile, *, on_bad_image: OnBadImage, value_range: ValueRange | None = None
) -> IndexedImages:
    """The images that lie in an .npz beside statistics.

    Raises:
        GandiagError: there are none, see `StatisticsFile.images`, or the file cannot be read.
    """
    shown = display(file.path)
    if not file.images:
        raise GandiagError(f"{shown} holds statistics and no images; give the images themselves")
    stamped = fingerprint.steady(file.path)
    try:
        archive = zipfile.ZipFile(file.path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise damaged(file.path, "npz", error) from error
    return open_npz(
        file.path, archive, file.name, on_bad_image, checked_range(value_range), stamped
    )


class _How(NamedTuple):
    """How to open things, see `open_source`."""

    on_bad_image: OnBadImage
    seed: int
    device: torch.device
    value_range: ValueRange | None


def _device(device: str | torch.device) -> torch.device:
    try:
        return torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise GandiagError(
            f"the device is {device!r}; give cpu, cuda or another of torch"
        ) from error


def _called(thing: object) -> str:
    """``Pictures`` for an object of that class, ``draw`` for a function of that name."""
    return getattr(thing, "__name__", None) or type(thing).__name__


def _open_object(thing: object, name: str, how: _How) -> ImageSource:
    on_bad_image, seed, _, value_range = how
    if isinstance(thing, Tensor | np.ndarray):
        return open_array(thing, name, on_bad_image, value_range=value_range)
    if isinstance(thing, nn.Module):  # before iterables: an nn.Sequential is one of its layers
        return open_module(thing, name, seed=seed, value_range=value_range)
    if is_hugging_face(thing):
        if hasattr(thing, "__getitem__") and not isinstance(thing, IterableDataset):
            return open_hugging_face(thing, name, on_bad_image, value_range)
        names = hugging_face_classes(thing)
        return open_stream(cast(Iterable[object], thing), name, on_bad_image, value_range, names)
    if isinstance(thing, Dataset) and not isinstance(thing, IterableDataset):
        return open_dataset(thing, name, on_bad_image, value_range=value_range)
    if isinstance(thing, list | tuple) and thing:
        if all(isinstance(each, str | os.PathLike) for each in thing):
            return open_files(thing, name, on_bad_image)
        if are_samples(thing):
            return open_samples(thing, name, on_bad_image, value_range)
    if isinstance(thing, Iterable):
        return open_stream(thing, name, on_bad_image, value_range)
    if takes_one(thing):
        return open_sample(cast(Sample, thing), name, name, seed=seed, value_range=value_range)
    hint = "; call it and give what it returns" if callable(thing) else ""
    raise GandiagError(
        f"images cannot be read from {name}{hint}; "
        f"give {KINDS}, a uint8 tensor, a torch Dataset or an iterable of batches"
    )


def _open_weights(
    thing: object, name: str | None, generator: Generator, how: _How
) -> GeneratedImages:
    if not isinstance(thing, str | os.PathLike) or not _expanded(thing).is_file():
        raise GandiagError(
            f"{thing} is no file, and a generator needs one of weights; "
            "give a state dict (.safetensors, or as torch.save writes it)"
        )
    return open_generated(
        _expanded(thing),
        name or display(thing),
        generator,
        seed=how.seed,
        device=how.device,
        value_range=how.value_range,
    )


def _expanded(thing: str | os.PathLike[str]) -> Path:
    """A path with a home folder in the place of ``~``."""
    try:
        return Path(thing).expanduser()
    except RuntimeError as error:
        raise GandiagError(
            f"{display(thing)} names a home folder that is not known; {FULL}"
        ) from error


def _open_path(
    thing: str | os.PathLike[str], name: str | None, how: _How, *, features: bool = False
) -> ImageSource | StatisticsFile:
    if not os.fspath(thing):
        raise GandiagError(f"the name of the images is empty; give {KINDS}")
    path = _expanded(thing)
    shown = display(path)
    called = name or display(thing)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode) and not features:
            if is_checkpoint(path):
                return open_checkpoint(path, called, seed=how.seed, device=how.device)
            return open_folder(path, called, how.on_bad_image)
        if not stat.S_ISREG(status.st_mode):
            way = "features:FILE.npz or features:FILE.npy" if features else KINDS
            raise GandiagError(f"{shown} is not a regular file; give {way}")
        if features:
            return open_features(path, called, how.on_bad_image)
        with path.open("rb") as file:
            head = file.read(512)
        return _open_file(path, head, called, how)
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.is_symlink():
            raise GandiagError(
                f"{shown} is a link to {display(os.readlink(path))}, which does not exist; "
                f"give {KINDS}"
            ) from error
        if os.fspath(thing).partition(":")[0] in dataset_names():
            raise GandiagError(f"{shown} does not exist; did you mean dataset:{shown}?") from error
        raise GandiagError(f"{shown} does not exist; {did_you_mean(path)}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise GandiagError(f"cannot read {shown}: {reason.lower()}; give {KINDS}") from error


def _open_file(path: Path, head: bytes, name: str, how: _How) -> IndexedImages | StatisticsFile:
    """What a regular file holds, by how it begins; its extension only words the error."""
    shown = display(path)
    kind = extension(path.name)
    if not head:
        raise GandiagError(f"{shown} is an empty file (0 bytes); give {KINDS}")
    if kind in PICKLES or (head[0] == 0x80 and head[1:2] in (b"\2", b"\3", b"\4", b"\5")):
        raise GandiagError(
            f"{shown} is a pickle, which can run code when it is loaded, and is never read; "
            "save the images as a folder of PNG or a uint8 .npz"
        )
    if head.startswith(b"\x93NUMPY"):
        return open_npy(path, name, how.on_bad_image, how.value_range)
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return _open_pk(path, name, how)
    if kind in TARS or head[257:262] == b"ustar" or head.startswith(tuple(COMPRESSED)):
        return open_tar(path, name, how.on_bad_image)
    if kind in ("zip", "npz", "npy"):
        raise damaged(path, kind, ValueError(f"it begins with {head[:8]!r}"))
    if kind in EXTENSIONS:
        raise GandiagError(f"{shown} is one image; give the folder that it lies in")
    raise GandiagError(f"{shown} is a file that images are not read from; give {KINDS}")


def _open_pk(path: Path, name: str, how: _How) -> IndexedImages | StatisticsFile:
    """A file with the signature of zip: images, numpy arrays, or a pickle of torch's."""
    stamped = fingerprint.steady(path)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise damaged(path, "npz" if extension(path.name) == "npz" else "zip", error) from error
    members = [member for member in archive.namelist() if not member.endswith("/")]
    if any(member.endswith("data.pkl") for member in members):
        raise GandiagError(
            f"{display(path)} is a pickle of torch's, which can run code when it is loaded, and is "
            "never read; save the images as a folder of PNG or a uint8 .npz"
        )
    if not members or not all(member.endswith(".npy") for member in members):
        return open_zip(path, archive, name, how.on_bad_image, stamped)
    if holds_statistics(archive):
        return StatisticsFile(path, name, holds_images(path, archive))
    return open_npz(path, archive, name, how.on_bad_image, how.value_range, stamped)
