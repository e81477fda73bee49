"""A digest of the code that a result depends on, kept in its JSON.

A result whose digest is not that of the code at hand was made by other code, and is to be made
anew. Which files decide is for each benchmark to say, as narrowly as is honest. Comments and
docstrings decide nothing, and do not count.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from reference_models.papers.code import code_of

ROOT = Path(__file__).parent.parent


def digest_of(globs: Sequence[str], root: Path = ROOT) -> str:
    """SHA-256, as 64 hexadecimal digits, over names and code of all files that match.

    The order of `globs` and of a folder's entries does not matter, and neither do line ends. Of
    files other than Python's all bytes count.

    Args:
        globs: patterns relative to `root`, such as ``gandiag/metrics/*.py``.
        root: the checkout.

    Raises:
        ValueError: a pattern matches no file, so that what it stood for would go unwatched.
    """
    files: set[Path] = set()
    for pattern in globs:
        found = {path for path in root.glob(pattern) if path.is_file()}
        if not found:
            raise ValueError(f"{pattern} matches no file in {root}; correct it")
        files |= found
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(root).as_posix(), path) for path in files):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        if name.endswith(".py"):
            content = code_of(content.decode()).encode()
        digest.update(f"{name}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
