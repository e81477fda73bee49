"""Imports point one way."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gandiag

ROOT = Path(gandiag.__file__).parent

LEAVES = ("gandiag.errors", "gandiag.files", "gandiag.state_dicts")
ROOMS = ("gandiag.sources", "gandiag.extractors", "gandiag.statistics", "gandiag.metrics")

# First match wins; a module may always import its own folder.
MAY_IMPORT = {
    "gandiag.errors": (),
    "gandiag.files": ("gandiag.errors",),
    "gandiag.state_dicts": ("gandiag.errors",),
    "gandiag.sources": LEAVES,
    "gandiag.extractors": LEAVES,
    "gandiag.statistics": LEAVES,
    "gandiag.metrics": (*LEAVES, "gandiag.statistics"),
    "gandiag.monitors": (*LEAVES, "gandiag.extractors"),
    "gandiag.reporting": (*LEAVES, "gandiag.metrics.base", "gandiag.sources.base"),
    "gandiag.scoring": (*LEAVES, *ROOMS, "gandiag.reporting"),
    "gandiag.generators": (
        *LEAVES,
        "gandiag.sources",
        "gandiag.extractors",
        "gandiag.metrics.base",
        "gandiag.metrics.intervals",
        "gandiag.reporting",
        "gandiag.scoring",
    ),
    "gandiag.cards": (
        *LEAVES,
        "gandiag.metrics",
        "gandiag.monitors",
        "gandiag.reporting.tables",
        "gandiag.scoring.protocols",
    ),
    "gandiag.live": (*LEAVES, "gandiag.monitors", "gandiag.reporting"),
    "gandiag.integrations": (*LEAVES, "gandiag.monitors"),
    "gandiag.integrations.torchmetrics": (
        *LEAVES,
        "gandiag.metrics",
        "gandiag.reporting",
        "gandiag.scoring",
    ),
    "gandiag.cli": ("gandiag", "reference_models"),
    "gandiag.__main__": ("gandiag.cli",),
    "gandiag": (
        *LEAVES,
        *ROOMS,
        "gandiag.scoring",
        "gandiag.reporting",
        "gandiag.monitors",
        "gandiag.generators",
        "gandiag.cards",
    ),
}

# The way of an image to a score: each file may import those before it.
WAY = (
    "protocols options asking plan opening looks reading gathered cache together gather needs "
    "caveats rows per_sample saving scorer curve baseline comparing __init__"
).split()
MAKES_REPORTS = {"rows", "per_sample", "scorer", "curve", "baseline", "comparing"}

# The same of generators: from a latent to a number or a picture.
LATENT_WAY = (
    "interpolation space opening lpips distance path sheets sweep truncation __init__".split()
)

# A protocol is a table of concrete metrics and networks; all else knows their interfaces alone.
TABLES = {"gandiag.scoring.protocols"}
CONCRETE = {
    *("gandiag.metrics." + name for name in "frechet kernel neighbours modes ndb vendi".split()),
    *("gandiag.extractors." + name for name in "inception lite0 dinov2 small_classifiers".split()),
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


def backwards(name, names):
    """What a file of the scoring imports against the way."""
    later = WAY[WAY.index(name) :]
    found = [each for each in names if each.removeprefix("gandiag.scoring.") in later]
    if name not in MAKES_REPORTS:
        found += [each for each in names if within(each, "gandiag.reporting")]
    return found


SCORING = sorted((ROOT / "scoring").glob("*.py"))


@pytest.mark.parametrize("path", SCORING, ids=lambda path: path.stem)
def test_scoring_goes_one_way(path):
    assert backwards(path.stem, list(imported(path))) == []


@pytest.mark.parametrize("path", SCORING, ids=lambda path: path.stem)
def test_scoring_knows_interfaces_and_tables_alone(path):
    if f"gandiag.scoring.{path.stem}" not in TABLES:
        assert CONCRETE & set(imported(path)) == set()


def test_the_way_names_every_file():
    assert {path.stem for path in SCORING} == set(WAY)


LATENT = sorted((ROOT / "generators").glob("*.py"))


@pytest.mark.parametrize("path", LATENT, ids=lambda path: path.stem)
def test_generators_go_one_way(path):
    later = LATENT_WAY[LATENT_WAY.index(path.stem) :]
    assert [e for e in imported(path) if e.removeprefix("gandiag.generators.") in later] == []


def test_the_way_of_latents_names_every_file():
    assert {path.stem for path in LATENT} == set(LATENT_WAY)


def test_a_wrong_import_is_seen():
    assert violations("gandiag.metrics.frechet", ["gandiag.sources.folder"]) != []
    assert violations("gandiag.reporting.html", ["gandiag.scoring.gather"]) != []
    assert violations("gandiag.scoring", ["gandiag.cli.progress", "reference_models.losses"]) != []
    assert backwards("gather", ["gandiag.scoring.scorer"]) != []
    assert backwards("gather", ["gandiag.reporting.report"]) != []
    assert backwards("scorer", ["gandiag.scoring.gather", "gandiag.reporting.report"]) == []


def test_importing_the_package_pulls_in_nothing_heavy():
    code = "import gandiag, gandiag.cli, sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "torchvision", "timm", "sklearn", "scipy", "matplotlib", "numpy"}
    assert heavy & set(out.stdout.split()) == set()


def test_public_names_exist():
    for name in gandiag.__all__:
        assert getattr(gandiag, name) is not None
    assert set(gandiag.__all__) <= set(dir(gandiag))
    assert gandiag.__version__


@pytest.mark.parametrize("room", ["monitors", "metrics", "sources", "extractors", "protocols"])
def test_rooms_resolve_without_being_imported(room):
    code = f"import gandiag; print(gandiag.{room}.__name__)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == f"gandiag.{'scoring.' * (room == 'protocols')}{room}"


def test_what_is_no_name():
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        gandiag.scores  # noqa: B018  (the attribute access is the test)
