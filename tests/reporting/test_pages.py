"""Pages as a browser, a reader of screens and a suspicious person see them."""

import itertools
import json
import re

import html5lib
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from gandiag.cli import cli

HOSTILE = "a<script>b"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two sets of samples and real images, one folder with a hostile name."""
    root = tmp_path_factory.mktemp("pages")
    random = torch.Generator().manual_seed(0)
    for name in (HOSTILE, "b", "real"):
        (root / name).mkdir()
        for index in range(40):
            pixels = torch.randint(256, (8, 8, 3), generator=random, dtype=torch.uint8).numpy()
            Image.fromarray(pixels).save(root / name / f"{index % 2}_{index}.png")
    return root


@pytest.fixture(scope="module")
def pages(folder):
    """Name -> the text of a page."""
    fake, other, real = (str(folder / name) for name in (HOSTILE, "b", "real"))
    how = ["--real", real, "--features", "pixels:4"]
    metrics = ["--metrics", "fid,kid,prdc,realism,near_copies,ndb(count=4)"]
    lines = {
        "report": ["score", fake, *how, *metrics, "--json", str(folder / "s.json")],
        "alone": ["score", fake, "--features", "pixels:4", "--metrics", "vendi"],
        "comparison": ["compare", fake, other, *how, "--metrics", "fid,kid"],
    }
    for name, line in lines.items():
        result = CliRunner().invoke(cli, [*line, "--html", str(folder / f"{name}.html")])
        assert result.exit_code == 0, (result.output, result.exception)
    kept = ["report", str(folder / "s.json"), "-o", str(folder / "kept.html")]
    assert CliRunner().invoke(cli, kept).exit_code == 0
    one = json.loads((folder / "s.json").read_text())
    curve = {"schema": 1, "run": HOSTILE, "warnings": [], "best": {}}
    curve["checkpoints"] = [{"step": step, **one} for step in (10, 20)]
    (folder / "curve.json").write_text(json.dumps(curve))
    kept = ["report", str(folder / "curve.json"), "-o", str(folder / "curve.html")]
    assert CliRunner().invoke(cli, kept).exit_code == 0
    return {path.stem: path.read_text() for path in folder.glob("*.html")}


NAMES = ("report", "alone", "comparison", "kept", "curve")


@pytest.mark.parametrize("name", NAMES)
def test_a_strict_reader_finds_no_mistake(pages, name):
    html5lib.HTMLParser(strict=True).parse(pages[name])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_fetched_and_nothing_runs(pages, name):
    text = pages[name]
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert "url(" not in text
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert len(text) < 3e6


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_said_in_words(pages, name):
    text = pages[name]
    assert all(re.search(r'alt="[^"]+"', tag) for tag in re.findall(r"<img[^>]*>", text))
    drawn = re.findall(r"<svg[^>]*>(.{0,20})", text)
    assert drawn or name == "alone"
    assert all(inside.startswith("<title>") for inside in drawn)


def test_a_page_that_was_kept_has_the_same_scores(pages):
    values = {name: re.findall(r'class="value" title="([^"]+)"', pages[name]) for name in NAMES}
    assert len(values["report"]) > 5
    assert values["kept"] == values["report"]


def test_the_sentences_of_the_cards_stand_beside_the_scores(pages):
    assert "A share, 0 to 1: are samples like some real image?" in pages["report"]


def luminance(colour):
    """Relative, WCAG 2.1."""
    digits = colour * 2 if len(colour) == 3 else colour
    levels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in levels]
    return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_by_hand():
    assert contrast("fff", "000000") == pytest.approx(21)
    assert contrast("777777", "ffffff") == pytest.approx(4.48, abs=0.01)


def test_words_and_lines_stand_out_in_light_and_dark(pages):
    """4.5 for words and 3 for lines of charts, WCAG 2.1, AA."""
    light, dark = (
        dict(re.findall(r"--(\w+): #([0-9a-f]+);", block))
        for block in re.findall(r":root \{(.*?)\}", pages["report"], re.S)
    )
    for theme in (light, dark):
        for words, ground in itertools.product(("words", "faint", "warn"), ("page", "card")):
            assert contrast(theme[words], theme[ground]) >= 4.5, (words, ground)
        for line in ("blue", "orange", "green"):
            assert contrast(theme[line], theme["page"]) >= 3, line
