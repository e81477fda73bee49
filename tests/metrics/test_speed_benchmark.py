"""What `benchmarks.speed` keeps and prints."""

import dataclasses

import pytest

record = pytest.importorskip("benchmarks.speed.record")
works = pytest.importorskip("benchmarks.speed.works")


def turn(wall, value):
    return {
        "wall": wall,
        "processor": 2 * wall,
        "peak": 1.0,
        "above": 0.1,
        "values": {"kid": value},
    }


def test_rounds_of_todays_code_are_gone_on_with(tmp_path, monkeypatch):
    path = tmp_path / "speed.json"
    row = record.begun("kid", 1, path)
    assert row["rounds"] == []
    row["rounds"].append({"gandiag": turn(1.0, 2.0)})
    record.keep(row, path)
    record.keep({**record.begun("frechet", 1, path), "rounds": [{}]}, path)
    assert record.begun("kid", 1, path) == row
    assert record.begun("kid", 0, path)["rounds"] == []
    # The order of the works, whichever was measured first.
    assert [each["work"] for each in record.read(path)] == ["frechet", "kid"]
    other = dataclasses.replace(works.WORKS["kid"], decides=["gandiag/metrics/tiles.py"])
    monkeypatch.setattr(record, "WORKS", {**works.WORKS, "kid": other})
    assert record.begun("kid", 1, path)["rounds"] == []
    assert [each["work"] for each in record.read(path)] == ["frechet"]


def test_the_table_has_medians_and_what_others_take_of_ours():
    ours, theirs = (1.0, 2.0, 9.0), (3.0, 5.0, 4.0)
    row = {"work": "kid", "threads": 0, "processor": "one", "cores": 2}
    row["rounds"] = [
        {"gandiag": turn(a, 2.0), "torch-fidelity": turn(b, 2.02)}
        for a, b in zip(ours, theirs, strict=True)
    ]
    *_, first, second = record.table([row])
    assert first.startswith("| KID by 100 subsets of 1,000 of them (one, 2 cores, threads as each")
    assert first.endswith("| gandiag | 2.00 | 4.00 | 1.00 | 1.00 | 1.00 | 0.10 | 0e+00 |")
    assert second == "|  | torch-fidelity | 4.00 | 8.00 | 2.00 | 2.00 | 1.00 | 0.10 | 1e-02 |"


def test_ours_is_first_in_every_work():
    for work in works.WORKS.values():
        assert next(iter(work.tools)) == works.OURS
        assert work.digest()
