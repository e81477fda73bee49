"""The monitor as a whole: levels, clock, sinks, resuming, mixed precision."""

import json
import logging
import sys
import types

import pytest
import torch
from small_gan import Loop, Rows, ring

import gandiag
from gandiag.monitors import PATHOLOGIES, SIGNALS, Over, Pathology, Verdict, read, replay
from gandiag.monitors.alerts import Alert, from_json
from gandiag.monitors.sinks import Callback, JsonLines, Log, MLflow, TensorBoard, WeightsAndBiases

ALERT = Alert(
    "mode-collapse", "WARN", 300, 200, "missing_mass", 0.5, 0.1, {"churn": 0.0}, ("c",), ("r",)
)
OVER = Over("mode-collapse", "WARN", 500, 450, 300)
BARE = {"sampler": None, "real": None, "heldout": None}


def test_every_signal_is_finite_and_in_the_table():
    loop, sink = Loop(), Rows()
    with loop.monitor(lipschitz="sn", sinks=[sink]) as monitor:
        loop.iterate(monitor, steps=550)
        assert {line.status for line in monitor.report().lines} <= {"ok", "alerting", "inactive"}
    found = set().union(*(row for _, row in sink.rows))
    assert found <= set(SIGNALS)
    labelled = {"label_auc", "label_agreement", "class_missing", "class_spread"}
    # Ten steps are too few for a periodogram; nothing was broken; no penalty was given.
    features = {"feature_missing", "feature_energy", "feature_unlike"}
    assert set(SIGNALS) - found == labelled | features | {
        "nonfinite_step",
        "dead_penalty",
        "loss_period",
    }
    for _, row in sink.rows:
        assert all(isinstance(value, float) and abs(value) < float("inf") for value in row.values())


def test_labelled_samples_are_judged_class_by_class():
    loop, sink = Loop(), Rows()
    y = torch.arange(256) % 4
    means = torch.tensor([[2.0, 0], [0, 2], [-2, 0], [0, -2]])
    noise = 0.1 * torch.randn(256, 2, generator=torch.Generator().manual_seed(3))

    def sampler(n, rng):
        labels = torch.randint(4, (n,), generator=rng)
        # Class 3 is a copy of class 0, and class 1 is a point.
        x = means[torch.where(labels == 3, 0, labels)] + 0.1 * torch.randn(n, 2, generator=rng)
        return torch.where(labels[:, None] == 1, means[1], x), labels

    def scores(x, y):
        return -(x - means[y]).square().sum(1)

    with loop.monitor(
        sampler=sampler,
        real=(means[y] + noise, y),
        heldout=None,
        discriminator=scores,
        sinks=[sink],
    ) as monitor:
        assert monitor.context.conditional
        loop.iterate(monitor, steps=10)
    ((_, row),) = sink.rows
    # All of class 3 but the cell that is nearest to where its samples are.
    assert 0.9 < row["class_missing"] < 1
    assert row["class_spread"] == pytest.approx(0.0, abs=1e-3)
    # Three quarters of the samples are in their class: (0.75 - 0.25) / (1 - 0.25).
    assert row["label_agreement"] == pytest.approx(2 / 3, abs=0.05)
    assert row["label_auc"] > 0.8


def test_a_loop_without_monitor_step_is_watched_through_the_optimizers():
    loop, sink = Loop(), Rows()
    with loop.monitor(sinks=[sink], **BARE) as monitor:
        loop.iterate(steps=25, n_critic=3)
        assert monitor.steps == 25
    # Closing judges the steps since the last check.
    assert [step for step, _ in sink.rows] == [10, 20, 25]
    assert sink.rows[-1][1]["d_steps_per_g"] == 3
    assert "auc_real_fake" not in sink.rows[-1][1]
    lines = {line.pathology: line for line in monitor.report().lines}
    assert lines["mode-collapse"].detail == "needs a sampler and real samples"
    assert lines["lipschitz-violation"].status == "inactive"
    assert lines["divergence"].status == "ok"
    assert "monitor.step(d_real=" in lines["discriminator-overpowering"].detail
    assert lines["dead-units"].detail == "needs a sampler and real samples"
    assert [line.pathology for line in monitor.report().lines] == list(PATHOLOGIES)


def test_a_check_at_every_step_waits_for_the_scores_of_the_step():
    loop, sink = Loop(), Rows()
    with loop.monitor(sinks=[sink], every=1, **BARE) as monitor:
        loop.iterate(monitor, steps=5)
    assert [step for step, _ in sink.rows] == [1, 2, 3, 4, 5]
    # Before the first call the monitor cannot know that there will be one.
    assert ["auc_real_fake" in row for _, row in sink.rows] == [False, True, True, True, True]


def test_before_the_first_check_nothing_is_called_healthy():
    loop = Loop()
    with loop.monitor() as monitor:
        assert {line.status for line in monitor.report().lines} == {"inactive"}


@pytest.mark.parametrize("where", ["loss", "gradient", "weights"])
def test_a_broken_step_is_told_with_its_number(where):
    loop, sink = Loop(), Rows()
    with loop.monitor(sinks=[sink], stop_on=["divergence"]) as monitor:
        loop.iterate(monitor, steps=13)
        assert not monitor.should_stop
        told = 13 if where == "loss" else 14
        if where == "loss":
            monitor.step(loss_d=torch.tensor(float("nan")))
        elif where == "gradient":
            with torch.no_grad():
                next(loop.D.parameters()).fill_(float("inf"))
        else:
            with torch.no_grad():
                loop.G[0].weight.fill_(float("nan"))
        loop.iterate(monitor, steps=1)
        assert monitor.should_stop
        loop.iterate(monitor, steps=26)
    (alert,) = [alert for alert in sink.alerts if alert.pathology == "divergence"]
    assert (alert.level, alert.step) == ("ERROR", told)
    assert alert.evidence["nonfinite_step"] == 13
    # Only the first such step is told out of turn.
    assert [step for step, _ in sink.rows] == [10, told, told + 10, told + 20, 40]
    assert all(value == value for _, row in sink.rows for value in row.values())


@pytest.mark.parametrize("times", [1e10, 1e20, 1e30])
def test_samples_that_explode_end_no_run(times):
    loop, sink = Loop(), Rows()
    with loop.monitor(sinks=[sink]) as monitor:
        loop.iterate(monitor, steps=23)
        with torch.no_grad():
            for weight in loop.G.parameters():
                weight.mul_(times)
        loop.iterate(monitor, steps=20)
    assert "divergence" in {alert.pathology for alert in sink.alerts}


def test_replaying_the_file_gives_the_alerts_of_the_run(tmp_path):
    loop = Loop()
    with loop.monitor(run=tmp_path, sinks=None, loss="minimax", lipschitz="gp", budget=400) as m:
        loop.iterate(m, steps=250)
        m.mark("rate halved")
        loop.iterate(m, steps=150)
    found = read(tmp_path / "monitor.jsonl")
    assert found.alerts == m.alerts != []
    assert found.context == m.context
    assert replay(found.rows, found.context, marks=found.marks) == m.alerts
    assert [(mark.step, mark.event) for mark in found.marks] == [(250, "rate halved")]


@pytest.mark.parametrize("stop", [30, 57, 250])
def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(stop, tmp_path):
    whole, parts = Loop(), Loop()
    one, two = Rows(), Rows()
    arguments = {"loss": "minimax", "lipschitz": "gp", "budget": 320}
    with whole.monitor(sinks=[one], **arguments) as monitor:
        whole.iterate(monitor, steps=320)
        report = monitor.report()
    with parts.monitor(sinks=[two], run=tmp_path, **arguments) as monitor:
        parts.iterate(monitor, steps=stop)
        text = json.dumps(monitor.state_dict(), allow_nan=False)
        # Lost when the process was killed:
        monitor._judging.tell(stop + 1, {"nonfinite": 1.0})
    two.rows[:] = [row for row in two.rows if row[0] % 10 == 0]
    two.alerts[:] = [alert for alert in two.alerts if alert.step <= stop // 10 * 10]
    with parts.monitor(sinks=[two], run=tmp_path, **arguments) as monitor:
        monitor.load_state_dict(json.loads(text))
        parts.iterate(monitor, steps=320 - stop)
        assert monitor.report() == report
    assert two.rows == one.rows
    assert two.alerts == one.alerts
    found = read(tmp_path / "monitor.jsonl")
    assert found.rows == one.rows
    assert found.alerts == one.alerts


def test_a_run_that_starts_anew_in_a_folder_forgets_what_was_there(tmp_path):
    for steps in (30, 10):
        loop = Loop()
        with loop.monitor(run=tmp_path, **BARE) as monitor:
            loop.iterate(monitor, steps=steps)
    assert [step for step, _ in read(tmp_path / "monitor.jsonl").rows] == [10]


def test_a_state_of_another_version_is_refused():
    with Loop().monitor(**BARE) as monitor, pytest.raises(gandiag.GandiagError, match="schema 99"):
        monitor.load_state_dict({"schema": 99})


def test_steps_that_a_scaler_skips_are_counted_and_are_no_divergence():
    loop, sink = Loop(), Rows()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=1000)
    loop.D.eval()  # dropout draws from the global generator
    with loop.monitor(sinks=[sink], **BARE) as monitor:
        for i in range(44):
            z = torch.randn(8, 4, generator=loop.rng)
            for optimizer, loss in ((loop.opt_d, loop.D(loop.real[:8])), (loop.opt_g, loop.G(z))):
                optimizer.zero_grad()
                scaler.scale(loss.square().mean()).backward()
                if i in (3, 4):
                    optimizer.param_groups[0]["params"][0].grad.fill_(float("inf"))
                scaler.step(optimizer)
                scaler.update()
            monitor.step()
    assert sink.rows[0][1]["skipped_steps"] == 2
    assert sink.rows[1][1]["skipped_steps"] == 0
    assert sum(row["nonfinite"] for _, row in sink.rows) == 0
    # Unscaled: a thousand times smaller than what backward left.
    assert sink.rows[0][1]["g_grad_norm"] < 10
    assert monitor.steps == 42


def test_a_fused_optimizer_under_a_scaler_shows_unscaled_gradients():
    loop = Loop()
    with loop.monitor(**BARE) as monitor:
        for p in loop.G.parameters():
            p.grad = torch.full_like(p, 1024.0)
        loop.opt_g.grad_scale, loop.opt_g.found_inf = torch.tensor(1024.0), torch.tensor(0.0)
        # As GradScaler.step does around the step of an optimizer that is fused.
        monitor._heard.probes["g"]._look(loop.opt_g)
        count = sum(p.numel() for p in loop.G.parameters())
        (norm,) = monitor._heard.window.peek()["g_norm"][1]
        assert norm == pytest.approx(count**0.5)


def test_a_detached_penalty_is_seen():
    loop, sink = Loop(), Rows()
    weight = next(loop.D.parameters())
    with loop.monitor(sinks=[sink], **BARE) as monitor:
        for i in range(20):
            loop.opt_g.step()
            live = (weight**2).sum()
            monitor.step(penalty=live if i < 10 else live.detach())
    assert [row["dead_penalty"] for _, row in sink.rows] == [0, 1]


def test_alerts_survive_json():
    assert from_json(json.loads(json.dumps(ALERT.to_json()))) == ALERT
    assert from_json(ALERT.to_json() | {"later": 1}) == ALERT
    assert ALERT.message.startswith("mode-collapse at step 300 (since 200): missing_mass 0.5")


def test_alerts_go_to_the_log_with_their_level(caplog):
    with caplog.at_level(logging.INFO, logger="gandiag"):
        Log().alert(ALERT)
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [("WARNING", ALERT.message)]


def test_a_callback_is_called_and_may_raise():
    found = []
    Callback(found.append).alert(ALERT)
    assert found == [ALERT]

    def fail(alert):
        raise KeyError(alert.pathology)

    with pytest.raises(KeyError, match="mode-collapse"):
        Callback(fail).alert(ALERT)


def test_half_a_line_of_a_killed_run_is_left_out(tmp_path):
    path = tmp_path / "monitor.jsonl"
    sink = JsonLines(path)
    sink.signals(10, {"churn": 0.5})
    sink.close()
    with path.open("a") as file:
        file.write('{"type": "sig')
    assert read(path).rows == [(10, {"churn": 0.5})]
    sink = JsonLines(path)
    sink.signals(20, {"churn": 0.5})
    sink.close()
    assert read(path).rows == [(10, {"churn": 0.5}), (20, {"churn": 0.5})]


def test_a_file_of_something_else_is_named(tmp_path):
    path = tmp_path / "monitor.jsonl"
    path.write_text('{"type": "signals", "step": 1, "values": {}}\n{"loss": 1}\n{"loss": 2}\n')
    with pytest.raises(gandiag.GandiagError, match="line 2"):
        read(path)


def test_files_that_cannot_be_are_named(tmp_path):
    with pytest.raises(gandiag.GandiagError, match="cannot read"):
        read(tmp_path / "none.jsonl")
    (tmp_path / "file").write_text("")
    with pytest.raises(gandiag.GandiagError, match="cannot write"):
        JsonLines(tmp_path / "file" / "monitor.jsonl")


class Recorder:
    """Stands for a SummaryWriter or a wandb run."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *args, **kwargs: self.calls.append((name, args, kwargs))


def test_tensorboard_gets_scalars_and_text():
    writer = Recorder()
    sink = TensorBoard(writer)
    sink.signals(10, {"churn": 0.5})
    sink.alert(ALERT)
    sink.over(OVER)
    sink.close()
    assert writer.calls == [
        ("add_scalar", ("gandiag/churn", 0.5, 10), {}),
        ("add_text", ("gandiag/mode-collapse", ALERT.message, 300), {}),
        ("add_text", ("gandiag/mode-collapse", OVER.message, 500), {}),
        ("flush", (), {}),
    ]


def test_wandb_gets_scalars_and_alerts_with_short_titles(monkeypatch):
    run = Recorder()
    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(run=run))
    sink = WeightsAndBiases()
    sink.signals(10, {"churn": 0.5})
    sink.alert(ALERT)
    sink.over(OVER)
    sink.close()
    logged = {"gandiag/step": 10, "gandiag/churn": 0.5}
    assert run.calls[2] == ("log", (logged,), {"commit": True})
    assert run.calls[3][2]["level"] == "WARN"
    assert (run.calls[4][2]["text"], run.calls[4][2]["level"]) == (OVER.message, "INFO")
    assert max(len(f"gandiag: {name}") for name in PATHOLOGIES) < 64
    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(run=None))
    with pytest.raises(gandiag.GandiagError, match="no active run"):
        WeightsAndBiases()


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(gandiag.GandiagError, match="pip install wandb"):
        WeightsAndBiases()
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(gandiag.GandiagError, match="pip install tensorboard"):
        TensorBoard(tmp_path)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(gandiag.GandiagError, match="pip install mlflow"):
        MLflow()


def test_sinks_are_closed_and_the_same_data_gives_the_same_reference():
    loop, sink = Loop(), Rows()
    monitor = loop.monitor(sinks=[sink])
    monitor.close()
    assert sink.closed
    other = Loop().monitor(sinks=())
    a, b = monitor._panel.reference.pixels, other._panel.reference.pixels
    assert torch.equal(a.features, b.features)
    assert torch.equal(a.bins.centres, b.bins.centres)


def test_reals_may_come_from_a_function():
    loop, sink = Loop(), Rows()
    with loop.monitor(real=ring, heldout=ring, sinks=[sink]) as monitor:
        loop.iterate(monitor, steps=10)
    assert "auc_train_heldout" in sink.rows[0][1]


class Classifying(torch.nn.Module):
    """As an auxiliary classifier: a score and class logits, from samples alone."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            self.layer = torch.nn.Linear(2, 4)

    def forward(self, x):
        out = self.layer(x)
        return out[:, :1], out[:, 1:]


def test_a_discriminator_that_classifies_needs_no_labels():
    with torch.random.fork_rng():
        generator = torch.nn.Linear(2, 2)
    discriminator = Classifying()
    labels = torch.arange(64) % 3
    real = torch.randn(64, 2, generator=torch.Generator().manual_seed(0)), labels
    opt_g = torch.optim.SGD(generator.parameters(), 0.1)
    opt_d = torch.optim.SGD(discriminator.parameters(), 0.1)
    rows = Rows()
    with gandiag.Monitor(
        generator,
        discriminator,
        opt_g=opt_g,
        opt_d=opt_d,
        sampler=lambda n, rng: (generator(torch.randn(n, 2, generator=rng)), torch.arange(n) % 3),
        real=real,
        every=1,
        sinks=[rows],
    ) as monitor:
        generator(torch.ones(1, 2)).sum().backward()
        opt_g.step()
        monitor.step()
    assert "auc_fresh" in rows.rows[0][1]


def too_bright(history, context, thresholds):
    """A user's own rule: the signal above 2, of which it needs to be told nothing more."""
    value = history.now("brightness")
    return None if value is None else Verdict(value > 2, "brightness", value, 2.0)


def test_a_users_own_signal_and_pathology_are_watched_beside_the_others(tmp_path):
    glare = Pathology("glare", too_bright, reads=("brightness",), remedies=(("dim it", "me"),))
    loop = Loop()
    with loop.monitor(
        detectors=[glare],
        signals={"brightness": lambda step: step / 100},
        stop_on=["glare"],
        run=tmp_path,
    ) as monitor:
        loop.iterate(monitor, steps=200)
        assert monitor.report().lines[-1][:2] == ("glare", "ok")
        assert not monitor.should_stop
        loop.iterate(monitor, steps=60)
        line = monitor.report().lines[-1]
    (alert,) = [each for each in monitor.alerts if each.pathology == "glare"]
    # Above 2 from 210 on, after warm-up, at three checks in a row.
    assert (alert.since, alert.step, alert.value) == (210, 230, 2.3)
    assert (line.status, monitor.should_stop) == ("alerting", True)
    found = read(tmp_path / "monitor.jsonl")
    assert [row["brightness"] for _, row in found.rows][:2] == [0.1, 0.2]
    assert replay(found.rows, found.context, known=[glare]) == [alert]


class Overs(Rows):
    """A sink that keeps ends, too."""

    def __init__(self):
        super().__init__()
        self.overs = []

    def over(self, over):
        self.overs.append(over)


class Notes(Rows):
    """A sink that knows nothing of ends, but takes notes."""

    def __init__(self):
        super().__init__()
        self.notes = []

    def note(self, step, level, message, trace):
        self.notes.append((step, level, message))


@pytest.mark.parametrize("stop", [None, 240, 300, 340])
def test_what_is_over_is_told_everywhere_and_once(stop, tmp_path, caplog):
    glare = Pathology("glare", too_bright, reads=("brightness",))
    signals = {"brightness": lambda step: 3.0 if 210 <= step <= 250 else 1.0}
    loop, sink, notes = Loop(), Overs(), Notes()
    arguments = {
        "detectors": [glare], "signals": signals, "sinks": [Log(), sink, notes], "run": tmp_path,
        **BARE,
    }  # fmt: skip
    monitor = loop.monitor(**arguments)
    for steps in (370,) if stop is None else (stop, 370 - stop):
        if steps != 370 and loop.opt_g.state:
            state = json.loads(json.dumps(monitor.state_dict()))
            monitor.close()
            monitor = loop.monitor(**arguments)
            monitor.load_state_dict(state)
        loop.iterate(monitor, steps=steps)
    line = monitor.report().lines[-1]
    monitor.close()
    # Alerted at the third check, over at the ninth in which it does not hold.
    over = Over("glare", "WARN", step=340, since=260, alerted=230)
    assert line == ("glare", "ok", "over since step 260")
    assert sink.overs == read(tmp_path / "monitor.jsonl").overs == [over]
    assert notes.notes == [(340, "INFO", over.message)]
    assert over.message == "glare is over at step 340 (since 260); it was told at step 230"
    assert [r.levelname for r in caplog.records if r.getMessage() == over.message] == ["WARNING"]


def test_names_that_are_taken_are_refused():
    with pytest.raises(gandiag.GandiagError, match="a signal 'energy'; give yours another name"):
        Loop().monitor(signals={"energy": float})
    with pytest.raises(gandiag.GandiagError, match="a pathology 'plateau' already"):
        Loop().monitor(detectors=[Pathology("plateau", too_bright, reads=("brightness",))])
