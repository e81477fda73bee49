"""Files on disk: whole or absent, and known by their content."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
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


def sha256(path: Path, tell: Callable[[int], None] = lambda _: None) -> str:
    """SHA-256 of a file as 64 hexadecimal digits; `tell` gets the size of each block read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            tell(len(block))
    return digest.hexdigest()
