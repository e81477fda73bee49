"""Whatever fails in the monitor, training ends with the weights that it has without one."""

import dataclasses
import errno
import json
import logging
import math

import pytest
import torch
from small_gan import Loop, Rows

from gandiag.monitors import PATHOLOGIES, Pathology, Verdict, read
from gandiag.monitors.guarding import Guard, halving, out_of_memory
from gandiag.monitors.sinks import Callback, JsonLines

STEPS = 34


def weights(loop):
    found = [*loop.G.state_dict().values(), *loop.D.state_dict().values()]
    for optimizer in (loop.opt_g, loop.opt_d):
        for state in optimizer.state.values():
            found += state.values()
    return [*found, loop.rng_state, loop.rng.get_state()]


def fail(*args, **kwargs):
    raise ValueError("no more")


def later(function, calls):
    """`function`, until it was called so often."""
    left = [calls]

    def call(*args, **kwargs):
        left[0] -= 1
        return function(*args, **kwargs) if left[0] >= 0 else fail()

    return call


class Broken(Rows):
    """A sink of which one method raises."""

    def __init__(self, method):
        super().__init__()
        setattr(self, method, fail)


class Full:
    """A file on a full disk."""

    def write(self, text):
        return len(text)

    def flush(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    close = flush


def change_sampler(loop, monkeypatch):
    return {"sampler": later(loop.sampler, 8)}


def change_judge(loop, monkeypatch):
    return {"discriminator": later(lambda x: loop.D(x), 1)}


def forget_to_score(loop, monkeypatch):
    judge = later(lambda x: loop.D(x), 1)

    def scores(x):
        try:
            return judge(x)
        except ValueError:
            return None

    return {"discriminator": scores}


def no_memory(loop, monkeypatch):
    def judge(x):
        if len(x) > 24:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return loop.D(x)

    return {"discriminator": judge}


def full_disk(loop, monkeypatch):
    whole = JsonLines.__init__

    def full(self, path):
        whole(self, path)
        self._file = Full()

    monkeypatch.setattr(JsonLines, "__init__", full)
    return {"run": loop.folder}


def grow(monitor, loop):
    loop.opt_g.add_param_group({"params": [torch.nn.Parameter(torch.ones(3))]})


def lose(monitor, loop):
    loop.opt_d.param_groups[0]["params"] = loop.opt_d.param_groups[0]["params"][:-1]


def empty(monitor, loop):
    for group in loop.opt_d.param_groups:
        group["params"] = []


def replace(monitor, loop):
    state = loop.opt_g.state_dict()
    loop.opt_g = torch.optim.Adam(loop.G.parameters(), 1e-3, betas=(0.5, 0.999))
    loop.opt_g.load_state_dict(state)


def destroy(monitor, loop):
    with torch.no_grad():
        for parameter in loop.G.parameters():
            parameter.fill_(torch.nan)


def scores(*pair):
    return lambda monitor, loop: monitor.step(d_real=pair[0], d_fake=pair[1])


def loss(value):
    return lambda monitor, loop: monitor.step(loss_d=value)


def breaking(name):
    def change(loop, monkeypatch):
        monkeypatch.setattr(f"gandiag.monitors.{name}", fail)
        return {}

    change.after = True
    return change


def sink(method):
    return lambda loop, monkeypatch: {"sinks": [Broken(method)]}


ATTACHED = {
    "sampler": change_sampler,
    "judge": change_judge,
    "judge gives None": forget_to_score,
    "memory": no_memory,
    "disk": full_disk,
    "sink signals": sink("signals"),
    "sink alert": sink("alert"),
    "sink close": sink("close"),
    "callback": lambda loop, monkeypatch: {"sinks": [Callback(fail)]},
    **{
        name: breaking(name)
        for name in (
            "signals.spread.energy",
            "signals.spread.effective_rank",
            "signals.histograms.total_variation",
            "signals.ranks.auc",
            "signals.units.dead_share",
            "signals.critics.slopes",
            "signals.critics.applied_weights",
            "signals.gradients.global_norm",
            "signals.gradients.adam_state",
            "signals.losses.sign_changes",
            "signals.losses.loss_slope",
            "signals.turning.rotation",
            "panel._before",
            "processes.agreed",
            "training.of_window",
            "window.to_host",
            "skips.Skips.look",
            "pathologies.detector.Detector.__call__",
            "clock.Clock.look",
            "monitor.Monitor._look",
            "listening.Listener._keep",
        )
    },
}
IN_THE_LOOP = {
    "groups grow": grow,
    "parameters go": lose,
    "no parameters": empty,
    "another optimizer": replace,
    "nan weights": destroy,
    "a tuple of scores": scores((None,), (None,)),
    "a dict of scores": scores({"score": torch.ones(3)}, {"score": torch.ones(3)}),
    "logits": scores(torch.ones(3, 9), torch.ones(3, 9)),
    "no scores": scores(torch.ones(0), torch.ones(0)),
    "scores of words": scores("a", "b"),
    "scores of integers": scores(torch.ones(3, dtype=torch.int64), torch.ones(3).long()),
    "a loss of words": loss("high"),
    "a loss of nothing": loss(torch.ones(0)),
    "a complex loss": loss(torch.ones((), dtype=torch.complex64)),
    "a mark": lambda monitor, loop: monitor.mark(object()),
}


def train(change=None, event=None, watched=True, monkeypatch=None, folder=None):
    loop = Loop()
    loop.folder = folder
    monitor = None
    if watched:
        after = getattr(change, "after", False)
        more = change(loop, monkeypatch) if change and not after else {}
        monitor = loop.monitor(lipschitz="sn", stop_on=["divergence"], **more)
        if after:
            change(loop, monkeypatch)
    loop.iterate(monitor, steps=STEPS // 2)
    if event is not None:
        if watched:
            event(monitor, loop)
        elif event in (grow, lose, empty, replace, destroy):
            event(None, loop)
    loop.iterate(monitor, steps=STEPS // 2)
    if watched:
        monitor.report()
        monitor.close()
    return loop, monitor


@pytest.fixture(scope="module")
def alone():
    return weights(train(watched=False)[0])


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", ATTACHED)
def test_a_part_that_fails_ends_no_training(name, alone, monkeypatch, tmp_path, caplog):
    loop, monitor = train(ATTACHED[name], monkeypatch=monkeypatch, folder=tmp_path)
    assert same(weights(loop), alone)
    quiet = {"sink alert", "callback", "memory"}  # nothing was told, or it went on with less
    assert bool(monitor._guard.failed) == (name not in quiet), monitor._guard.failed
    told = [r.getMessage() for r in caplog.records if "left out from now on" in r.getMessage()]
    assert len(told) == len(set(told)) == len(monitor._guard.failed)


@pytest.mark.parametrize("name", IN_THE_LOOP)
def test_what_the_loop_does_ends_no_training(name):
    event = IN_THE_LOOP[name]
    plain, _ = train(event=event, watched=False)
    watched, _ = train(event=event)
    for a, b in zip(weights(plain), weights(watched), strict=True):
        assert torch.equal(torch.nan_to_num(a.float()), torch.nan_to_num(b.float()))


def test_a_failure_is_told_once_with_its_traceback_and_is_inactive_from_then_on(tmp_path, caplog):
    loop, other = Loop(), Rows()
    arguments = {"sampler": later(loop.sampler, 3), "sinks": [Broken("signals"), other]}
    with loop.monitor(run=tmp_path, **arguments) as monitor:
        loop.iterate(monitor, steps=40)
        report = monitor.report()
    told = [record.getMessage() for record in caplog.records]
    panel, sink = (message for message in told if "left out from now on" in message)
    assert panel == (
        "the monitor's panel failed at step 10 and is left out from now on; training goes on "
        "(ValueError: no more)"
    )
    assert "the monitor's sink Broken failed" in sink
    lines = {line.pathology: line for line in report.lines}
    assert lines["mode-collapse"].status == "inactive"
    assert "panel: ValueError: no more" in lines["mode-collapse"].detail
    assert lines["divergence"].status == "ok"
    assert lines["panel"] == ("panel", "inactive", "ValueError: no more")
    assert lines["sink Broken"].status == "inactive"
    assert [step for step, _ in other.rows] == [10, 20, 30, 40]
    assert [note.message for note in read(tmp_path / "monitor.jsonl").notes] == [panel, sink]
    records = [json.loads(line) for line in (tmp_path / "monitor.jsonl").open()]
    (trace, _) = (record["traceback"] for record in records if record["type"] == "note")
    assert trace.startswith("Traceback")
    assert "in fail" in trace


def test_a_failed_detector_is_inactive_with_the_reason():
    loop = Loop()
    with loop.monitor() as monitor:
        broken = next(d for d in monitor._judging.detectors if d.pathology == "oscillation")
        broken.history.add = fail
        loop.iterate(monitor, steps=10)
        lines = {line.pathology: line for line in monitor.report().lines}
    assert lines["oscillation"] == ("oscillation", "inactive", "ValueError: no more")
    assert {lines[name].status for name in PATHOLOGIES} == {"ok", "inactive"}


def test_a_probe_without_memory_goes_on_with_less():
    loop, sink, sizes = Loop(), Rows(), []

    def judge(x):
        sizes.append(len(x))
        if len(x) > 40:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return loop.D(x)

    with loop.monitor(discriminator=judge, sinks=[sink]) as monitor:
        loop.iterate(monitor, steps=10)
        assert max(sizes) > 40
        sizes.clear()
        loop.iterate(monitor, steps=10)
    assert "auc_fresh" in sink.rows[0][1]
    assert "lipschitz_median" in sink.rows[0][1]
    assert not monitor._guard.failed
    # It is not tried again with more.
    assert max(sizes) <= 40


def test_a_sampler_without_memory_starts_its_past_anew():
    loop, sink = Loop(), Rows()
    much = [False]

    def sampler(n, rng):
        if much[0] and n > 100:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return loop.sampler(n, rng)

    with loop.monitor(sampler=sampler, every=50, sinks=[sink]) as monitor:
        loop.iterate(monitor, steps=100)
        much[0] = True
        loop.iterate(monitor, steps=50)
    assert not monitor._guard.failed
    assert "churn" in sink.rows[1][1]
    assert "churn" not in sink.rows[2][1]
    assert "energy" in sink.rows[2][1]


def test_halving_ends():
    tried = []

    def work(rows):
        tried.append(rows)
        raise MemoryError

    with pytest.raises(MemoryError):
        halving(work, 20)
    assert tried == [20, 10, 5, 2]
    assert not out_of_memory(ValueError("out of memory"))
    with pytest.raises(RuntimeError, match="shape"):
        halving(lambda rows: (_ for _ in ()).throw(RuntimeError("shape")), 20)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_passes(kind):
    def stop():
        raise kind

    with pytest.raises(kind):
        Guard(fail)("part", stop)
    loop = Loop()

    def sampler(n, rng):
        if n > 900 and loop.opt_g.state:
            raise kind
        return loop.sampler(n, rng)

    with pytest.raises(kind), loop.monitor(sampler=sampler) as monitor:
        loop.iterate(monitor, steps=10)
    assert loop.G.training


def test_a_full_disk_is_told_on_the_log_and_what_was_written_stays(tmp_path, caplog):
    loop = Loop()
    with caplog.at_level(logging.WARNING), loop.monitor(run=tmp_path) as monitor:
        loop.iterate(monitor, steps=10)
        monitor._teller._file._file = Full()
        loop.iterate(monitor, steps=20)
    told = [record.getMessage() for record in caplog.records]
    assert "No space left on device" in told[0]
    assert "sink JsonLines" in told[0]
    assert [step for step, _ in read(tmp_path / "monitor.jsonl").rows] == [10]


def own(judge=None, unseen=None):
    """A pathology of a user's own."""
    return Pathology(
        "dullness",
        judge or (lambda h, context, t: Verdict(False, "energy", 0.0, 1.0)),
        reads=("energy",),
        needs=(("colour",),),
        unseen=unseen or (lambda context: None),
    )


def unpackable(*args):
    raise ValueError("no more")


PARTS = {
    "detector dullness": lambda m: setattr(m._judging.detectors[-1], "state_dict", unpackable),
    "panel": lambda m: setattr(m._panel, "state_dict", unpackable),
    "scores": lambda m: setattr(m._instruments.direction, "state_dict", unpackable),
    "path of the weights": lambda m: setattr(m._instruments.sketch, "moves", None),
    "steps left out": lambda m: setattr(m._heard.skips, "state_dict", unpackable),
    "window": lambda m: setattr(m._heard.window, "peek", unpackable),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_state_is_given_without_what_fails_and_can_be_gone_on_from(part, caplog):
    loop = Loop()
    with loop.monitor(detectors=[own()]) as monitor:
        loop.iterate(monitor, steps=13)
        PARTS[part](monitor)
        state = json.loads(json.dumps(monitor.state_dict(), allow_nan=False))
        assert monitor.state_dict().keys() == state.keys()
        (line,) = (line for line in monitor.report().lines if line.pathology == part)
        loop.iterate(monitor, steps=13)
    assert line.status == "inactive"
    assert set(monitor._guard.failed) == {part}
    assert len([r for r in caplog.records if "left out from now on" in r.getMessage()]) == 1
    with loop.monitor(detectors=[own()]) as resumed:
        resumed.load_state_dict(state)
        loop.iterate(resumed, steps=13)
    assert resumed.steps == 26
    assert not resumed._guard.failed


def test_a_report_is_given_without_what_fails(caplog):
    loop = Loop()
    with loop.monitor(detectors=[own(unseen=fail)]) as monitor:
        loop.iterate(monitor, steps=10)
        lines = {line.pathology: line for line in monitor.report().lines}
        assert monitor.report().lines
    assert lines["dullness"] == ("dullness", "inactive", "ValueError: no more")
    assert lines["divergence"].status == "ok"
    (told,) = (r.getMessage() for r in caplog.records)
    assert "the monitor's detector dullness failed at step 10" in told


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(True, "energy", float("nan"), 1.0, at_once=True),
        Verdict(True, "energy", 2.0, None, at_once=True),
        Verdict(True, "energy", 2.0, 1.0, "LOUD", at_once=True),
    ],
)
def test_an_alert_that_cannot_be_written_costs_its_detector_and_no_sink(verdict, tmp_path):
    loop = Loop()
    rule = dataclasses.replace(own(lambda h, context, t: verdict), warm=False)
    with loop.monitor(detectors=[rule], run=tmp_path, sinks=None) as monitor:
        loop.iterate(monitor, steps=20)
    assert set(monitor._guard.failed) == {"detector dullness"}
    assert len(read(tmp_path / "monitor.jsonl").rows) == 2


@pytest.mark.parametrize(
    "value", ["3", math.nan, math.inf, torch.zeros(2), torch.tensor(math.nan), {}, 1j]
)
def test_a_signal_without_a_number_leaves_the_others_alone(value, caplog):
    loop, sink, asked = Loop(), Rows(), []

    def broken(step):
        asked.append(step)
        return value

    signals = {
        "broken": broken,
        "nothing": lambda step: None,
        "now and then": lambda step: None if step == 10 else torch.tensor([step]),
        "step": lambda step: step,
    }
    with loop.monitor(signals=signals, sinks=[sink]) as monitor:
        loop.iterate(monitor, steps=20)
        lines = {line.pathology: line for line in monitor.report().lines}
    assert [row["step"] for _, row in sink.rows] == [10, 20]
    assert [row.get("now and then") for _, row in sink.rows] == [None, 20]
    assert not any({"broken", "nothing"} & set(row) for _, row in sink.rows)
    assert asked == [10]
    assert "give a finite number, or None" in lines["signal broken"].detail
    assert set(monitor._guard.failed) == {"signal broken"}
    assert len(caplog.records) == 1
