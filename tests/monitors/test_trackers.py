"""TensorBoard, Weights & Biases and MLflow themselves: a run with a NaN, read back offline."""

import io

import pytest
import torch
from PIL import Image
from small_gan import Loop, Rows

from gandiag import GandiagError
from gandiag.monitors.alerts import Over
from gandiag.monitors.probing import random_states
from gandiag.monitors.sheets import BOX
from gandiag.monitors.sinks import MLflow, TensorBoard, WeightsAndBiases

OVER = Over("divergence", "ERROR", 30, 20, 11)
pytestmark = pytest.mark.frameworks


def failing_run(sink):
    """Two checks, then a NaN in the generator; what a sink that keeps everything was told."""
    loop, rows = Loop(), Rows()
    with loop.monitor(every=5, sinks=[rows, sink], signals={"fd[x]": float}) as monitor:
        loop.iterate(monitor, steps=10)
        with torch.no_grad():
            loop.G[0].weight.fill_(torch.nan)
        loop.iterate(monitor, steps=1)
    assert monitor._guard.failed == {}
    assert [alert.pathology for alert in rows.alerts] == ["divergence"]
    return rows


def test_tensorboard_shows_signals_alerts_and_samples(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    told = failing_run(TensorBoard(tmp_path))
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    for name in ("energy", "d_loss", "fd[x]"):
        found = {e.step: e.value for e in events.Scalars(f"gandiag/{name}")}
        assert found == pytest.approx({s: row[name] for s, row in told.rows if name in row})
    (text,) = events.Tensors("gandiag/divergence/text_summary")
    assert text.step == 11
    assert text.tensor_proto.string_val[0].decode() == told.alerts[0].message
    images = events.Images("gandiag/samples")
    assert [each.step for each in images] == [5, 11]
    assert Image.open(io.BytesIO(images[0].encoded_image_string)).size == (BOX, BOX)


def test_a_writer_of_the_user_stays_open(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(tmp_path))
    failing_run(TensorBoard(writer))
    writer.add_scalar("mine", 1.0, 12)
    writer.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert {"mine", "gandiag/energy"} <= set(events.Tags()["scalars"])


@pytest.fixture
def wandb(monkeypatch, tmp_path):
    """Without a network, an account, or a word on standard error."""
    for key, value in {
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_DIR": str(tmp_path),
        "WANDB_CONFIG_DIR": str(tmp_path / "config"),
        "WANDB_CACHE_DIR": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(key, value)
    module = pytest.importorskip("wandb")
    yield module
    module.teardown()


def test_wandb_gets_signals_alerts_and_samples(wandb, tmp_path):
    with pytest.raises(GandiagError, match="no active run"):
        WeightsAndBiases()
    run = wandb.init(project="gans")
    told = failing_run(WeightsAndBiases())
    assert run.summary["gandiag/step"] == 11
    assert run.summary["gandiag/energy"] == told.rows[1][1]["energy"]
    run.log({"mine": 1})  # the run is still the user's
    run.finish()
    wandb.teardown()  # writes the file out
    (written,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    for words in (b"gandiag/fd[x]", b"gandiag: divergence", told.alerts[0].message.encode()):
        assert words in written.read_bytes()
    pictures = list(tmp_path.glob("wandb/offline-run-*/files/media/images/gandiag/samples_*.png"))
    assert [Image.open(each).size for each in pictures] == [(BOX, BOX)] * 2


def test_wandb_rows_join_those_of_a_loop_with_its_own_steps(wandb):
    with wandb.init(project="gans") as run:
        sink = WeightsAndBiases(run, commit=False)
        for step in range(3):
            sink.signals(100 * step, {"churn": 0.5})
            run.log({"mine": step}, step=step)
        assert run.step == 2
        WeightsAndBiases(run).signals(300, {"churn": 0.5})
        assert run.step == 3


def test_mlflow_gets_signals_alerts_and_samples(monkeypatch, tmp_path):
    for key in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "MLFLOW_ALLOW_FILE_STORE"):
        monkeypatch.setenv(key, "true")
    with random_states():  # its import draws, and so do the names that it gives to runs
        mlflow = pytest.importorskip("mlflow")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    try:
        with pytest.raises(GandiagError, match="no active run"):
            MLflow()
        with random_states():
            run = mlflow.start_run()
            other = mlflow.MlflowClient().create_run("0")
        told = failing_run(MLflow())
        assert mlflow.active_run().info.run_id == run.info.run_id
        mlflow.end_run()
        sink = MLflow(other)
        sink.signals(1, {"churn": 0.5})
        sink.alert(told.alerts[0])
        sink.over(OVER)
        tags = mlflow.MlflowClient().get_run(other.info.run_id).data.tags
        assert tags["gandiag/divergence"] == OVER.message
        assert mlflow.MlflowClient().get_run(other.info.run_id).data.metrics == {
            "gandiag/churn": 0.5
        }
        client = mlflow.MlflowClient()
        for name in ("energy", "d_loss"):
            history = client.get_metric_history(run.info.run_id, f"gandiag/{name}")
            found = {each.step: each.value for each in history}
            assert found == {s: row[name] for s, row in told.rows if name in row}
        assert client.get_metric_history(run.info.run_id, "gandiag/fd_x_")
        tags = client.get_run(run.info.run_id).data.tags
        assert tags["gandiag/divergence"] == told.alerts[0].message
        pictures = [Image.open(each) for each in tmp_path.rglob(f"{run.info.run_id}/**/*.png")]
        assert [each.size for each in pictures] == [(BOX, BOX)] * 2
    finally:
        mlflow.set_tracking_uri(before)
