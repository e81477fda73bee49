"""Which kind of source something is: tables of kinds, and one way through them.

A source is a file beside this one with `recognise` and `open`, and a row in `FILES` or `OBJECTS`.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gandiag.errors import GandiagError
from gandiag.sources.archive import is_tar, open_tar
from gandiag.sources.arrays import open_array
from gandiag.sources.base import ImageSource
from gandiag.sources.checkpoint import is_checkpoint, open_checkpoint
from gandiag.sources.datasets import dataset_names, open_named
from gandiag.sources.features import open_features
from gandiag.sources.folder import are_paths, open_files, open_folder
from gandiag.sources.generated import (
    GeneratedImages,
    Generator,
    open_generated,
    open_module,
    open_sample,
    takes_one,
)
from gandiag.sources.how import How, asked
from gandiag.sources.images import OnBadImage
from gandiag.sources.map_style import (
    are_samples,
    is_hugging_face,
    is_map_style,
    open_dataset,
    open_hugging_face,
    open_samples,
)
from gandiag.sources.naming import did_you_mean, display, extension
from gandiag.sources.notes import ValueRange
from gandiag.sources.npy import is_npy, open_npy
from gandiag.sources.refused import (
    is_called_otherwise,
    is_pickle,
    is_picture,
    refuse_damaged,
    refuse_pickle,
    refuse_picture,
)
from gandiag.sources.stream import open_stream
from gandiag.sources.tensors import is_safetensors, open_safetensors
from gandiag.sources.zipped import StatisticsFile, is_zip, open_zipped

FULL = "give the whole path"

HEAD_BYTES = 512
"""As many of a file are read to recognise it: a .tar says what it is at byte 257."""


class FileKind(NamedTuple):
    """A kind of regular file."""

    recognise: Callable[[bytes, str], bool]
    """The first `HEAD_BYTES` and the extension, as ``npz`` => whether it is of this kind."""
    open: Callable[[Path, str, How], ImageSource | StatisticsFile]
    """The path, what to call the source, how to read it => the source, or a `GandiagError`."""
    called: tuple[str, ...] = ()
    """What such files are called, where they are offered; those that are refused are not."""


class ObjectKind(NamedTuple):
    """A kind of object."""

    recognise: Callable[[object], bool]
    open: Callable[[Any, str, How], ImageSource]


FILES = (  # the first that recognises a file opens it
    FileKind(is_pickle, refuse_pickle),
    FileKind(is_npy, open_npy, (".npy",)),
    FileKind(is_zip, open_zipped, (".zip", ".npz")),
    FileKind(is_tar, open_tar, (".tar",)),
    FileKind(is_safetensors, open_safetensors, (".safetensors",)),
    FileKind(is_called_otherwise, refuse_damaged),
    FileKind(is_picture, refuse_picture),
)

OBJECTS = (
    ObjectKind(lambda thing: isinstance(thing, Tensor | np.ndarray), open_array),
    # Before iterables: an nn.Sequential is one of its layers.
    ObjectKind(lambda thing: isinstance(thing, nn.Module), open_module),
    ObjectKind(is_hugging_face, open_hugging_face),
    ObjectKind(is_map_style, open_dataset),
    ObjectKind(are_paths, open_files),
    ObjectKind(are_samples, open_samples),
    ObjectKind(lambda thing: isinstance(thing, Iterable), open_stream),
    ObjectKind(takes_one, open_sample),
)

OFFERED = ", ".join(sorted((name for kind in FILES for name in kind.called), reverse=True))
KINDS = f"a folder, {OFFERED}, a checkpoint, dataset:NAME or features:FILE"


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

            - the path of a folder, .zip, .tar (also compressed, also of WebDataset), .npz, .npy or
              .safetensors; ``dataset:NAME`` or ``dataset:NAME:SPLIT``; ``features:FILE``, a .npy or
              .npz of features that were extracted before; a checkpoint of a generator, or a run
              (its newest checkpoint);
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
    how = asked(on_bad_image, value_range, seed, device)
    if isinstance(thing, ImageSource | StatisticsFile):
        return thing
    if generator is not None:
        return _open_weights(thing, name, how, generator)
    if isinstance(thing, str):
        for prefix, open_rest in PREFIXES.items():
            if thing.startswith(prefix):
                return open_rest(thing.removeprefix(prefix), name or thing, how)
    if isinstance(thing, str | os.PathLike):
        return _open_path(thing, name or display(thing), how)
    return _open_object(thing, name or _called(thing), how)


def _called(thing: object) -> str:
    """``Pictures`` for an object of that class, ``draw`` for a function of that name."""
    return getattr(thing, "__name__", None) or type(thing).__name__


def _open_object(thing: object, name: str, how: How) -> ImageSource:
    for kind in OBJECTS:
        if kind.recognise(thing):
            return kind.open(thing, name, how)
    hint = "; call it and give what it returns" if callable(thing) else ""
    raise GandiagError(
        f"images cannot be read from {name}{hint}; "
        f"give {KINDS}, a uint8 tensor, a torch Dataset or an iterable of batches"
    )


def _open_weights(
    thing: object, name: str | None, how: How, generator: Generator
) -> GeneratedImages:
    if not isinstance(thing, str | os.PathLike) or not _expanded(thing).is_file():
        raise GandiagError(
            f"{thing} is no file, and a generator needs one of weights; "
            "give a state dict (.safetensors, or as torch.save writes it)"
        )
    return open_generated(_expanded(thing), name or display(thing), how, generator)


def _expanded(thing: str | os.PathLike[str]) -> Path:
    """A path with a home folder in the place of ``~``."""
    try:
        return Path(thing).expanduser()
    except RuntimeError as error:
        raise GandiagError(
            f"{display(thing)} names a home folder that is not known; {FULL}"
        ) from error


def _open_path(thing: str | os.PathLike[str], name: str, how: How) -> ImageSource | StatisticsFile:
    with _there(thing) as path:
        if path.is_dir():
            return (open_checkpoint if is_checkpoint(path) else open_folder)(path, name, how)
        return _open_file(_regular(path, KINDS), name, how)


def _open_feature_file(text: str, name: str, how: How) -> ImageSource:
    with _there(text) as path:
        ways = "features:FILE.npz or features:FILE.npy"
        return open_features(_regular(path, ways), name, how)


PREFIXES: Mapping[str, Callable[[str, str, How], ImageSource]] = {
    "dataset:": open_named,
    "features:": _open_feature_file,
}
"""Of words that are no path => what opens the rest of the word."""


def _open_file(path: Path, name: str, how: How) -> ImageSource | StatisticsFile:
    """What a regular file holds."""
    shown = display(path)
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise GandiagError(f"{shown} is an empty file (0 bytes); give {KINDS}")
    for kind in FILES:
        if kind.recognise(head, extension(path.name)):
            return kind.open(path, name, how)
    raise GandiagError(f"{shown} is a file that images are not read from; give {KINDS}")


def _regular(path: Path, ways: str) -> Path:
    """`path`, if opening it does not wait as a pipe would."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise GandiagError(f"{display(path)} is not a regular file; give {ways}")
    return path


@contextlib.contextmanager
def _there(thing: str | os.PathLike[str]) -> Iterator[Path]:
    """The path of something that exists; what fails while it is read is told in one sentence."""
    if not os.fspath(thing):
        raise GandiagError(f"the name of the images is empty; give {KINDS}")
    path = _expanded(thing)
    shown = display(path)
    try:
        path.stat()
        yield path
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
