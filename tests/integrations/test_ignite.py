"""Ignite's DCGAN example with our lines in it."""

import logging

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.utils.data import DataLoader
from tutorial import break_down, images, networks, scalars

import gandiag

pytestmark = [pytest.mark.frameworks, pytest.mark.usefixtures("seeded")]


@pytest.fixture
def engine():
    return pytest.importorskip("ignite.engine")


def trainer_of(engine, breaks_at):
    netG, netD = networks()
    optimizerG = torch.optim.Adam(netG.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizerD = torch.optim.Adam(netD.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def step(trainer, data):
        real_labels, fake_labels = torch.ones(len(data), 1), torch.zeros(len(data), 1)
        if trainer.state.iteration == breaks_at:
            break_down(netG)

        netD.zero_grad()
        output = netD(data)
        errD_real = bce(output, real_labels)
        errD_real.backward()
        fake = netG(torch.randn(len(data), 8))
        output_fake = netD(fake.detach())
        errD_fake = bce(output_fake, fake_labels)
        errD_fake.backward()
        optimizerD.step()

        netG.zero_grad()
        errG = bce(netD(fake), real_labels)
        errG.backward()
        optimizerG.step()
        errD = errD_real + errD_fake
        return {"d_real": output, "d_fake": output_fake, "loss_d": errD, "loss_g": errG}

    return engine.Engine(step), netG, netD, optimizerG, optimizerD


def trained(engine, *, breaks_at=None, before=lambda trainer: None, **changes):
    from gandiag.integrations.ignite import EngineSink, MonitorHandler

    trainer, netG, netD, optimizerG, optimizerD = trainer_of(engine, breaks_at)
    with gandiag.Monitor(
        netG,
        netD,
        opt_g=optimizerG,
        opt_d=optimizerD,
        loss="non-saturating",
        sampler=lambda n, rng: netG(torch.randn(n, 8, generator=rng)),
        real=images(),
        every=2,
        overhead=None,
        sinks=[EngineSink(trainer)],
        **changes,
    ) as monitor:
        MonitorHandler(monitor).attach(trainer)
        before(trainer)
        trainer.run(DataLoader(images(32), batch_size=8), max_epochs=2)
    return trainer, monitor


def test_a_nan_is_told_by_the_engines_logger_and_event(engine, tmp_path, caplog):
    pytest.importorskip("tensorboard")
    from ignite.handlers.tensorboard_logger import OutputHandler, TensorboardLogger

    from gandiag.integrations.ignite import MonitorEvents

    heard, loggers = [], []

    def before(trainer):
        @trainer.on(MonitorEvents.ALERT)
        def hear(engine):
            heard.append(engine.state.alert)

        loggers.append(TensorboardLogger(log_dir=tmp_path))
        handler = OutputHandler("training", metric_names="all")
        loggers[0].attach(trainer, handler, MonitorEvents.CHECK)

    trainer, monitor = trained(engine, breaks_at=5, before=before)
    loggers[0].close()
    assert trainer.state.iteration == 8  # nobody asked to stop
    assert monitor._guard.failed == {}
    (alert,) = [each for each in monitor.alerts if each.pathology == "divergence"]
    assert (alert.level, alert.step) == ("ERROR", 5)
    assert heard == monitor.alerts
    name = trainer.logger.name
    assert (name, logging.ERROR, alert.message) in caplog.record_tuples
    assert trainer.state.metrics["gandiag/d_steps_per_g"] == 1
    events = scalars(tmp_path).Scalars("training/gandiag/d_loss")
    assert [each.step for each in events] == [2, 4, 5, 7, 8]


def test_the_engine_terminates_where_it_was_asked_to(engine):
    trainer, monitor = trained(engine, breaks_at=5, stop_on=["divergence"])
    assert monitor.should_stop
    assert trainer.state.iteration == 5


def test_an_error_in_training_is_the_users(engine, tmp_path):
    def before(trainer):
        @trainer.on(engine.Events.ITERATION_COMPLETED(once=3))
        def fail(engine):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        trained(engine, before=before, run=tmp_path)
    assert '"type": "end"' in (tmp_path / "monitor.jsonl").read_text()
