"""What `benchmarks.gpu` does on a card, tried where there is none."""

import json
import math
import sys
import warnings
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gandiag.extractors.precision import multiplies_bfloat16
from gandiag.metrics import METRICS, Score

gpu = pytest.importorskip("benchmarks.gpu.__main__")

from benchmarks.gpu import networks, numbers, page, rates, results, rows, training, waits  # noqa: E402
from benchmarks.scaling.paper import inception  # noqa: E402

CPU = torch.device("cpu")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """The command, with its results in a folder of the test's own."""
    path = tmp_path / "gpu.json"
    monkeypatch.setattr(gpu, "read", lambda: results.read(path))
    monkeypatch.setattr(gpu, "write", lambda kept: results.write(kept, path))

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["gpu", *args])
        code = gpu.main()
        return (code, *capsys.readouterr())

    return run


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_without_the_device_it_says_so_and_claims_nothing(run, monkeypatch, device, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    code, out, err = run("--device", device)
    assert (code, out) == (2, "")
    assert f"no {device.upper()} device" in err
    assert "--rehearse" in err
    assert err.count("\n") == 1
    assert not [*tmp_path.iterdir()]


def test_a_rehearsal_runs_a_part_and_writes_nothing(run, tmp_path):
    code, out, _ = run("--rehearse", "--only", "peaks")
    assert code == 0
    assert out.startswith("A rehearsal")
    assert "bf16" in out
    assert not [*tmp_path.iterdir()]


def test_on_a_device_each_part_is_written_when_it_is_done(run, monkeypatch, tmp_path):
    def measured(name, device, *, small):
        assert not small
        before = results.read(tmp_path / "gpu.json")
        wrong = [{"of": "x", "precision": "fp32", "error": "no"}] * (name == "peaks")
        return {**kept(name, wrong)[name], "seconds": 1.0, "before": [*before]}

    monkeypatch.setattr(gpu, "there", lambda device: True)
    monkeypatch.setattr(gpu, "measured", measured)
    assert run("--device", "mps", "--only", "scores", "waits", "peaks")[0] == 1
    found = results.read(tmp_path / "gpu.json")
    assert [*found] == ["scores", "peaks"]  # what is waited for is CUDA's alone to tell
    assert found["peaks"]["before"] == ["scores"]
    assert run("--only", "scores")[0] == 0
    assert [*results.read(tmp_path / "gpu.json")] == ["scores", "peaks"]


# --- the same numbers ---


@pytest.fixture
def no_spread(monkeypatch):
    """Without the lower precisions, that differ on the CPU too."""
    monkeypatch.setattr(numbers, "PRECISIONS", ("fp32", "tf32"))


def test_features_of_the_cpu_are_those_of_the_cpu(no_spread):
    found = [*numbers.features(CPU, count=1)]
    assert {row["of"] for row in found} == {*networks.OPEN}
    assert [row.get("error") for row in found] == [None] * len(found)
    assert {row["difference"] for row in found} == {0.0}
    assert not any(map(rows.failed, found))


def test_bfloat16_differs_and_is_within_what_is_declared(monkeypatch):
    monkeypatch.setattr(numbers, "PRECISIONS", ("bf16",))
    monkeypatch.setattr(numbers, "OPEN", {"lite0": networks.OPEN["lite0"]})
    (row,) = numbers.features(CPU, count=1)
    assert not rows.failed(row)
    if not multiplies_bfloat16(CPU):
        assert row["difference"] == 0  # it is float32 there
        return
    assert row["difference"] > 1e-3
    monkeypatch.setitem(numbers.FEATURES, "bf16", 1e-4)
    (row,) = numbers.features(CPU, count=1)
    assert rows.failed(row)


def test_scores_of_the_cpu_are_those_of_the_cpu():
    found = [*numbers.scores(CPU, count=60)]
    assert [row["of"] for row in found] == [name for name in METRICS for _ in range(2)]
    assert [row.get("error") for row in found] == [None] * len(found)
    assert {row["difference"] for row in found} == {0.0}


def test_scores_leave_the_process_as_it_was():
    before = torch.get_float32_matmul_precision()
    with numbers.allowed("tf32"):
        assert torch.get_float32_matmul_precision() == "high"
    assert torch.get_float32_matmul_precision() == before
    with pytest.raises(ZeroDivisionError), numbers.allowed("tf32"):
        raise ZeroDivisionError
    assert torch.get_float32_matmul_precision() == before


def test_the_distance_of_rows():
    exact = torch.tensor([[3.0, 4.0], [0.0, 15.0]])  # of length 5 and 15, 10 in the mean
    moved = exact + torch.tensor([[0.3, 0.4], [0.0, 1.0]])  # by a half and by one
    assert numbers.rows_apart(moved, exact) == pytest.approx(0.1)
    assert numbers.rows_apart(exact, exact) == 0
    assert numbers.rows_apart(exact / 0, exact) == math.inf
    assert numbers.rows_apart(exact, 0 * exact) == math.inf


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (Score(2.0, 1.0, 4.0), Score(2.0, 1.0, 4.0), 0),
        (Score(2.0, 1.0, 4.0), Score(2.0, 1.0, 5.0), 0.2),
        (Score(2.0), Score(1.0), 0.5),
        (Score(0.0), Score(0.0), 0),
        (Score(2.0, 1.0, 4.0), Score(2.0), math.inf),
        (Score(math.nan), Score(math.nan), 0),
        (Score(math.nan), Score(1.0), math.inf),
    ],
)
def test_the_distance_of_scores(one, other, apart):
    assert numbers.scores_apart(one, other) == pytest.approx(apart)


def test_what_one_check_runs_into_does_not_take_the_others_along(monkeypatch):
    def broken(device, precision):
        raise RuntimeError("no kernel\nfor this card")

    monkeypatch.setattr(numbers, "OPEN", {"broken": broken, "pixels": networks.OPEN["pixels"]})
    found = [*numbers.features(CPU, count=1)]
    assert [row.get("error") for row in found] == ["RuntimeError: no kernel"] * 3 + [None] * 3
    assert [rows.failed(row) for row in found] == [True] * 3 + [False] * 3


# --- what is waited for ---


def test_calls_and_copies_are_counted_by_the_profilers_names():
    events = [
        SimpleNamespace(key="cudaStreamSynchronize", count=3),
        SimpleNamespace(key="cudaDeviceSynchronize", count=1),
        SimpleNamespace(key="Memcpy DtoH (Device -> Pageable)", count=2),
        SimpleNamespace(key="Memcpy DtoH (Device -> Pinned)", count=4),
        SimpleNamespace(key="aten::conv2d", count=9),
    ]
    assert waits.counted(events) == {
        "cudaStreamSynchronize": 3,
        "cudaEventSynchronize": 0,
        "Memcpy DtoH": 6,
        "Memcpy HtoD": 0,
    }


def test_every_warning_counts_and_the_mode_is_put_back():
    modes = []

    def waiting():
        for _ in range(3):
            warnings.warn("called a synchronizing CUDA operation", stacklevel=1)
        warnings.warn("something else", stacklevel=1)

    assert waits.warned(waiting, modes.append) == 3
    assert modes == ["warn", "default"]

    def failing():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        waits.warned(failing, modes.append)
    assert modes == ["warn", "default"] * 2


def test_on_a_card_both_ways_count_one_call_each(monkeypatch):
    calls, modes = [], []
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    monkeypatch.setattr(waits, "profiled", lambda call, device: call() or {"Memcpy DtoH": 1})
    found = waits.waits(lambda: calls.append(1), torch.device("cuda"))
    assert found == {"warned": 0, "Memcpy DtoH": 1}
    assert modes == ["warn", "default"]
    assert len(calls) == 2


def test_of_mps_nothing_is_known():
    calls = []
    assert waits.waits(lambda: calls.append(1), torch.device("mps")) == {}
    assert len(calls) == 1


def test_a_scorer_on_the_cpu_waits_for_nothing():
    found = [*waits.scoring(CPU, names=("pixels",), size=64, batches=2)]
    assert [row["of"] for row in found] == ["pixels, a batch of 64", "pixels, 1,024 rows added up"]
    for row in found:
        assert {row[key] for key in (*waits.CALLS, *waits.COPIES)} == {0}


def test_batches_that_would_be_added_up_are_refused():
    row, _ = waits.scoring(CPU, names=("pixels",), size=128, batches=3)
    assert "take fewer" in row["error"]


# --- how fast ---


def test_operations_are_those_of_every_convolution_and_product():
    extractor = networks.OPEN["lite0"](CPU, "fp32")
    prepared = extractor.prepare(networks.pictures("lite0", 2))
    by_hand = 0

    def seen(module, given, out):
        nonlocal by_hand
        if isinstance(module, nn.Conv2d):
            one = module.weight[0].numel()  # products for each number that comes out
        else:
            one = module.in_features
        by_hand += 2 * one * out.numel()

    handles = [
        each.register_forward_hook(seen)
        for each in extractor._model.modules()
        if isinstance(each, nn.Conv2d | nn.Linear)
    ]
    extractor(prepared, [extractor.features])
    for handle in handles:
        handle.remove()
    assert by_hand > 1e9  # 0.4 billion products an image
    assert rates.operations(extractor, prepared) == pytest.approx(by_hand / 2)


def test_what_is_fused_on_a_cpu_is_counted_too():
    extractor = networks.OPEN["inception"](CPU, "fp32")
    prepared = extractor.prepare(networks.pictures("inception", 1))
    before = torch.backends.mkldnn.enabled
    assert rates.operations(extractor, prepared) == inception()
    assert torch.backends.mkldnn.enabled == before


class Clock:
    """A clock that only calls move."""

    def __init__(self, monkeypatch, seconds):
        self.now, self.calls, self.seconds = 0.0, 0, seconds
        monkeypatch.setattr(rates.time, "perf_counter", lambda: self.now)

    def call(self):
        self.calls += 1
        self.now += self.seconds


def test_a_rate_is_of_as_many_calls_as_fit_the_time(monkeypatch):
    clock = Clock(monkeypatch, 0.25)
    assert rates.rate(clock.call, CPU, 2.0) == pytest.approx(4)
    assert clock.calls == 2 + 8


def test_a_call_longer_than_the_time_is_measured_once(monkeypatch):
    clock = Clock(monkeypatch, 5.0)
    assert rates.rate(clock.call, CPU, 2.0) == pytest.approx(0.2)
    assert clock.calls == 3


def steady(per_second):
    """Whatever is called, once, is called so often a second."""

    def rate(call, device, seconds):
        call()
        return per_second

    return rate


def test_the_peak_is_two_operations_a_product(monkeypatch):
    monkeypatch.setattr(rates, "rate", steady(7.0))
    assert rates.peak(CPU, "bf16", side=10, seconds=1) == 2 * 1000 * 7.0


def test_the_share_is_of_the_peak_of_the_same_precision(monkeypatch):
    monkeypatch.setattr(rates, "peak", lambda device, precision, **_: 1e9)
    monkeypatch.setattr(rates, "operations", lambda extractor, prepared: 2e6)
    monkeypatch.setattr(rates, "rate", steady(10.0))
    found = [*rates.images(CPU, names=("pixels",), sizes=(4,), side=8, seconds=0)]
    assert [row["precision"] for row in found] == ["fp32", "tf32", "bf16"]
    for row in found:
        assert row["network"] == row["scorer"] == 40
        assert row["share"] == row["scorer_share"] == pytest.approx(0.08)


def test_two_trainers_take_turns_and_one_is_watched(monkeypatch):
    told, tell = [], training.tell
    monkeypatch.setattr(training, "tell", lambda *given: told.append(tell(*given)))
    (row,) = training.overhead(CPU, names=("ns-r1-ring8",), block=2, blocks=2)
    assert "error" not in row
    assert row["steps_per_second"] > 0
    assert row["monitored"] > 0
    assert {*row["waits"].values()} == {0}
    assert len(told) == 2 * (1 + 2 + 1)  # to warm up, in turns, and while waits are counted


# --- what is kept ---


def kept(name, found, digest=None):
    return {
        name: {
            "digest": digest or results.digest(name),
            "device": "a card",
            "versions": {"torch": "1"},
            "rows": found,
        }
    }


def test_what_other_code_measured_is_not_read(tmp_path):
    path = tmp_path / "gpu.json"
    assert results.read(path) == {}
    results.write({**kept("peaks", []), **kept("waits", [], "0" * 64)}, path)
    assert [*results.read(path)] == ["peaks"]
    assert [*json.loads(path.read_text())] == ["peaks", "waits"]


def test_a_part_is_kept_with_where_it_ran():
    part = results.measured("peaks", CPU, small=True)
    assert part["digest"] == results.digest("peaks")
    assert part["device"].startswith("cpu")
    assert part["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert len(part["rows"]) == 3


def test_no_run_no_figure():
    assert [*page.table({})] == [page.NOTHING]


def test_the_page_shows_what_failed():
    good = {"of": "pixels", "precision": "fp32", "where": "features"}
    far = rows.judged(good, 0.5, 0.1)
    broken = {"of": "lite0", "precision": "bf16", "error": "RuntimeError: no"}
    lines = [*page.table(kept("features", [rows.judged(good, 0.0, 0.1), far, broken]))]
    assert lines[0] == "On a card, torch 1: features."
    assert lines[-3] == "| pixels | fp32 | 0.0e+00 | 1e-01 | features |"
    assert lines[-2] == "| pixels | fp32 | 5.0e-01 (outside) | 1e-01 | features |"
    assert lines[-1] == "| lite0 | bf16 | failed: RuntimeError: no | | |"
    lines = [*page.table(kept("scores", [rows.judged(good, 0.01, 0.1), broken]))]
    assert "1 of 2 scores are within; the farthest of these:" in lines


def test_every_part_has_lines():
    assert {*page.LINES} == {*results.PARTS}
    broken = [{"of": "x", "precision": "fp32", "batch": 2, "error": "no"}]
    for name in results.PARTS:
        assert "no" in "\n".join(page.table(kept(name, broken)))
