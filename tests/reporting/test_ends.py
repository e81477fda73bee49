"""The most and the least realistic samples, as a page shows them."""

import json
import re

import pytest
import torch
from toys import images

import gandiag
from gandiag.metrics import Realism
from gandiag.reporting.ends import ends
from gandiag.reporting.html import page, thumbnail
from gandiag.reporting.plots import data_url
from gandiag.sources import open_source

REAL = images(60, seed=0, size=(8, 8))
FAKE = images(90, seed=1, size=(8, 8))
FAKE[70] = 255


@pytest.fixture(scope="module")
def report():
    return gandiag.score(FAKE, REAL, features="pixels:8", metrics=Realism(), cache=False)


def test_the_page_shows_both_ends(report):
    found = ends(report, {"generated": open_source(FAKE), "real": None})
    highest, lowest = found["realism[pixels:8]"]
    assert (len(highest), len(lowest)) == (10, 10)
    assert lowest[0].picture == data_url(thumbnail(FAKE[70]))
    assert "70" in lowest[0].name
    values = [each.value for each in (*highest, *reversed(lowest))]
    assert values == sorted(values, reverse=True)
    text = page(report, {}, ends=found)
    shown = re.findall(r'src="(data:[^"]+)"', text)
    assert shown == [each.picture for each in (*highest, *lowest)]
    assert "the highest and the lowest realism[pixels:8]" in text
    assert "<figure>" not in page(report, {})


def test_a_copy_has_no_end():
    both = torch.cat((REAL[:30], FAKE[:1]))
    report = gandiag.score(both, REAL, features="pixels:8", metrics=Realism(), cache=False)
    assert "∞" in page(report, {}, ends=ends(report, {"generated": open_source(both)}))


def test_json_has_their_places(report):
    told = json.loads(report.to_json())["scores"]["realism[pixels:8]"]
    assert told["lowest"][0]["generated"] == 70
    assert len(told["highest"]) == 10


def test_what_cannot_be_read_again_shows_none(report):
    assert ends(report, {"generated": open_source(iter([FAKE]))}) == {}
    assert ends(report, {"generated": None}) == {}
