"""Memory and time against N, and what larger N takes on paper, at sizes of a moment."""

import json
import math
import sys
from pathlib import Path

import pytest
import torch

from gandiag.extractors.inception import InceptionNetwork
from gandiag.metrics import METRICS, precision_recall_density_coverage
from gandiag.statistics import Moments

scaling = pytest.importorskip("benchmarks.scaling.__main__")

from benchmarks.scaling import lists, paper, results, works  # noqa: E402

linux = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="Linux alone tells a process's memory"
)


# --- what is measured ---


@linux
@pytest.mark.parametrize("name", results.GROWTH)
def test_every_work_runs(name):
    row = works.WORKS[name].measure(500, 8)
    assert {*row} == {"seconds", "processor", "gib", "peak"}
    assert row["peak"] > 0


@linux
def test_memory_that_is_let_go_counts_and_what_was_there_does_not():
    there = torch.ones(64 * 2**20, dtype=torch.uint8)
    row = works._beside(lambda: torch.ones(256 * 2**20, dtype=torch.uint8))
    assert row["gib"] == pytest.approx(0.25, abs=0.03)
    assert row["peak"] > row["gib"] + len(there) / 2**30


def test_a_stream_is_of_as_many_points_and_the_same_each_time():
    batches = [*works.stream(2300, 3, seed=1)]
    assert [len(batch) for batch in batches] == [1000, 1000, 300]
    assert torch.equal(torch.cat(batches), torch.cat([*works.stream(2300, 3, seed=1)]))
    assert not torch.equal(batches[0], batches[1])


def test_both_ways_of_a_stream_give_the_same_distance(monkeypatch):
    found = []
    compute, distance = works.gandiag.Scorer.compute, works.frechet_from_moments
    monkeypatch.setattr(
        works.gandiag.Scorer, "compute", lambda scorer: found.append(compute(scorer))
    )
    monkeypatch.setattr(
        works, "frechet_from_moments", lambda *given: found.append(distance(*given))
    )
    works.scored(1200, 4)
    works.added_up(1200, 4)
    report, value = found
    assert report["fid"].value == pytest.approx(value, rel=1e-9)


# --- what is kept ---


def row(work, n, **changes):
    kept = {"work": work, "n": n, "width": 64, "seconds": 1.0, "processor": 1.0, "gib": 0.1}
    return {**kept, "peak": 0.5, "digest": results.digest(work), **changes}


def test_what_is_there_is_not_due_and_what_other_code_made_is(tmp_path):
    path = tmp_path / "scaling.json"
    results.write([row("vendi", 2000), row("kid", 2000, digest="0" * 64)], path)
    kept = results.read(path)
    assert [each["work"] for each in kept] == ["vendi"]
    found = [*scaling.due(["kid", "vendi"], kept)]
    assert found[0] == ("kid", 2000)
    assert ("vendi", 2000) not in found
    assert ("vendi", 5000) in found


def test_rows_are_kept_by_work_and_size(tmp_path):
    path = tmp_path / "scaling.json"
    given = [row("vendi", 2000), row("prdc", 5000), row("prdc", 2000)]
    results.write(given, path)
    assert len(json.loads(path.read_text())) == 3
    assert results.read(path) == [given[2], given[1], given[0]]
    assert results.read(tmp_path / "none.json") == []


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """The command with points that take no time, and its results in a folder of the test's own."""
    path = tmp_path / "scaling.json"
    asked = []

    def measured(name, n, seconds):
        asked.append((name, n))
        return row(name, n) if seconds is None or n <= seconds else None

    monkeypatch.setattr(scaling, "measured", measured)
    monkeypatch.setattr(scaling, "read", lambda: results.read(path))
    monkeypatch.setattr(scaling, "write", lambda rows: results.write(rows, path))
    monkeypatch.setattr(scaling, "draw", lambda rows: results.draw(rows, tmp_path / "it.png"))

    def run(*args):
        asked.clear()
        monkeypatch.setattr(sys, "argv", ["scaling", *args])
        scaling.main()
        return [*asked], capsys.readouterr().out

    return run


def test_it_goes_on_where_it_stopped(run, tmp_path):
    first, out = run("--only", "kid", "--seconds", "5000")
    assert first == [("kid", 2000), ("kid", 5000), ("kid", 10_000)]  # larger ones take longer
    assert "| kernel distance, all pairs | 10,000, 20,000, 50,000 | not measured |" in out
    assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")
    rest, _ = run("--only", "kid")
    assert rest == [("kid", 10_000), ("kid", 20_000), ("kid", 50_000)]
    assert run("--only", "kid")[0] == []
    assert run("--table")[0] == []


def test_a_point_that_fails_or_takes_too_long_leaves_no_row(monkeypatch, capsys):
    def late(*given, **how):
        raise scaling.subprocess.TimeoutExpired("python", 1)

    monkeypatch.setattr(scaling.subprocess, "run", late)
    assert scaling.measured("kid", 2000, 1.0) is None
    assert "left for later" in capsys.readouterr().err
    ended = scaling.subprocess.CompletedProcess([], 1, "", "Traceback\nMemoryError: no\n")
    monkeypatch.setattr(scaling.subprocess, "run", lambda *given, **how: ended)
    assert scaling.measured("kid", 2000, None) is None
    assert "kid at 2,000: MemoryError: no" in capsys.readouterr().err


def test_the_table_says_how_it_grows_and_what_is_over():
    kept = [row("prdc", 2000, gib=0.5, processor=1.0), row("prdc", 20_000, gib=5.0, processor=100)]
    kept += [row("fid", 2000, gib=0.1), row("fid", 20_000, gib=0.11), row("fid", 200_000, gib=0.2)]
    lines = [*results.table(kept)]
    (prdc,) = [line for line in lines if "20,000 x 64" in line and "precision" in line]
    assert "| 5,120 (above the limit of 3 GiB) | N^1.0 | 100.0 | N^2.0 |" in prdc
    small, middle, large, *_ = [line for line in lines if "by a scorer" in line]
    assert "not flat" not in small + middle
    assert "205 (not flat)" in large
    kept = [row("moments", 2000, gib=0.004), row("moments", 20_000, gib=0.012)]
    assert "not flat" not in "".join(results.table(kept))  # some MiB are the allocator's
    assert "| Vendi score | 2,000, 5,000, 10,000, 20,000, 50,000 | not measured | | | |" in lines


def test_what_is_committed_keeps_its_limits():
    for each in results.read():
        limit = works.WORKS[each["work"]].limit
        assert limit is None or each["gib"] < limit


def test_every_work_names_its_code():
    for name in works.WORKS:
        assert len(results.digest(name)) == 64
    assert "gandiag/metrics/prdc.py" in works.WORKS["prdc"].sources
    assert {*results.GROWTH} - {"moments"} <= {*METRICS}


# --- on paper ---


def test_bytes_are_those_of_what_is_remembered():
    moments = Moments.of(torch.randn(30, 5, generator=torch.Generator().manual_seed(0)))
    ours = sum(each.nbytes for each in moments.arrays().values())
    assert ours == 8 * (5**2 + 5 + 1)
    of, *_ = paper.BYTES["moments"]
    assert of(10**6) == of(10**10) == 8 * (2048**2 + 2048 + 1)
    of, *_ = paper.BYTES["features, float32"]
    assert of(10**6) == torch.empty(10**6, 2048, dtype=torch.float32, device="meta").nbytes


def test_operations_of_inception_are_those_of_its_convolutions():
    network = InceptionNetwork()
    found = 0

    def seen(module, given, out):
        nonlocal found
        found += 2 * module.weight[0].numel() * out.numel()

    for each in network.convolutions().values():
        each.register_forward_hook(seen)
    network(torch.empty(1, 3, 299, 299, device="meta"), ["pool3"])
    assert paper.inception() == found
    assert found == pytest.approx(11.4e9, rel=0.01)  # 5.7 billion products (Szegedy et al.: 5)


def test_operations_grow_as_they_should():
    def grows(name):
        of, *_ = paper.OPERATIONS[name]
        return math.log10(of(10**10) / of(10**8)) / 2

    assert grows("adding up moments") == grows("features by Inception") == pytest.approx(1)
    assert grows("Fréchet distance") == 0
    assert grows("kernel distance, all pairs") == pytest.approx(2)
    assert grows("kernel distance, 100 subsets") == 0
    assert grows("nearest neighbours, all pairs") == pytest.approx(2)
    assert grows("nearest neighbours, 16 lists of √N") == pytest.approx(1.5)


def test_collisions_are_those_of_the_birthday_problem():
    assert paper.collisions(2**33) == pytest.approx(2, rel=1e-6)
    assert paper.collisions(1) == 0


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0, "0 B"),
        (999, "999 B"),
        (8192e6, "8.19 GB"),
        (1.2345e15, "1.23 PB"),
        (9.99e20, "999 EB"),
        (8.192e23, "8.2e+23 B"),
    ],
)
def test_numbers_with_prefixes(value, told):
    assert paper.scaled(value, "B") == told


def test_the_table_on_paper_has_a_column_a_size():
    header, rule, *lines = paper.table()
    assert len(lines) == len(paper.BYTES) + 1 + len(paper.OPERATIONS)
    assert {line.count("|") for line in (header, rule, *lines)} == {len(paper.SIZES) + 4}


# --- neighbours by lists ---


@pytest.fixture(scope="module")
def sets():
    real, generated = lists.drawn(300, 6, 1.0)
    return real, generated[:280]


def test_with_every_list_it_is_exact(sets):
    real, generated = sets
    *_, last = lists.compared(real, generated, (0.1, 1.0))
    exact = precision_recall_density_coverage(real=real, generated=generated, k=lists.K)
    assert last["exact"] == pytest.approx(exact, abs=1e-12)
    assert last["neighbours"] == pytest.approx(1)
    assert {*last["off"].values()} == {0.0}
    assert last["computed"] == pytest.approx(1 + last["lists"] / 300)


def test_few_lists_are_those_of_the_slow_twin(sets):
    """Row by row: the lists in order of their centres, the rows in the first of them."""
    real, generated = sets
    most = 3
    ours, theirs = lists.Lists(real, 17), lists.Lists(generated, 17)

    def seen(row, index, itself=None):
        order = (index.centres - row).norm(dim=1).argsort()[:most].tolist()
        return [i for i in range(len(index.rows)) if index.list_of[i] in order and i != itself]

    def radius(i, index):
        row = index.rows[i]
        found = sorted(float((row - index.rows[j]).norm()) for j in seen(row, index, i))
        return found[lists.K - 1] if len(found) >= lists.K else math.inf

    radii = [[radius(i, each) for i in range(len(each.rows))] for each in (ours, theirs)]

    def balls(queries, index, own):
        return [
            [j for j in seen(row, index) if float((row - index.rows[j]).norm()) <= own[j]]
            for row in queries
        ]

    in_real, in_generated = balls(generated, ours, radii[0]), balls(real, theirs, radii[1])
    by_hand = {
        "precision": sum(map(bool, in_real)) / len(generated),
        "recall": sum(map(bool, in_generated)) / len(real),
        "density": sum(map(len, in_real)) / lists.K / len(generated),
        "coverage": len({j for found in in_real for j in found}) / len(real),
    }
    quick = [each.radii([most])[0] for each in (ours, theirs)]
    for mine, theirs_too in zip(quick, radii, strict=True):
        assert torch.allclose(mine[0].sqrt(), torch.tensor(theirs_too, dtype=torch.float64))
    (found,) = lists.four(ours, theirs, quick, [most])
    assert found == pytest.approx(by_hand, abs=1e-12)


def test_few_near_rows_do_not_hide_those_in_the_lists(sets, monkeypatch):
    index = lists.Lists(sets[0], 17)
    whole, *_ = index.radii([1, 3])
    monkeypatch.setattr(lists, "NEAREST", lists.K)
    few, *_ = index.radii([1, 3])
    assert all(torch.equal(a, b) for a, b in zip(whole, few, strict=True))


def test_more_lists_find_more_neighbours(sets):
    found = [*lists.compared(*sets, (0.05, 0.2, 0.5))]
    assert [each["neighbours"] for each in found] == sorted(each["neighbours"] for each in found)
    assert found[0]["neighbours"] < 0.9 < found[-1]["neighbours"]
    assert [each["computed"] for each in found] == sorted(each["computed"] for each in found)


def test_the_table_of_lists_says_how_far_off():
    each = {
        "features": "x",
        "lists": 70,
        "share": 0.1,
        "computed": 0.123,
        "neighbours": 0.9,
        "exact": dict.fromkeys(lists.NAMES, 0.5),
        "off": dict.fromkeys(lists.NAMES, -0.0121),
    }
    *_, exact, line = paper.errors([{"n": 5000, "found": [each]}])
    assert exact == "| x | 5,000 | 70 | all | 100% | 100% | 0.500 | 0.500 | 0.500 | 0.500 |"
    assert line == ("| x | 5,000 | 70 | 10% | 12.3% | 90.0% | -0.012 | -0.012 | -0.012 | -0.012 |")
