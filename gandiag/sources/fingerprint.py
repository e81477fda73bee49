"""What a source holds, as a digest, so that nothing is computed twice or taken for something else.

Hashing a folder reads every byte of it once. A memo in the cache folder then remembers each file's
digest beside its size, modification time, change time and inode, and an unchanged file is not
opened again. The change time is what makes that safe: a person can set a modification time back,
not a change time (on Windows that field is the creation time, and the modification time decides).

A file that changed within two seconds before it was hashed is not remembered: it could be written
again within the tick of the file system's clock, and look the same ("racily clean", as git says).
The memo is only ever a shortcut: if it cannot be read or written, files are hashed again.
"""

import contextlib
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gandiag.errors import GandiagError
from gandiag.files import atomic_write, cache_folder, sha256
from gandiag.sources.batching import THREADS, read_ahead

DECODING = "gandiag images 2"
"""Changes when the same bytes come to be read as other pixels, or come to be refused."""

RACY_NANOSECONDS = 2_000_000_000
"""FAT keeps times in steps of two seconds; other file systems are finer."""

Stamp = tuple[int, int, int, int]
Memo = dict[str, tuple[Stamp, str]]


def of_folder(root: Path, names: Sequence[str], chosen: Iterable[int]) -> str:
    """Digest of the chosen files' names and contents.

    Args:
        root: The folder.
        names: All its images, relative to it. What the memo holds beside them is forgotten.
        chosen: Indices into `names`.
    """
    memo = _load(root)
    fresh: Memo = {name: memo[name] for name in names if name in memo}
    whole = hashlib.sha256()
    with closing(_digests(lambda i: _digest(root / names[i], names[i], fresh), chosen)) as digests:
        for index, digest in digests:
            whole.update(os.fsencode(names[index]) + b"\0" + digest.encode() + b"\n")
    if fresh != memo:
        _save(root, fresh)
    return whole.hexdigest()


def _digests(of: Callable[[int], str], chosen: Iterable[int]) -> Generator[tuple[int, str]]:
    """Index and digest of each that is chosen, in order, by several threads.

    They take many at once, for a file that is known costs no more than handing it over.
    """

    def of_all(indices: tuple[int, ...]) -> list[tuple[int, str]]:
        return [(index, of(index)) for index in indices]

    several = iter(chosen)
    parts = iter(lambda: tuple(islice(several, 64)), ())
    for found in read_ahead(of_all, parts, THREADS, most=2 * THREADS, nbytes=lambda _: 0):
        yield from found


def of_file(path: Path) -> str:
    """Digest of one file's content: an archive, arrays."""
    memo = _load(path)
    fresh = dict(memo)
    digest = _digest(path, "", fresh)
    if fresh != memo:
        _save(path, fresh)
    return digest


def of_whole(path: Path) -> Callable[[Sequence[int]], str]:
    """The same, as digests of images in that file: it is read whole, whichever are chosen."""
    return lambda _: of_file(path)


def of_array(array: NDArray[np.generic], labels: Sequence[str] | None) -> str:
    """Digest of an array's content, shape and dtype, and of the labels beside it."""
    whole = hashlib.sha256(f"{array.shape} {array.dtype.str} {json.dumps(labels)}".encode())
    for start in range(0, len(array), 1024):
        whole.update(np.ascontiguousarray(array[start : start + 1024]).data)
    return whole.hexdigest()


def of_files(paths: Sequence[Path], chosen: Iterable[int]) -> str:
    """Digest of the chosen files' names and contents, wherever they lie; nothing is remembered."""
    whole = hashlib.sha256()
    with closing(_digests(lambda i: _digest(paths[i], "", {}), chosen)) as digests:
        for index, digest in digests:
            whole.update(os.fsencode(paths[index]) + b"\0" + digest.encode() + b"\n")
    return whole.hexdigest()


def combined(
    content: str,
    on_bad_image: str,
    chosen: Sequence[int] | None,
    value_range: tuple[float, float] | None = None,
) -> str:
    """Digest of the content and of how it is read."""
    how = [DECODING, content, on_bad_image, chosen and list(chosen)]
    return hashlib.sha256(
        json.dumps(how if value_range is None else [*how, value_range]).encode()
    ).hexdigest()


def stamp_of_files(paths: Iterable[Path]) -> str:
    """Sizes, times and inodes of files, as one digest: another once one of them is written.

    Also when it is put back as it was: a change time cannot be set back. A file that is written
    twice within one tick of the file system's clock can have one stamp.
    """
    whole = hashlib.sha256()
    for path in paths:
        whole.update(repr(status_of(path)).encode())
    return whole.hexdigest()


def steady(path: Path) -> Callable[[Sequence[int]], object]:
    """Stamps of a file that is about to be opened, and stays open while its source lives.

    What is read through the open file need no longer be what lies under its name: once that has
    changed, every stamp is unlike every other.
    """
    opened = status_of(path)

    def stamped(_: Sequence[int]) -> object:
        return opened if status_of(path) == opened else object()

    return stamped


def status_of(path: Path) -> tuple[int, ...]:
    """What tells one state of a file from another: size, times, inode and device, or an error."""
    try:
        status = os.stat(path)
    except OSError as error:
        return (error.errno or -1,)
    return (*_stamp(status), status.st_dev)


def _digest(path: Path, name: str, memo: Memo) -> str:
    """SHA-256 of a file's content, from `memo` if it is unchanged, else noted there.

    Something that cannot be read has a digest too: reading the images will say what is wrong.
    """
    began = time.time_ns()
    try:
        before = os.stat(path)
        if not stat.S_ISREG(before.st_mode):
            return "not a file"
        known = memo.pop(name, None)
        if known is None or known[0] != _stamp(before):
            # With the stamp from before: a file that changes meanwhile will have another.
            known = _stamp(before), sha256(path)
            if max(before.st_mtime_ns, before.st_ctime_ns) + RACY_NANOSECONDS > began:
                return known[1]
    except OSError as error:
        return f"unreadable {error.errno}"
    memo[name] = known
    return known[1]


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _memo_file(root: Path) -> Path:
    real = os.fsencode(os.path.realpath(root))
    return cache_folder() / "index" / f"{hashlib.sha256(real).hexdigest()[:32]}.json"


def _load(root: Path) -> Memo:
    """The memo for a folder or a file; empty if there is none, or none that can be used."""
    try:
        content = json.loads(_memo_file(root).read_bytes())
        files = content["files"].items() if content["format"] == 1 else ()
        return {name: (_as_stamp(stamp), str(digest)) for name, (stamp, digest) in files}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _as_stamp(numbers: Iterable[int]) -> Stamp:
    size, modified, changed, inode = numbers
    return size, modified, changed, inode


def _save(root: Path, memo: Memo) -> None:
    text = json.dumps({"format": 1, "files": memo})
    with contextlib.suppress(GandiagError), atomic_write(_memo_file(root)) as file:
        file.write(text.encode("ascii"))
