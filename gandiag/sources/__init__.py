"""Images from anywhere: `open_source` finds out what it was given."""

import os
import stat
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from gandiag.errors import GandiagError
from gandiag.sources.archive import COMPRESSED, damaged, open_tar, open_zip
from gandiag.sources.arrays import holds_statistics, open_array, open_npy, open_npz
from gandiag.sources.base import Batch, ImageSource, Note
from gandiag.sources.checkpoint import checkpoints, is_checkpoint, open_checkpoint
from gandiag.sources.datasets import dataset_names, open_dataset, open_named
from gandiag.sources.decode import EXTENSIONS
from gandiag.sources.folder import open_folder
from gandiag.sources.generated import Draw, GeneratedImages, Generator, Sample, open_generated
from gandiag.sources.images import IndexedImages, OnBadImage
from gandiag.sources.naming import did_you_mean, display, extension
from gandiag.sources.stream import open_stream

__all__ = [
    "Batch",
    "Draw",
    "GeneratedImages",
    "Generator",
    "ImageSource",
    "Note",
    "Sample",
    "StatisticsFile",
    "checkpoints",
    "dataset_names",
    "open_source",
]

KINDS = "a folder, .zip, .tar, .npz, .npy, a checkpoint or dataset:NAME"
PICKLES = frozenset({"pkl", "pickle", "pt", "pth", "ckpt"})
TARS = frozenset({"tar", "tgz", "tbz2", "txz"})


@dataclass(frozen=True)
class StatisticsFile:
    """An .npz of saved statistics, in place of the images they were taken of."""

    path: Path
    name: str


def open_source(
    thing: object,
    *,
    on_bad_image: OnBadImage = "fail",
    name: str | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
    generator: Generator | None = None,
) -> ImageSource | StatisticsFile:
    """Anything that images can come from => an `ImageSource`.

    Args:
        thing: A path to a folder, .zip, .tar (also compressed), .npz or .npy; ``dataset:NAME``; a
            checkpoint of a generator, or a run (its newest checkpoint);
            (N, 3|1, H, W) or (N, H, W, 3|1) uint8 as a tensor or an array; a torch Dataset of
            images or (image, label) pairs; an iterable of batches or (batch, labels) pairs. A
            source is given back as it is. A file is known by its content, not by its name.
        on_bad_image: What to do about an image that cannot be read: stop, or leave it out and say
            so in a note.
        name: What to call it; by default the path, or the kind of object.
        seed: Of a checkpoint's samples; each has a seed of its own that comes from it.
        device: Where a checkpoint's network runs.
        generator: The code that knows the weights in the file `thing`, where no installed package
            does.

    Returns:
        The source; or a `StatisticsFile` for an .npz with `mu` and `sigma`, or of our own format,
        even if it holds images too.

    Raises:
        GandiagError: it is none of these, or there is no image in it.
    """
    if on_bad_image not in ("fail", "skip"):
        raise GandiagError(f"on_bad_image is {on_bad_image!r}; it must be 'fail' or 'skip'")
    if isinstance(thing, ImageSource | StatisticsFile):
        return thing
    if generator is not None:
        return _open_weights(thing, name, generator, seed, torch.device(device))
    if isinstance(thing, str) and thing.startswith("dataset:"):
        return open_named(thing.removeprefix("dataset:"), name or thing, on_bad_image)
    if isinstance(thing, str | os.PathLike):
        return _open_path(thing, name, on_bad_image, seed, torch.device(device))
    called = name or type(thing).__name__
    if isinstance(thing, Tensor | np.ndarray):
        return open_array(thing, called, on_bad_image)
    if isinstance(thing, Dataset) and not isinstance(thing, IterableDataset):
        return open_dataset(thing, called, on_bad_image)
    if isinstance(thing, Iterable):
        return open_stream(thing, called)
    hint = "; call it and give what it returns" if callable(thing) else ""
    raise GandiagError(
        f"images cannot be read from {called}{hint}; "
        f"give {KINDS}, a uint8 tensor, a torch Dataset or an iterable of batches"
    )


def _open_weights(
    thing: object, name: str | None, generator: Generator, seed: int, device: torch.device
) -> GeneratedImages:
    if not isinstance(thing, str | os.PathLike) or not Path(thing).expanduser().is_file():
        raise GandiagError(
            f"{thing} is no file, and a generator needs one of weights; "
            "give a state dict (.safetensors, or as torch.save writes it)"
        )
    path = Path(thing).expanduser()
    return open_generated(path, name or display(thing), generator, seed=seed, device=device)


def _open_path(
    thing: str | os.PathLike[str],
    name: str | None,
    on_bad_image: OnBadImage,
    seed: int,
    device: torch.device,
) -> ImageSource | StatisticsFile:
    if not os.fspath(thing):
        raise GandiagError(f"the name of the images is empty; give {KINDS}")
    path = Path(thing).expanduser()
    shown = display(path)
    called = name or display(thing)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode) and is_checkpoint(path):
            return open_checkpoint(path, called, seed=seed, device=device)
        if stat.S_ISDIR(status.st_mode):
            return open_folder(path, called, on_bad_image)
        if not stat.S_ISREG(status.st_mode):
            raise GandiagError(f"{shown} is not a regular file; give {KINDS}")
        with path.open("rb") as file:
            head = file.read(512)
        return _open_file(path, head, called, on_bad_image)
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.is_symlink():
            raise GandiagError(
                f"{shown} is a link to {display(os.readlink(path))}, which does not exist; "
                f"give {KINDS}"
            ) from error
        raise GandiagError(f"{shown} does not exist; {did_you_mean(path)}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise GandiagError(f"cannot read {shown}: {reason.lower()}; give {KINDS}") from error


def _open_file(
    path: Path, head: bytes, name: str, on_bad_image: OnBadImage
) -> IndexedImages | StatisticsFile:
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
        return open_npy(path, name, on_bad_image)
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return _open_pk(path, name, on_bad_image)
    if kind in TARS or head[257:262] == b"ustar" or head.startswith(tuple(COMPRESSED)):
        return open_tar(path, name, on_bad_image)
    if kind in ("zip", "npz", "npy"):
        raise damaged(path, kind, ValueError(f"it begins with {head[:8]!r}"))
    if kind in EXTENSIONS:
        raise GandiagError(f"{shown} is one image; give the folder that it lies in")
    raise GandiagError(f"{shown} is a file that images are not read from; give {KINDS}")


def _open_pk(path: Path, name: str, on_bad_image: OnBadImage) -> IndexedImages | StatisticsFile:
    """A file with the signature of zip: images, numpy arrays, or a pickle of torch's."""
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
        return open_zip(path, archive, name, on_bad_image)
    if holds_statistics(archive):
        return StatisticsFile(path, name)
    return open_npz(path, archive, name, on_bad_image)
