import os

import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.scoring.cache import StatisticsCache
from gandiag.scoring.gathered import Gathered, described, description
from gandiag.scoring.plan import Want
from gandiag.sources import Note
from gandiag.statistics import Bank, Moments, SavedStatistics, save_statistics

BANK, MOMENTS = Want("net", "pool", "bank"), Want("net", "pool", "moments")
PINS = {"net": {"weights": "abc", "resize": "tf1"}}


@pytest.fixture
def gathered():
    rows = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    return Gathered(
        "data/",
        20,
        {BANK: Bank.of(rows), MOMENTS: Moments.of(rows)},
        labels=("cat",) * 20,
        notes={"lossy": Note(3, "ü.jpg"), "skipped": Note(2, "a", ("a", "b"))},
        sizes={(8, 8): 20},
    )


@pytest.fixture
def cache(tmp_path):
    return StatisticsCache(tmp_path / "statistics")


def test_what_was_stored_comes_back(cache, gathered):
    cache.store("content", PINS, gathered)
    back = cache.load("content", PINS, [BANK, MOMENTS])
    assert torch.equal(back.statistics[BANK].rows, gathered.statistics[BANK].rows)
    assert torch.equal(back.statistics[MOMENTS].scatter, gathered.statistics[MOMENTS].scatter)
    assert (back.name, back.n, back.labels) == (gathered.name, 20, gathered.labels)
    assert (back.notes, back.sizes) == (gathered.notes, gathered.sizes)


def test_whatever_moves_the_numbers_moves_the_key(cache, gathered):
    cache.store("content", PINS, gathered)
    other_resize = {"net": {"weights": "abc", "resize": "pil"}}
    other_weights = {"net": {"weights": "abd", "resize": "tf1"}}
    assert cache.load("other", PINS, [BANK]) is None
    assert cache.load("content", other_resize, [BANK]) is None
    assert cache.load("content", other_weights, [BANK]) is None
    assert cache.load("content", PINS, [BANK, Want("net", "logits", "bank")]) is None
    assert cache.load("content", PINS, [BANK]) is not None


def test_a_damaged_entry_is_as_good_as_none(cache, gathered):
    cache.store("content", PINS, gathered)
    path = cache.path("content", PINS["net"], BANK)
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"not an npz"):
        path.write_bytes(damaged)
        assert cache.load("content", PINS, [BANK]) is None
        cache.store("content", PINS, gathered)
        assert cache.load("content", PINS, [BANK]) is not None  # made again


@pytest.mark.parametrize("meta", [{}, {"name": "x"}, {"name": "x", "n": "many"}])
def test_an_entry_with_a_bad_description_is_as_good_as_none(cache, gathered, meta):
    path = cache.path("content", PINS["net"], BANK)
    save_statistics(path, SavedStatistics({"net/pool/bank": gathered.statistics[BANK]}, meta))
    assert cache.load("content", PINS, [BANK]) is None


def test_an_entry_that_holds_another_statistic_is_as_good_as_none(cache, gathered):
    path = cache.path("content", PINS["net"], BANK)
    other = SavedStatistics({"net/other/bank": gathered.statistics[BANK]}, description(gathered))
    save_statistics(path, other)
    assert cache.load("content", PINS, [BANK]) is None


def test_a_full_disk_leaves_nothing_half_written(cache, gathered, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(GandiagError, match="No space left on device") as caught:
        cache.store("content", PINS, gathered)
    assert str(cache.folder) in str(caught.value)
    assert list(cache.folder.iterdir()) == []


def test_a_description_from_elsewhere_is_refused(gathered):
    assert described(description(gathered), gathered.statistics) == gathered
    for broken in ({}, {"name": "x"}, description(gathered) | {"notes": {"lossy": 3}}):
        with pytest.raises(GandiagError, match="make them again"):
            described(broken, {})


def used(cache, number, when):
    """An entry of one image that was used then."""
    cache.store(f"content {number}", PINS, Gathered(f"{number}", 1, {MOMENTS: some(number)}))
    path = cache.path(f"content {number}", PINS["net"], MOMENTS)
    os.utime(path, (when, when))
    return path


def some(seed):
    return Moments.of(torch.randn(5, 4, generator=torch.Generator().manual_seed(seed)))


def test_what_was_not_used_for_longest_goes_first(cache):
    paths = [used(cache, i, 1000 + i) for i in range(4)]
    assert cache.load("content 0", PINS, [MOMENTS]) is not None  # and is so the last used
    size = paths[0].stat().st_size
    assert [entry.path for entry in cache.entries()] == [paths[i] for i in (0, 3, 2, 1)]
    assert [entry.path for entry in cache.shrink(2 * size)] == paths[1:3]
    assert [path.exists() for path in paths] == [True, False, False, True]
    assert cache.shrink(2 * size) == []


def test_storing_lets_go_what_has_no_room(cache, monkeypatch):
    size = used(cache, 0, 1000).stat().st_size
    monkeypatch.setenv("GANDIAG_CACHE_GIB", str(2.5 * size / 2**30))
    paths = [used(cache, i, 2000 + i) for i in range(3)]
    assert [path.exists() for path in paths] == [False, True, True]
    monkeypatch.setenv("GANDIAG_CACHE_GIB", "0")
    cache.store("content 5", PINS, Gathered("5", 1, {MOMENTS: some(5)}))
    assert cache.entries() == []


@pytest.mark.parametrize("said", ["much", "-1", "nan"])
def test_how_much_is_a_number(cache, monkeypatch, said):
    monkeypatch.setenv("GANDIAG_CACHE_GIB", said)
    with pytest.raises(GandiagError, match=f"GANDIAG_CACHE_GIB is '{said}'"):
        cache.store("content", PINS, Gathered("5", 1, {MOMENTS: some(5)}))
    assert cache.entries() == []


def test_what_went_away_meanwhile_is_not_missed(cache, monkeypatch):
    path = used(cache, 0, 1000)
    entries = cache.entries()
    path.unlink()
    monkeypatch.setattr(type(cache), "entries", lambda self: list(entries))
    assert cache.shrink(0) == entries
