"""What a result depends on: the code of an experiment, and all of ours that it imports."""

import ast
import hashlib
import importlib
import inspect
import io
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

OURS = ("gandiag", "reference_models")
ASIDE = ("reference_models.papers.drawing",)
"""What decides how a picture looks, and no number."""


def digest_of(module: str) -> str:
    """SHA-256, as 64 hexadecimal digits, over the code of a module and of ours that it needs."""
    digest = hashlib.sha256()
    for name in sorted(needed(module)):
        digest.update(f"{name}\n{code_of(_text(name))}\n".encode())
    return digest.hexdigest()


def needed(module: str) -> set[str]:
    """The module, ours that it imports, what these import, and so on.

    What comes from a package is looked for in the file where it is made, so that a new metric
    changes nothing for who uses another.
    """
    found, due = set[str](), {module}
    while due:
        name = due.pop()
        found.add(name)
        due |= _imports(name) - found
    return found


def _text(name: str) -> str:
    file = importlib.import_module(name).__file__
    assert file is not None
    return Path(file).read_text(encoding="utf-8")


@cache
def _imports(name: str) -> frozenset[str]:
    return frozenset(_homes(name))


def _homes(name: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(_text(name))):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        if node.module.split(".")[0] not in OURS:
            continue
        module = importlib.import_module(node.module)
        for each in node.names:
            home = _home(module.__name__, getattr(module, each.name), hasattr(module, "__path__"))
            if home not in ASIDE:
                yield home


def _home(module: str, thing: object, package: bool) -> str:
    """Where a thing that is imported from a module is made."""
    if inspect.ismodule(thing):
        return thing.__name__
    made = getattr(thing, "__module__", None)
    ours = isinstance(made, str) and made.split(".")[0] in OURS
    return made if package and isinstance(made, str) and ours else module


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
