"""docs/api.md: every public name with its parameters and the first sentence of its docstring.

python .ci/api.py > docs/api.md
"""

import ast
import functools
import importlib
import inspect
import itertools
from collections.abc import Iterator
from pathlib import Path

PACKAGES = {
    "gandiag": "What most people need.",
    "gandiag.metrics": "Pure functions on arrays, and the objects that `metrics=` takes.",
    "gandiag.monitors": "What `gandiag.Monitor` is made of, and pathologies of your own.",
    "gandiag.monitors.sinks": "Where signals and alerts go.",
    "gandiag.sources": "Images in a fixed order, from wherever they are.",
    "gandiag.extractors": "Networks and their weights.",
    "gandiag.statistics": "What is remembered of images.",
    "gandiag.generators": "A generator's latent space.",
}
LONGEST = 90
"""Characters of parameters that stand in the table; of longer ones the names alone."""


def page() -> str:
    """The whole page."""
    lines = [
        "# Public names",
        "",
        "Made from the docstrings by `python .ci/api.py > docs/api.md`.",
        "`help(gandiag.score)` shows one whole: shapes, ranges, units, errors and the source.",
    ]
    for package, about in PACKAGES.items():
        lines += ["", f"## {package}", "", about, "", "| name | what |", "|---|---|"]
        lines += rows(package)
    return "\n".join(lines) + "\n"


def rows(package: str) -> Iterator[str]:
    """A line a name, in the order of the alphabet, without those that are packages themselves."""
    module = importlib.import_module(package)
    for name in sorted(module.__all__, key=str.lower):
        value = getattr(module, name)
        if inspect.ismodule(value):
            continue
        yield f"| `{name}{parameters(value)}` | {first_sentence(package, name, value)} |"


def parameters(value: object) -> str:
    """As they are written, without types and defaults."""
    known = inspect.isfunction(value) or (
        inspect.isclass(value) and not issubclass(value, Exception)
    )
    if not known:
        return ""
    found = inspect.signature(value).parameters.values()
    marks = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    names = [marks.get(each.kind, "") + each.name for each in found if each.name[0] != "_"]
    text = ", ".join(names)
    return f"({text})" if len(text) <= LONGEST else f"({', '.join(names[:4])}, ...)"


def first_sentence(package: str, name: str, value: object) -> str:
    """Of the docstring, or for constants and types of the string below them, which Python drops."""
    documented = inspect.isclass(value) or inspect.isfunction(value)
    text = inspect.getdoc(value) if documented else below(package).get(name)
    assert text, f"{package}.{name} has no docstring"
    return text.split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


@functools.cache
def below(package: str) -> dict[str, str]:
    """Names that are assigned at the top of a package's files => the string that follows."""
    found: dict[str, str] = {}
    for path in sorted(Path(*package.split(".")).rglob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for node, after in itertools.pairwise(body):
            names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
            text = getattr(getattr(after, "value", None), "value", None)
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(text, str):
                stored = [each.id for each in names if isinstance(each.ctx, ast.Store)]
                found |= dict.fromkeys(stored, text)
    return found


if __name__ == "__main__":
    print(page(), end="")
