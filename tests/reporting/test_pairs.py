"""Samples beside the real images that they are nearest to."""

import json
from collections import defaultdict

import pytest
import torch
from PIL import Image
from toys import images

import gandiag
from gandiag.metrics import NearCopies, Score
from gandiag.reporting.html import SIDE, page
from gandiag.reporting.pairs import closest, images_at, side_by_side
from gandiag.reporting.report import Report, Row
from gandiag.sources import open_source

REAL = images(150, seed=0, size=(8, 8))
FAKE = images(90, seed=1, size=(8, 8))
FAKE[70], FAKE[3] = REAL[140], REAL[11]


@pytest.fixture(scope="module")
def report():
    return gandiag.score(FAKE, REAL, features="pixels:8", metrics=(NearCopies(),), cache=False)


@pytest.mark.parametrize("size", [1, 64])
def test_images_are_found_by_their_place(size, monkeypatch):
    monkeypatch.setattr("gandiag.reporting.pairs.BATCH", size)
    found = images_at(open_source(REAL), {0, 140, 63, 64})
    assert sorted(found) == [0, 63, 64, 140]
    for place, (image, name) in found.items():
        assert torch.equal(image, REAL[place])
        assert str(place) in name


def test_no_more_is_read_than_up_to_the_last():
    class Watched:
        name = "watched"

        def batches(self, size):
            yield next(iter(open_source(REAL).batches(size)))
            raise AssertionError("read on")

    assert sorted(images_at(Watched(), {5, 9})) == [5, 9]


def test_the_copies_come_first_and_stand_in_the_page(report):
    sources = {"generated": open_source(FAKE), "real": open_source(REAL)}
    found = closest(report, sources)["near_copies[pixels:8]"]
    assert len(found) == 12
    assert [each.distance for each in found[:3]] == [0, 0, pytest.approx(found[2].distance)]
    assert found[2].distance > 0
    assert "3" in found[0].generated
    assert "11" in found[0].real
    text = page(report, {}, closest(report, sources))
    assert text.count("<figure>") == 12
    assert found[0].picture in text
    assert "Samples nearest to a real image, by near_copies[pixels:8]" in text
    assert "<figure>" not in page(report, {})


def test_json_has_their_places(report):
    told = json.loads(report.to_json())["scores"]["near_copies[pixels:8]"]["pairs"]
    assert told[:2] == [
        {"generated": 3, "real": 11, "distance": 0.0},
        {"generated": 70, "real": 140, "distance": 0.0},
    ]


def test_what_cannot_be_read_again_shows_none(report):
    stream = open_source(iter([FAKE]))
    assert closest(report, {"generated": stream, "real": open_source(REAL)}) == {}
    assert closest(report, {"generated": open_source(FAKE), "real": None}) == {}


def test_two_images_of_any_size_stand_side_by_side():
    found = side_by_side(torch.zeros(3, 8, 8, dtype=torch.uint8), REAL[0].repeat(1, 20, 10))
    assert found.shape == (3, SIDE, 2 * SIDE + 2)
    assert (found[:, :, :SIDE] == 0).all()
    assert (found[:, :, SIDE : SIDE + 2] == 255).all()


def test_names_are_within_the_source(tmp_path):
    folder = tmp_path / "samples"
    (folder / "7").mkdir(parents=True)
    Image.fromarray(REAL[0].permute(1, 2, 0).numpy()).save(folder / "7" / "a.png")
    assert images_at(open_source(folder), {0})[0][1] == "7/a.png"


def test_what_stands_beside_has_a_column_and_a_deviation_stays_at_its_value():
    def row(name, **extra):
        return Row(name, name, Score(1.5, extra=extra), "lower", 9, 9, "x/y", "M()")

    def text(*rows):
        sources = {"generated": {"name": "a", "n": 9}}
        return page(Report(rows, (), defaultdict(dict, sources=sources)), {})

    assert "beside it" not in text(row("is", std=0.1))
    assert '<b>1.5</b> <span class="dim">± 0.1</span>' in text(row("is", std=0.1))
    both = text(row("is", std=0.1), row("fld", gap=2.0))
    assert "<th>beside it" in both
    assert '<td class="dim">gap 2' in both
