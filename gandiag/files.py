"""Files on disk: whole or absent, and known by their content."""

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import IO

import platformdirs

from gandiag.errors import GandiagError

BLOCK = 1 << 20


def cache_folder() -> Path:
    """Where gandiag keeps what it can compute or fetch again.

    ``GANDIAG_CACHE`` if set, else the platform's cache folder for the user.
    """
    named = os.environ.get("GANDIAG_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("gandiag"))


def check_output(path: Path, *, inputs: Collection[Path] = ()) -> None:
    """Say before the work that its result could not be written to `path`, or would cost an input.

    Args:
        path: where the result will go.
        inputs: what the work reads; those that are no files here are passed over.

    Raises:
        GandiagError: `path` is a folder, its folder is missing or cannot be written, or it is one
            of the inputs, under whatever name and through whatever links.
    """
    try:
        if path.is_dir():
            raise GandiagError(f"cannot write {path}: it is a folder; name a file in it")
        for given in inputs:
            if path.exists() and given.exists() and path.samefile(given):
                raise GandiagError(
                    f"cannot write {path}: it is {given}, which is read; name another file"
                )
        if _is_special(path):
            writable = os.access(path, os.W_OK)
        else:
            folder = _target(path).parent
            if not folder.is_dir():
                raise GandiagError(f"cannot write {path}: there is no folder {folder}; make it")
            # Entering a folder is a right of its own.
            writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise _cannot(path, error) from error
    if not writable:
        raise GandiagError(
            f"cannot write {path}: you may not write there; change its rights, or name another "
            f"place"
        )


def write_output(path: Path, data: bytes) -> None:
    """Write `data` to what a person named: a file whole or not at all, a pipe or device straight.

    A pipe without a reader is waited for.

    Raises:
        GandiagError: it cannot be written, or the pipe's reader went away.
    """
    try:
        special = _is_special(path)
        if special:
            with path.open("wb") as file:
                file.write(data)
    except OSError as error:
        raise _cannot(path, error) from error
    if not special:
        with atomic_write(path) as file:
            file.write(data)


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing so that it is replaced whole when the block ends, or not at all.

    The bytes go to a temporary file in the same folder, which takes the name at the end; when the
    block raises, the temporary file is removed and what was there before stays. A symbolic link is
    followed: the file that it names is replaced, and made if it is not there.

    Raises:
        GandiagError: the folder or the file cannot be written (no permission, a full disk), or
            `path` is a folder, a pipe or a device, which cannot be replaced.

    """
    temporary: Path | None = None
    try:
        if path.is_dir() or _is_special(path):
            raise GandiagError(
                f"cannot write {path}: it is no regular file; name one, or one that is not there"
            )
        target = _target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary, handle = _create_beside(target)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        temporary = None
    except OSError as error:
        raise _cannot(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _create_beside(target: Path) -> tuple[Path, int]:
    """A new file in the same folder, with the rights that the process gives to any new file."""
    while True:
        path = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}")
        try:
            # Not `mkstemp`, whose files are the owner's alone: others read reports and caches, and
            # the mask that says how can only be asked for by changing it, for every thread.
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
            return path, os.open(path, flags, 0o666)
        except FileExistsError:
            continue


def _target(path: Path) -> Path:
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _is_special(path: Path) -> bool:
    """Whether a pipe, a device or a socket is there, also through links."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _cannot(path: Path, error: OSError) -> GandiagError:
    return GandiagError(
        f"cannot write {path}: {error.strerror or error}; free space, or name another place"
    )


def sha256(path: Path, tell: Callable[[int], None] = lambda _: None) -> str:
    """SHA-256 of a file as 64 hexadecimal digits; `tell` gets the size of each block read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            tell(len(block))
    return digest.hexdigest()
