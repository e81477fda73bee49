"""Images in a .zip or .tar, read in place: nothing is ever extracted.

Members have the order, the labels and the passed-over names of a folder, with one difference: an
archive usually holds the folder itself, so that one first folder common to all members is not taken
for a class. Two members of one name are an error, because tools differ in which of them they give.
"""

import bz2
import gzip
import io
import lzma
import os
import posixpath
import shutil
import struct
import tarfile
import tempfile
import threading
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TypeVar

from gandiag.errors import GandiagError
from gandiag.sources import fingerprint
from gandiag.sources.base import Note
from gandiag.sources.batching import THREADS
from gandiag.sources.decode import EXTENSIONS, MAX_BYTES, Decoded, UnreadableError, decode
from gandiag.sources.how import How
from gandiag.sources.images import IndexedImages, Stamped
from gandiag.sources.naming import (
    below_common_top,
    class_labels,
    display,
    extension,
    is_hidden,
    no_image_in,
    passed_over,
    stem,
)

T = TypeVar("T")

DAMAGED = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, struct.error)

COMPRESSED: Mapping[bytes, Callable[[Path], io.BufferedIOBase]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
"""First bytes of a compressed .tar => how to decompress it."""

LABEL = "cls"
"""Extension of a label in WebDataset."""

LABEL_BYTES = 1024
"""What is longer is no label."""

TARS = frozenset({"tar", "tgz", "tbz2", "txz"})

READABLE_ZIP = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def open_zip(
    path: Path,
    archive: zipfile.ZipFile,
    name: str,
    how: How,
    stamped: Stamped | None = None,
) -> IndexedImages:
    """The images in a .zip.

    Raises:
        GandiagError: there is none, or they are encrypted, compressed in an unknown way, or two
            have one name.
    """
    stamped = stamped or fingerprint.steady(path)
    members, others = _images(path, ((_zip_name(info), info) for info in archive.infolist()))
    for member, info in members.items():
        if info.flag_bits & 1:
            raise GandiagError(
                f"{display(path)} is encrypted ({display(member)}); "
                "decrypt it, or unpack it and give the folder"
            )
        if info.compress_type not in READABLE_ZIP:
            raise GandiagError(
                f"{display(path)} is compressed with method {info.compress_type} "
                f"({display(member)}), which is not read; unpack it and give the folder"
            )

    # ZipFile locks around its file, and decompresses outside the lock.
    def read(info: zipfile.ZipInfo) -> bytes:
        _check_size(info.file_size)
        return archive.read(info)

    return _open(path, members, read, name, how, stamped, _note(path, members, others))


def is_tar(head: bytes, kind: str) -> bool:
    """Whether a file is a .tar or a compressed one, by its first bytes or its extension."""
    return kind in TARS or head[257:262] == b"ustar" or head.startswith(tuple(COMPRESSED))


def open_tar(path: Path, name: str, how: How) -> IndexedImages:
    """The images in a .tar, also compressed with gzip, bzip2 or xz.

    A compressed one has no random access: it is decompressed once, as a whole, into a temporary
    file that has no name and is gone with the source.

    When beside each image, as in WebDataset, lies a file with its name and the extension ``.cls``,
    that holds its label.

    Raises:
        GandiagError: there is none, two have one name, or the archive is truncated or damaged.
    """
    stamped = fingerprint.steady(path)
    try:
        with ExitStack() as on_error:
            file = on_error.enter_context(_uncompressed(path))
            archive = tarfile.TarFile(fileobj=file, encoding="utf-8", errors="surrogateescape")
            infos = archive.getmembers()
            file.seek(archive.offset)
            if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                raise tarfile.ReadError("it ends without the mark of its end")
            on_error.pop_all()
        weakref.finalize(archive, file.close)
    except DAMAGED as error:
        raise damaged(path, "tar", error) from error
    except OSError as error:
        raise GandiagError(
            f"cannot read {display(path)}: {(error.strerror or str(error)).lower()}; "
            "unpack it and give the folder"
        ) from error
    lock = threading.Lock()

    def read(info: tarfile.TarInfo) -> bytes:
        _check_size(info.size)
        with lock:
            member = archive.extractfile(info)  # in memory, and it follows links within the archive
            if member is None:
                raise UnreadableError("it is not a regular file")
            return member.read(MAX_BYTES)

    members, others = _images(path, ((info.name, info) for info in infos if not info.isdir()))
    short = {other: info for other, info in others.items() if info.size <= LABEL_BYTES}
    labels = _labels(members, short, read)
    if labels is not None:
        others = {other: info for other, info in others.items() if extension(other) != LABEL}
    note = _note(path, members, others)
    return _open(path, members, read, name, how, stamped, note, labels)


def damaged(path: Path, kind: str, error: Exception) -> GandiagError:
    """The sentence about an archive that is cut off or broken."""
    return GandiagError(
        f"{display(path)} is not a whole .{kind} file ({str(error).rstrip('.').lower()}): "
        "truncated, damaged or something else; get it again"
    )


def _images(path: Path, members: Iterable[tuple[str, T]]) -> tuple[dict[str, T], dict[str, T]]:
    """Member name => member, for those that are images, in order; and for the others."""
    found: dict[str, T] = {}
    others: dict[str, T] = {}
    for raw, member in members:
        name = posixpath.normpath(raw).lstrip("/")
        if raw.endswith("/") or any(is_hidden(part) for part in name.split("/") if part != ".."):
            continue
        if extension(name) not in EXTENSIONS:
            others[name] = member
            continue
        if name in found:
            raise GandiagError(
                f"{display(path)} holds {display(name)} twice; "
                "unpack it, keep the one you mean, and give the folder"
            )
        found[name] = member
    if not found:
        raise GandiagError(no_image_in(display(path), "archive", others))
    return {name: found[name] for name in sorted(found, key=os.fsencode)}, others


def _note(path: Path, images: Iterable[str], others: Iterable[str]) -> Note | None:
    return passed_over(images, others, display(path))


def _labels(
    images: Iterable[str], others: Mapping[str, T], read: Callable[[T], bytes]
) -> list[str] | None:
    """What the label files beside the images say, if each has one that can be read."""
    of_sample = {stem(name): info for name, info in others.items() if extension(name) == LABEL}
    found = [of_sample.get(stem(name)) for name in images]
    infos = [info for info in found if info is not None]
    if not infos or len(infos) != len(found):
        return None
    try:
        return [display(read(info).decode("utf-8", "surrogateescape").strip()) for info in infos]
    except (*DAMAGED, OSError, KeyError, RecursionError, UnreadableError):
        return None


def _open(
    path: Path,
    members: Mapping[str, T],
    read_member: Callable[[T], bytes],
    name: str,
    how: How,
    stamped: Stamped,
    others: Note | None,
    labels: Sequence[str] | None = None,
) -> IndexedImages:
    names = list(members)
    handles = list(members.values())
    shown = display(path)

    def read(index: int) -> Decoded:
        try:
            data = read_member(handles[index])
        except (*DAMAGED, OSError, KeyError, RecursionError, NotImplementedError) as error:
            detail = str(error).rstrip(".") or type(error).__name__
            raise UnreadableError(f"the archive does not give it whole ({detail})") from error
        return decode(data, extension(names[index]))

    return IndexedImages(
        name=name,
        names=[f"{shown}/{display(member)}" for member in names],
        read=read,
        labels=class_labels(below_common_top(names)) if labels is None else labels,
        digest=lambda _: fingerprint.of_file(path),
        on_bad_image=how.on_bad_image,
        threads=THREADS,
        stamped=stamped,
        passed_over=others,
    )


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise UnreadableError(f"it has {size:,} bytes, above the limit of {MAX_BYTES:,}")


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The member's name, from its bytes as they would be on disk.

    Many tools write UTF-8 without saying so, and zipfile then reads each byte as a character of
    code page 437.
    """
    try:
        raw = info.filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
    except UnicodeEncodeError:
        return info.filename
    return raw.decode("utf-8", "surrogateescape")


def _uncompressed(path: Path) -> IO[bytes]:
    """The file itself, or what it decompresses to, in a temporary file without a name."""
    with path.open("rb") as file:
        head = file.read(6)
    for begins, decompress in COMPRESSED.items():
        if head.startswith(begins):
            with ExitStack() as on_error, decompress(path) as stream:
                spool = on_error.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(stream, spool, 1 << 20)
                spool.seek(0)
                on_error.pop_all()
            return spool
    return path.open("rb")
