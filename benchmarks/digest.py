"""A digest of the code that a result depends on, kept in its JSON.

A result whose digest is not that of the code at hand was made by other code, and is to be made
anew. Which files decide is for each benchmark to say, as narrowly as is honest. Comments and
docstrings decide nothing, and do not count.
"""

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

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


@cache
def code_of(text: str) -> str:
    """Python's source without comments, docstrings and lines that are empty then."""
    lines = text.splitlines()
    for remark in _remarks(text):
        for i in range(remark.lineno - 1, remark.end_lineno or remark.lineno):
            lines[i] = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and lines[token.start[0] - 1]:
            lines[token.start[0] - 1] = lines[token.start[0] - 1][: token.start[1]]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _remarks(text: str) -> Iterator[ast.Expr]:
    """Strings by themselves: docstrings, and what stands below a constant."""
    for each in ast.walk(ast.parse(text)):
        if isinstance(each, ast.Expr):
            value = each.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield each
