"""Images in a folder and the folders below it."""

import errno
import os
import stat
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from gandiag.errors import GandiagError
from gandiag.sources import fingerprint
from gandiag.sources.base import Note
from gandiag.sources.batching import THREADS
from gandiag.sources.decode import EXTENSIONS, MAX_BYTES, Decoded, UnreadableError, decode
from gandiag.sources.how import How
from gandiag.sources.images import IndexedImages
from gandiag.sources.naming import (
    class_labels,
    display,
    extension,
    is_hidden,
    no_image_in,
    passed_over,
)

WAYS = 1000
"""So often a folder may be reached: links to links double the ways at each level."""


def open_folder(root: Path, name: str, how: How) -> IndexedImages:
    """All images in `root` and below, sorted by relative path, byte by byte.

    Dot files and ``__MACOSX`` are passed over. Links are followed; a link to nothing is a bad
    image. When no image lies in `root` itself, the first folder of each path is its class.

    Raises:
        GandiagError: there is no image, a folder cannot be listed, a link leads back to a folder
            above it.
    """
    paths, others = survey(root)
    shown = display(root)

    def read(index: int) -> Decoded:
        return decode(read_bytes(root / paths[index]), extension(paths[index]))

    return IndexedImages(
        name=name,
        names=[os.path.join(shown, display(path)) for path in paths],
        read=read,
        labels=class_labels(paths),
        digest=lambda chosen: fingerprint.of_folder(root, paths, chosen),
        on_bad_image=how.on_bad_image,
        threads=THREADS,
        stamped=lambda chosen: fingerprint.stamp_of_files(root / paths[i] for i in chosen),
        passed_over=others,
    )


def are_paths(thing: object) -> bool:
    """Whether something is a list of paths."""
    return (
        isinstance(thing, list | tuple)
        and len(thing) > 0
        and all(isinstance(each, str | os.PathLike) for each in thing)
    )


def open_files(given: Sequence[str | os.PathLike[str]], name: str, how: How) -> IndexedImages:
    """A list of paths of image files, in the order given; they have no labels."""
    paths = [Path(path).expanduser() for path in given]

    def read(index: int) -> Decoded:
        path = paths[index]
        if path.is_dir():
            raise UnreadableError("it is a folder: give that alone, or the files in it")
        if not os.path.lexists(path):
            raise UnreadableError("it does not exist")
        return decode(read_bytes(path), extension(path.name))

    return IndexedImages(
        name=name,
        names=[display(path) for path in paths],
        read=read,
        digest=lambda chosen: fingerprint.of_files(paths, chosen),
        on_bad_image=how.on_bad_image,
        threads=THREADS,
        stamped=lambda chosen: fingerprint.stamp_of_files(paths[i] for i in chosen),
    )


def list_images(root: Path) -> list[str]:
    """Paths of the images, relative to `root`, with ``/`` between the parts, in order.

    Raises:
        GandiagError: see `open_folder`.
    """
    return survey(root)[0]


def survey(root: Path) -> tuple[list[str], Note | None]:
    """The same, and a note of the files that are no images.

    Raises:
        GandiagError: see `open_folder`.
    """
    found: list[str] = []
    others: list[str] = []
    ways: Counter[tuple[int, int]] = Counter()
    # (folder, relative path to it with a slash at the end, the folders above it)
    pending: list[tuple[Path, str, frozenset[tuple[int, int]]]] = [(root, "", frozenset())]
    while pending:
        folder, prefix, above = pending.pop()
        try:
            status = folder.stat()
            identity = status.st_dev, status.st_ino
            if identity in above:
                raise OSError(errno.ELOOP, "")
            ways[identity] += 1
            if ways[identity] > WAYS:
                raise GandiagError(
                    f"{display(folder)} is reached by more than {WAYS:,} ways through links; "
                    "remove links until each image is there once"
                )
            with os.scandir(folder) as entries:
                visible = [entry for entry in entries if not is_hidden(entry.name)]
            for entry in visible:
                relative = prefix + entry.name
                if entry.is_dir():
                    pending.append((folder / entry.name, relative + "/", above | {identity}))
                elif extension(entry.name) in EXTENSIONS or _may_be_lost_folder(entry):
                    found.append(relative)
                else:
                    others.append(relative)
        except OSError as error:
            place = display(error.filename or folder)
            if error.errno == errno.ELOOP:
                raise GandiagError(
                    f"{place} is a link that leads back to itself or a folder above it; remove it"
                ) from error
            raise GandiagError(
                f"cannot list {place}: {(error.strerror or str(error)).lower()}; "
                "give a folder that you may read, with all folders in it"
            ) from error
    if not found:
        raise GandiagError(no_image_in(display(root), "folder", others))
    return sorted(found, key=os.fsencode), passed_over(found, others, display(root))


def read_bytes(path: Path) -> bytes:
    """A whole image file.

    Raises:
        UnreadableError: it is a broken link, not a regular file, too large or not permitted.
    """
    try:
        # Asked before it is opened, because opening a named pipe would wait for ever.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("it is not a regular file")
        if status.st_size > MAX_BYTES:
            raise UnreadableError(
                f"it has {status.st_size:,} bytes, above the limit of {MAX_BYTES:,}"
            )
        return path.read_bytes()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise UnreadableError(
                f"it is a link to {display(os.readlink(path))}, which does not exist"
            ) from error
        raise UnreadableError("it is no longer there") from error
    except OSError as error:
        raise UnreadableError((error.strerror or str(error)).lower()) from error


def _may_be_lost_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a broken link that could have led to a folder of images: not passed over."""
    return not extension(entry.name) and entry.is_symlink() and not os.path.exists(entry.path)
