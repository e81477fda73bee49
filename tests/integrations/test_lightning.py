"""Lightning's GAN, optimised by hand, with our lines in it."""

import logging

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.utils.data import DataLoader, TensorDataset
from tutorial import break_down, images, networks, scalars

import gandiag

pytestmark = [pytest.mark.frameworks, pytest.mark.usefixtures("seeded")]


@pytest.fixture
def lightning():
    return pytest.importorskip("lightning")


def module_of(lightning, breaks_at):
    class GAN(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.automatic_optimization = False
            self.generator, self.discriminator = networks()

        def forward(self, z):
            return self.generator(z)

        def training_step(self, batch, batch_idx):
            (x,) = batch
            optimizer_g, optimizer_d = self.optimizers()
            z = torch.randn(len(x), 8).type_as(x)
            ones, zeros = torch.ones(len(x), 1), torch.zeros(len(x), 1)

            if batch_idx == breaks_at:
                break_down(self.generator)

            self.toggle_optimizer(optimizer_g)
            g_loss = bce(self.discriminator(self(z)), ones)
            self.log("g_loss", g_loss, prog_bar=True)
            self.manual_backward(g_loss)
            optimizer_g.step()
            optimizer_g.zero_grad()
            self.untoggle_optimizer(optimizer_g)

            self.toggle_optimizer(optimizer_d)
            d_real, d_fake = self.discriminator(x), self.discriminator(self(z).detach())
            d_loss = (bce(d_real, ones) + bce(d_fake, zeros)) / 2
            self.log("d_loss", d_loss, prog_bar=True)
            self.manual_backward(d_loss)
            optimizer_d.step()
            optimizer_d.zero_grad()
            self.untoggle_optimizer(optimizer_d)
            return {"d_real": d_real, "d_fake": d_fake, "loss_d": d_loss, "loss_g": g_loss}

        def configure_optimizers(self):
            opt_g = torch.optim.Adam(self.generator.parameters(), 2e-4, betas=(0.5, 0.999))
            opt_d = torch.optim.Adam(self.discriminator.parameters(), 2e-4, betas=(0.5, 0.999))
            return [opt_g, opt_d], []

    return GAN()


def trained(
    lightning, folder, *, breaks_at=None, logger=None, ckpt_path=None, batches=None, **changes
):
    from gandiag.integrations.lightning import MonitorCallback

    def watch(module, sinks):
        opt_g, opt_d = module.optimizers()
        return gandiag.Monitor(
            module.generator,
            module.discriminator,
            opt_g=opt_g,
            opt_d=opt_d,
            loss="non-saturating",
            sampler=lambda n, rng: module(torch.randn(n, 8, generator=rng)),
            real=images(),
            every=2,
            overhead=None,
            sinks=sinks,
            **changes,
        )

    callback = MonitorCallback(watch)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=1 if ckpt_path is None else 2,
        callbacks=[callback],
        logger=logger or False,
        default_root_dir=folder,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    loader = DataLoader(TensorDataset(images(48)), batch_size=8)
    if batches is not None:
        loader = DataLoader(batches, batch_size=None)
    trainer.fit(module_of(lightning, breaks_at), loader, ckpt_path=ckpt_path)
    return trainer, callback.monitor


def test_a_nan_is_told_in_the_trainers_own_logger(lightning, tmp_path, caplog):
    pytest.importorskip("tensorboard")
    logger = lightning.pytorch.loggers.TensorBoardLogger(tmp_path)
    trainer, monitor = trained(lightning, tmp_path, breaks_at=3, logger=logger)
    assert trainer.global_step == 2 * 6  # nobody asked to stop
    (alert,) = [each for each in monitor.alerts if each.pathology == "divergence"]
    assert (alert.level, alert.step) == ("ERROR", 4)
    assert ("gandiag", logging.ERROR, alert.message) in caplog.record_tuples
    events = scalars(logger.log_dir)
    assert [e.step for e in events.Scalars("gandiag/d_loss")][:2] == [2, 4]
    (text,) = events.Tensors("gandiag/divergence/text_summary")
    assert text.tensor_proto.string_val[0].decode() == alert.message
    assert [e.step for e in events.Images("gandiag/samples")][:2] == [2, 4]
    assert "g_loss" in events.Tags()["scalars"]
    assert monitor._closed


def test_the_trainer_stops_where_it_was_asked_to(lightning, tmp_path):
    logger = lightning.pytorch.loggers.CSVLogger(tmp_path)
    trainer, monitor = trained(
        lightning, tmp_path, breaks_at=3, logger=logger, stop_on=["divergence"]
    )
    assert monitor.should_stop
    assert trainer.global_step == 2 * 4
    with open(f"{logger.log_dir}/metrics.csv") as file:
        header, *rows = [line.rstrip("\n").split(",") for line in file]
    column = header.index("gandiag/alert/divergence")
    assert [float(row[column]) for row in rows if row[column]] == [3.0]


def test_the_monitor_goes_on_from_a_checkpoint(lightning, tmp_path):
    trainer, monitor = trained(lightning, tmp_path)
    assert monitor.steps == 6
    assert monitor._guard.failed == {}
    trainer.save_checkpoint(tmp_path / "gan.ckpt")
    _, again = trained(lightning, tmp_path, ckpt_path=tmp_path / "gan.ckpt")
    assert again.steps == 12


def test_an_error_in_training_is_the_users_and_the_monitor_is_closed(lightning, tmp_path):
    batches = [(images(8),), (images(8),), (torch.zeros(8, 3),)]
    with pytest.raises(RuntimeError, match="shapes"):
        trained(lightning, tmp_path, batches=batches, run=tmp_path)
    lines = (tmp_path / "monitor.jsonl").read_text().splitlines()
    assert '"type": "end"' in lines[-1]
    # The generator's third step came before the error; such networks are not looked at.
    assert [each for each in lines if '"type": "signals", "step": 3' in each] == []


def test_nothing_happens_before_training(lightning):
    from gandiag.integrations.lightning import MonitorCallback

    callback = MonitorCallback(lambda module, sinks: None)
    callback.on_exception(None, None, ValueError())
    callback.on_train_batch_end(None, None, None, None, 0)
    callback.on_train_end(None, None)
    assert callback.state_dict() == {}


def test_runs_of_mlflow_and_wandb_get_sinks_of_their_own(lightning, tmp_path, monkeypatch):
    for key in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "MLFLOW_ALLOW_FILE_STORE"):
        monkeypatch.setenv(key, "true")
    for key, value in (("MODE", "offline"), ("SILENT", "true"), ("ERROR_REPORTING", "false")):
        monkeypatch.setenv(f"WANDB_{key}", value)
    pytest.importorskip("mlflow")
    wandb = pytest.importorskip("wandb")
    from gandiag.integrations.lightning import _sink

    loggers = lightning.pytorch.loggers
    # Where the logger keeps its runs, which is not where mlflow itself would.
    logger = loggers.MLFlowLogger(tracking_uri=(tmp_path / "runs").as_uri())
    _sink(logger).signals(3, {"churn": 0.5})
    (found,) = logger.experiment.get_metric_history(logger.run_id, "gandiag/churn")
    assert (found.step, found.value) == (3, 0.5)
    logger = loggers.WandbLogger(save_dir=tmp_path, offline=True)
    _sink(logger).signals(3, {"churn": 0.5})
    assert logger.experiment.summary["gandiag/churn"] == 0.5
    logger.experiment.finish()
    wandb.teardown()
