"""``gandiag cache``: what is kept, and how it is let go."""

import json
import os

import pytest


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("GANDIAG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "statistics"


def test_nothing_yet(run, folder):
    assert run("cache", "list") == (0, f"0.0 MiB of 20.0 GiB in {folder}\n", "")
    assert run("cache", "clear")[1] == f"removed 0 of {folder}: 0.0 MiB\n"


def test_what_a_scoring_leaves(run, score, folders, folder):
    assert score()[0] == 0
    code, out, _ = run("cache", "list")
    assert code == 0
    head, *rows, total = out.splitlines()
    assert head.split() == ["images", "n", "what", "MB", "last", "used"]
    assert len(rows) == len([*folder.glob("*.npz")]) >= 1
    assert all(str(folders[1]) in row and " 50 " in row for row in rows)
    assert "pixels:4/features/" in out
    assert total.endswith(str(folder))
    told = json.loads(run("cache", "list", "--json")[1])
    assert {each["n"] for each in told["entries"]} == {50}
    assert sum(each["bytes"] for each in told["entries"]) == sum(
        path.stat().st_size for path in folder.iterdir()
    )


def test_clearing_makes_the_next_run_read_again(run, score, folder):
    score()
    assert run("cache", "clear")[1].startswith("removed ")
    assert not [*folder.iterdir()]
    assert score()[0] == 0
    assert [*folder.iterdir()]


def test_clearing_what_is_old(run, score, folder):
    score()
    entries = sorted(folder.iterdir())
    (folder / "old.npz").write_bytes(entries[0].read_bytes())
    os.utime(folder / "old.npz", (1000, 1000))
    assert "removed 1 of" in run("cache", "clear", "--older-than", "30")[1]
    assert sorted(folder.iterdir()) == entries


def test_a_damaged_entry_is_listed_as_such(run, folder):
    folder.mkdir(parents=True)
    (folder / "x.npz").write_bytes(b"nothing")
    code, out, _ = run("cache", "list")
    assert code == 0
    assert "damaged" in out
