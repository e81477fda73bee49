"""Commands that are killed: what counts as the same, as left beside, and the committed rows."""

import json

import numpy as np
import pytest

killing = pytest.importorskip("benchmarks.killing")


def test_the_rows_were_made_by_this_code():
    rows = killing.read()
    assert rows, "made by other code: python -m benchmarks.killing"
    assert {row["command"] for row in rows} == set(killing.commands(killing.ROOT))


def test_json_is_compared_without_its_date(tmp_path):
    path = tmp_path / "x.json"
    contents = []
    for date, value in (("a", 1), ("b", 1), ("b", 2)):
        path.write_text(json.dumps({"value": value, "provenance": {"date": date, "seed": 0}}))
        contents.append(killing.content(path))
    assert contents[0] == contents[1] != contents[2]


def test_arrays_are_compared_by_their_bytes(tmp_path):
    contents = []
    for name, value in (("a", 1.0), ("b", 1.0), ("c", 1.0000001)):
        np.savez(tmp_path / f"{name}.npz", x=np.array([value]))
        contents.append(killing.content(tmp_path / f"{name}.npz"))
    assert contents[0] == contents[1] != contents[2]


def test_all_files_count_but_the_index(tmp_path):
    for name in ("out.txt", "cache/statistics/x.tmp", "cache/index/y.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert set(killing.left(tmp_path)) == {"out.txt", "cache/statistics/x.tmp"}
