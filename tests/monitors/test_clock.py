"""A monitor that hears nothing says so."""

import json

import pytest
import torch
from small_gan import Loop, Rows

from gandiag.monitors import read
from gandiag.monitors.clock import Clock

BARE = {"sampler": None, "real": None, "heldout": None}


def told(caplog):
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_a_scaler_that_skips_every_step_is_told(caplog):
    loop, sink = Loop(), Rows()
    with loop.monitor(every=60, sinks=[sink], stop_on=["divergence"], **BARE) as monitor:
        loop.iterate(monitor, steps=60)
        for _ in range(121):
            # As on an accelerator, where losses are not read between checks.
            monitor._heard.broken = True
            monitor.step(loss_d=torch.tensor(float("nan")))
        lines = {line.pathology: line for line in monitor.report().lines}
        assert monitor.should_stop  # the loss is looked at when the clock is found to stand
    first, second = told(caplog)
    assert "generator's optimizer has not stepped in 120 calls" in first
    assert "discriminator's optimizer has not stepped" in second
    assert lines["divergence"].status == "alerting"
    assert lines["discriminator-overpowering"].status == "inactive"
    assert "has not stepped" in lines["discriminator-overpowering"].detail


def test_an_optimizer_that_is_gone_is_told_at_once_and_once(caplog, tmp_path):
    loop = Loop()
    with loop.monitor(run=tmp_path) as monitor:
        loop.iterate(monitor, steps=10)
        assert "ok" in {line.status for line in monitor.report().lines}
        loop.opt_g = torch.optim.Adam(loop.G.parameters(), 1e-3)
        loop.iterate(monitor, steps=5)
        lines = monitor.report().lines
    (message,) = told(caplog)
    assert message.startswith("step 10: the generator's optimizer does not exist any more")
    assert {line.status for line in lines} <= {"inactive", "alerting"}
    assert [note.message for note in read(tmp_path / "monitor.jsonl").notes] == [message]


def test_without_calls_of_step_the_report_knows(caplog):
    loop = Loop()
    with loop.monitor(**BARE) as monitor:
        loop.iterate(steps=10)
        loop.opt_g = torch.optim.Adam(loop.G.parameters(), 1e-3)
        loop.iterate(steps=5)
        lines = {line.pathology: line for line in monitor.report().lines}
    assert "does not exist any more" in lines["divergence"].detail
    assert len(told(caplog)) == 1


def test_a_discriminator_that_stands_still_is_told(caplog):
    loop = Loop()
    with loop.monitor(**BARE) as monitor:
        loop.iterate(monitor, steps=10)
        for _ in range(101):
            loop.opt_g.step()
            monitor.step()
        assert monitor.report().lines[-1].pathology == "optimizer of D"
        loop.opt_d.step()
        monitor.step()
        assert monitor.report().lines[-1].pathology == "plateau"
    assert ["discriminator's optimizer has not stepped" in each for each in told(caplog)] == [True]


def test_a_critic_of_many_steps_is_usual():
    clock = Clock("generator", 1)
    for call in range(1000):
        assert not clock.look(call // 90, gone=False)
    slow = Clock("generator", 100)
    steps = [slow.look(call // 190, gone=False) for call in range(2000)]
    assert not any(steps)


def test_a_fused_optimizer_that_leaves_steps_out_has_no_gradient_of_norm_0(caplog):
    loop, sink = Loop(), Rows()
    with loop.monitor(sinks=[sink], **BARE) as monitor:
        for step in range(21):
            for p in loop.G.parameters():
                p.grad = torch.full_like(p, 1024.0)
            loop.opt_g.grad_scale = torch.tensor(1024.0)
            loop.opt_g.found_inf = torch.tensor(float(step < 10))
            # As GradScaler.step does around the step of an optimizer that is fused.
            monitor._heard.probes["g"]._look(loop.opt_g)
            monitor._heard.probes["g"]._count(loop.opt_g)
            monitor.step()
            if step == 10:
                lines = {line.pathology: line for line in monitor.report().lines}
    assert "g_grad_norm" not in sink.rows[0][1]
    assert sink.rows[1][1]["g_grad_norm"] == pytest.approx(
        sum(p.numel() for p in loop.G.parameters()) ** 0.5
    )
    assert not [alert for alert in sink.alerts if alert.pathology == "dead-units"]
    (message,) = told(caplog)
    assert "leaves every step out" in message
    assert "leaves every step out" in lines["divergence"].detail


def test_closing_judges_the_last_window_and_watch_ends(tmp_path):
    loop, sink = Loop(), Rows()
    with loop.monitor(sinks=[sink], run=tmp_path, budget=25) as monitor:
        loop.iterate(monitor, steps=23)
        path = tmp_path / "monitor.jsonl"
        assert not read(path).ended
    assert [step for step, _ in sink.rows] == [10, 20, 23]
    assert json.loads(path.read_text().splitlines()[-1]) == {"type": "end", "step": 23}
    assert read(path).ended
    with loop.monitor(sinks=[sink], run=tmp_path):
        assert not read(path).ended


def test_after_an_error_nothing_is_judged_any_more(tmp_path):
    loop, sink = Loop(), Rows()

    def train():
        with loop.monitor(sinks=[sink], run=tmp_path) as monitor:
            loop.iterate(monitor, steps=13)
            raise KeyError

    with pytest.raises(KeyError):
        train()
    assert [step for step, _ in sink.rows] == [10]
    assert read(tmp_path / "monitor.jsonl").ended
