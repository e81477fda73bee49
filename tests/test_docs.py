"""The documentation: its commands parse, its links lead somewhere, its tutorial runs."""

import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import torch

from gandiag.cli import cli

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
pytestmark = pytest.mark.skipif(
    not (ROOT / "docs").is_dir(), reason="the documentation stays in the checkout"
)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


def commands(page: Path) -> list[str]:
    """Lines that a reader would type: four spaces, then gandiag."""
    lines = re.findall(r"^    (gandiag .*)$", page.read_text(), re.M)
    return [re.split(r"\s+# |   ", line)[0] for line in lines]


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as they are written in links."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    "line", sorted({line for page in PAGES if page.exists() for line in commands(page)})
)
def test_a_command_of_the_documentation_parses(line, monkeypatch, tmp_path):
    """Its verb and options exist, and their values are of the right kind."""
    monkeypatch.chdir(tmp_path)
    verb, *words = shlex.split(line)[1:]
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None, verb
    while isinstance(command, click.Group) and words:
        command = command.get_command(click.Context(command), words.pop(0))
        assert command is not None
    for text in ("samples", "data", "train", "test", "a", "b", "c", "new", "old", "runs/digits"):
        Path(text).mkdir(parents=True, exist_ok=True)
    for text in ("old.json", "points.npy", "g.safetensors", "score.toml", "real.npz"):
        Path(text).touch()
    command.make_context(verb, words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_are_python(page):
    for block in BLOCK.findall(page.read_text()):
        compile(block, page.name, "exec")


def test_the_tutorial_does_what_it_says(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    reports = []
    for block in BLOCK.findall((ROOT / "docs/tutorial.md").read_text()):
        with torch.random.fork_rng():
            exec(compile(block, "tutorial.md", "exec"), names)
        if "monitor" in names:
            reports.append({line.pathology: line for line in names["monitor"].report().lines})
    first, second = reports[0], reports[-1]
    assert first["mode-collapse"].status == "alerting"
    assert "R1 penalty" in first["mode-collapse"].detail
    assert {line.status for line in second.values()} == {"ok", "inactive"}
    before, after = names["before"], names["after"]
    assert before["recall"] < 0.2  # one spot of eight is an eighth of the data
    assert after["recall"] > 0.8
    assert after["coverage"] > 2 * before["coverage"]
    assert after["precision"] < before["precision"]


def test_the_page_of_public_names_is_up_to_date():
    """And every one of them has a docstring, or the script says which has none."""
    made = runpy.run_path(str(ROOT / ".ci/api.py"))["page"]()
    assert (ROOT / "docs/api.md").read_text() == made, "python .ci/api.py > docs/api.md"
