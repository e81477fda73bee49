"""Imports point one way."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gandiag

ROOT = Path(gandiag.__file__).parent

LEAVES = ("gandiag.errors", "gandiag.files", "gandiag.state_dicts", "gandiag.sources.mixtures")
SHARED = ("gandiag.scoring.gather", "gandiag.reporting.report", "gandiag.cache", "gandiag.caveats")
BASES = ("gandiag.sources.base", "gandiag.extractors.base", "gandiag.statistics")
ANYTHING = ("gandiag",)

# First match wins; a module may always import its own folder.
MAY_IMPORT = {
    "gandiag.errors": (),
    "gandiag.files": ("gandiag.errors",),
    "gandiag.sources.mixtures": (),
    "gandiag.state_dicts": ("gandiag.errors",),
    "gandiag.sources": LEAVES,
    "gandiag.extractors": LEAVES,
    "gandiag.statistics": LEAVES,
    "gandiag.metrics": (*LEAVES, "gandiag.statistics"),
    "gandiag.monitors": LEAVES,
    **dict.fromkeys(SHARED, (*LEAVES, *BASES, *SHARED)),
    "gandiag.cli": (*ANYTHING, "reference_models"),
    "gandiag.__main__": ("gandiag.cli",),
    "gandiag": tuple(
        f"gandiag.{part}"
        for part in (
            "errors files state_files sources extractors statistics metrics session report cache "
            "caveats protocols plan inputs scoring sparkline curve page samples monitors"
        ).split()
    ),
}


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            # `from gandiag import caveats` imports a module, other forms a name from one.
            whole = node.module == "gandiag"
            yield from (
                (f"gandiag.{alias.name}" for alias in node.names) if whole else (node.module,)
            )


def within(name, package):
    return name == package or name.startswith(f"{package}.")


def violations(module, names):
    rule = next(each for each in sorted(MAY_IMPORT, key=len, reverse=True) if within(module, each))
    allowed = MAY_IMPORT[rule]
    own = rule if rule != "gandiag" else "no.folder.of.its.own"
    ours = [name for name in names if within(name, "gandiag") or within(name, "reference_models")]
    return [name for name in ours if not any(within(name, each) for each in (*allowed, own))]


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda each: str(each))
def test_imports_point_one_way(module, path):
    assert violations(module, list(imported(path))) == []


def test_a_wrong_import_is_seen():
    assert violations("gandiag.metrics.frechet", ["gandiag.sources.folder"]) != []
    assert violations("gandiag.scoring.gather", ["gandiag.metrics"]) != []
    assert violations("gandiag.scoring", ["gandiag.cli.progress", "reference_models.losses"]) != []


def test_importing_the_package_pulls_in_nothing_heavy():
    code = "import gandiag, gandiag.cli, sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "torchvision", "timm", "sklearn", "scipy", "matplotlib", "numpy"}
    assert heavy & set(out.stdout.split()) == set()


def test_public_names_exist():
    for name in gandiag.__all__:
        assert getattr(gandiag, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        gandiag.scores  # noqa: B018  (the attribute access is the test)
