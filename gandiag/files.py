"""Files on disk: whole or absent, and known by their content."""

import contextlib
import hashlib
import os
import tempfile
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


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing so that it is replaced whole when the block ends, or not at all.

    The bytes go to a temporary file in the same folder, which takes the name at the end; when the
    block raises, the temporary file is removed and what was there before stays.

    Raises:
        GandiagError: the folder or the file cannot be written (no permission, a full disk).

    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files for the owner alone; a shared cache or a report is read by others.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise GandiagError(
            f"cannot write {path}: {error.strerror or error}; free space, or name another place"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_output(path: Path, *, inputs: Collection[Path] = ()) -> None:
    """Find out before long work whether its result can be written; nothing is written.

    Args:
        path: where the result will go.
        inputs: files that the work reads.

    Raises:
        GandiagError: it is a folder or one of the inputs, its folder does not exist or may not be
            written.
    """
    try:
        if path.is_dir():
            raise GandiagError(f"{path} is a folder; name a file to write")
        if _special(path):
            return
        for each in inputs:
            if path.exists() and each.exists() and path.samefile(each):
                raise GandiagError(f"{path} is read by this run; name another file to write")
        folder = path.resolve().parent
        if not folder.is_dir():
            raise GandiagError(
                f"{path} cannot be written: its folder does not exist; make it first"
            )
        if not os.access(folder, os.W_OK | os.X_OK):
            raise GandiagError(f"{path} cannot be written: its folder is closed; name another")
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise GandiagError(f"{path} cannot be written: {why}; name another place") from error


def write_output(path: Path, data: bytes) -> None:
    """Write the result of long work: a file whole or not at all, a device or a pipe straight.

    Where `path` is a link, it stays one, and what it leads to is written.

    Raises:
        GandiagError: it cannot be written.
    """
    if not _special(path):
        with atomic_write(path.resolve()) as file:
            file.write(data)
        return
    try:
        with path.open("wb") as file:
            file.write(data)
    except OSError as error:
        raise GandiagError(
            f"cannot write {path}: {error.strerror or error}; name another place"
        ) from error


def _special(path: Path) -> bool:
    """Whether it is there and no regular file: a pipe, a device."""
    return path.exists() and not path.is_file()


def sha256(path: Path, tell: Callable[[int], None] = lambda _: None) -> str:
    """SHA-256 of a file as 64 hexadecimal digits; `tell` gets the size of each block read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            tell(len(block))
    return digest.hexdigest()
