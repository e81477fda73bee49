"""A loop as Accelerate's guides write it, with our lines in it."""

import logging

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.utils.data import DataLoader
from tutorial import break_down, images, networks, scalars

import gandiag

pytestmark = [pytest.mark.frameworks, pytest.mark.usefixtures("seeded")]


@pytest.fixture
def accelerate(monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    module = pytest.importorskip("accelerate")
    yield module
    module.state.AcceleratorState._reset_state(reset_partial_state=True)
    module.state.GradientState._reset_state()


class Values:
    """What a tracker of one's own was told."""

    def __init__(self, accelerate):
        class Tracker(accelerate.tracking.GeneralTracker):
            name = "mine"
            requires_logging_directory = False
            tracker = None
            told = []  # noqa: RUF012

            def log(self, values, step=None, **kwargs):
                self.told.append((step, values))

        self.tracker = Tracker()


def trained(accelerate, *, trackers, folder, breaks_at=None, scaler=None, overflows=(), **changes):
    from gandiag.integrations.accelerate import MonitorTracker, tracker_sinks

    tracker = MonitorTracker()
    accelerator = accelerate.Accelerator(
        cpu=True, log_with=[*trackers, tracker], project_dir=folder, gradient_accumulation_steps=1
    )
    accelerator.scaler = scaler
    generator, discriminator = networks()
    opt_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    loader = DataLoader(images(64), batch_size=8)
    generator, discriminator, opt_g, opt_d, loader = accelerator.prepare(
        generator, discriminator, opt_g, opt_d, loader
    )
    accelerator.init_trackers("gan")
    monitor = tracker.monitor = gandiag.Monitor(
        generator,
        discriminator,
        opt_g=opt_g,
        opt_d=opt_d,
        loss="non-saturating",
        sampler=lambda n, rng: generator(torch.randn(n, 8, generator=rng)),
        real=images(),
        every=2,
        overhead=None,
        sinks=tracker_sinks(accelerator),
        **changes,
    )
    for step, real in enumerate(loader, 1):
        if step == breaks_at:
            break_down(generator)
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        fake = generator(torch.randn(len(real), 8))
        d_real, d_fake = discriminator(real), discriminator(fake.detach())
        loss_d = bce(d_real, ones) + bce(d_fake, zeros)
        opt_d.zero_grad()
        accelerator.backward(loss_d)
        opt_d.step()
        loss_g = bce(discriminator(fake), ones)
        opt_g.zero_grad()
        accelerator.backward(torch.inf * loss_g if step in overflows else loss_g)
        opt_g.step()
        accelerator.log(
            {"loss_d": loss_d.item(), "loss_g": loss_g.item()},
            step=step,
            log_kwargs={"gandiag": {"d_real": d_real, "d_fake": d_fake}},
        )
        if monitor.should_stop:
            break
    accelerator.end_training()
    return monitor, step


def test_a_nan_is_told_in_the_trackers(accelerate, tmp_path, caplog):
    pytest.importorskip("tensorboard")
    mine = Values(accelerate).tracker
    trackers = ["tensorboard", mine]
    monitor, step = trained(accelerate, trackers=trackers, folder=tmp_path, breaks_at=5)
    assert step == 8  # nobody asked to stop
    assert monitor._guard.failed == {}
    assert monitor._closed
    (alert,) = [each for each in monitor.alerts if each.pathology == "divergence"]
    assert (alert.level, alert.step) == ("ERROR", 5)
    records = [each for each in caplog.records if each.name == "gandiag"]
    assert [each.levelno for each in records] == [logging.ERROR]
    assert records[0].getMessage().endswith(alert.message)
    assert (5, {"gandiag/alert/divergence": 3.0}) in mine.told
    assert mine.told[0][1].keys() == {"loss_d", "loss_g"}
    events = scalars(tmp_path / "gan")
    assert {"loss_d", "gandiag/energy"} <= set(events.Tags()["scalars"])
    (text,) = events.Tensors("gandiag/divergence/text_summary")
    assert text.tensor_proto.string_val[0].decode() == alert.message
    assert [each.step for each in events.Images("gandiag/samples")][:2] == [2, 5]


def test_a_loop_may_end_where_it_was_asked_to(accelerate, tmp_path):
    monitor, step = trained(
        accelerate, trackers=[], folder=tmp_path, breaks_at=5, stop_on=["divergence"]
    )
    assert monitor.should_stop
    assert step == 5


def test_steps_that_the_scaler_skips_are_counted(accelerate, tmp_path):
    mine = Values(accelerate).tracker
    monitor, step = trained(
        accelerate,
        trackers=[mine],
        folder=tmp_path,
        scaler=torch.amp.GradScaler("cpu", init_scale=4.0),
        overflows=(5, 6),
    )
    assert (*(monitor._heard.probes[name].steps for name in "gd"), step) == (6, 8, 8)
    rows = [values for _, values in mine.told if "gandiag/skipped_steps" in values]
    assert sum(row["gandiag/skipped_steps"] for row in rows) == 2


def test_several_processes_are_refused_before_training(accelerate, monkeypatch):
    from gandiag.integrations import accelerate as ours

    monkeypatch.setattr(ours, "PartialState", lambda: type("State", (), {"num_processes": 2}))
    with pytest.raises(gandiag.GandiagError, match="leave MonitorTracker out"):
        ours.MonitorTracker().start()


def test_runs_of_mlflow_and_wandb_get_sinks_of_their_own(
    accelerate, tmp_path, monkeypatch, request
):
    for key in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "MLFLOW_ALLOW_FILE_STORE"):
        monkeypatch.setenv(key, "true")
    for key, value in (("MODE", "offline"), ("SILENT", "true"), ("ERROR_REPORTING", "false")):
        monkeypatch.setenv(f"WANDB_{key}", value)
    mlflow, wandb = pytest.importorskip("mlflow"), pytest.importorskip("wandb")
    from gandiag.integrations.accelerate import tracker_sinks

    before = mlflow.get_tracking_uri()
    request.addfinalizer(lambda: mlflow.set_tracking_uri(before))
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    accelerator = accelerate.Accelerator(cpu=True, log_with=["mlflow", "wandb"])
    accelerator.init_trackers("gan", init_kwargs={"wandb": {"dir": str(tmp_path)}})
    for sink in tracker_sinks(accelerator):
        sink.signals(3, {"churn": 0.5})
    accelerator.log({"loss_d": 1.0}, step=7)
    run = accelerator.get_tracker("mlflow", unwrap=True).info.run_id
    (found,) = mlflow.MlflowClient().get_metric_history(run, "gandiag/churn")
    assert (found.step, found.value) == (3, 0.5)
    followed = accelerator.get_tracker("wandb", unwrap=True)
    assert (followed.summary["gandiag/churn"], followed.step) == (0.5, 7)
    accelerator.end_training()
    wandb.teardown()
