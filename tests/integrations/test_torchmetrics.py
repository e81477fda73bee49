"""torchmetrics: the numbers of `gandiag.score`, in one process and in two."""

import copy
import json
import pickle
import sys
from pathlib import Path

import pytest
import torch
from toys import images

import gandiag
from gandiag import GandiagError
from gandiag.monitors.probing import random_states

sys.path.insert(0, str(Path(__file__).parents[1] / "monitors"))
from parallel import together

pytestmark = pytest.mark.frameworks

FAKE, REAL = images(70), images(50, seed=1)
HOW = {"features": "pixels:2", "cache": False}
SEVERAL = "fid,kid,prdc,vendi"
# Sums in another order, of float64.
CLOSE = 1e-12


@pytest.fixture
def ours():
    with random_states():  # importing torchmetrics draws from the global generators
        pytest.importorskip("torchmetrics")
        from gandiag.integrations import torchmetrics

        yield torchmetrics


def fed(metric, fake=FAKE, real=REAL, size=9):
    for start in range(0, len(fake), size):
        metric.update(fake[start : start + size])
    for start in range(0, len(real), size):
        metric.update(real[start : start + size], real=True)
    return metric


def same(values, report):
    assert list(values) == list(report)
    for name, value in values.items():
        assert value.dtype == torch.float64
        assert value.item() == pytest.approx(report[name].value, rel=CLOSE, abs=CLOSE)


def test_the_numbers_of_score(ours):
    metric = fed(ours.GanScores(SEVERAL, **HOW))
    same(metric.compute(), gandiag.score(FAKE, REAL, metrics=SEVERAL, **HOW))


@pytest.mark.parametrize("name", ["fid", "precision", "vendi"])
def test_one_score_is_a_scalar(ours, name):
    metric = fed(ours.GanScore(name, **HOW))
    report = gandiag.score(FAKE, REAL, metrics=name, **HOW)
    assert metric.compute().shape == ()
    assert metric.compute().item() == pytest.approx(report[name].value, rel=CLOSE)
    assert metric.higher_is_better == (report[name].better == "higher")


def test_more_may_come_after_a_number(ours):
    metric = ours.GanScore("fid", **HOW)
    fed(metric, FAKE[:40])
    first = metric.compute().item()
    metric.update(FAKE[40:])
    assert metric.compute().item() != first
    assert metric.compute().item() == pytest.approx(
        gandiag.score(FAKE, REAL, metrics="fid", **HOW)["fid"].value, rel=CLOSE
    )


@pytest.mark.parametrize("keep", [True, False])
def test_reset_forgets(ours, keep):
    metric = fed(ours.GanScore("fid", keep_real=keep, **HOW), images(70, seed=5))
    metric.compute()
    metric.reset()
    fed(metric, FAKE, REAL[:0] if keep else REAL)
    expected = gandiag.score(FAKE, REAL, metrics="fid", **HOW)["fid"].value
    assert metric.compute().item() == pytest.approx(expected, rel=CLOSE)


def test_reals_that_are_named(ours):
    metric = ours.GanScore("fid", real=REAL, **HOW)
    metric.update(FAKE)
    expected = gandiag.score(FAKE, REAL, metrics="fid", **HOW)["fid"].value
    assert metric.compute().item() == pytest.approx(expected, rel=CLOSE)


def test_a_step_in_a_loop_takes_in(ours):
    metric = ours.GanScore("fid", **HOW)
    assert metric(FAKE) is None
    metric(REAL, real=True)
    expected = gandiag.score(FAKE, REAL, metrics="fid", **HOW)["fid"].value
    assert metric.compute().item() == pytest.approx(expected, rel=CLOSE)


def test_in_a_collection(ours):
    import torchmetrics

    both = torchmetrics.MetricCollection(
        {"fid": ours.GanScore("fid", **HOW), "all": ours.GanScores("kid,vendi", **HOW)}
    )
    both.update(FAKE)
    both.update(REAL, real=True)
    values = both.compute()
    report = gandiag.score(FAKE, REAL, metrics=SEVERAL, **HOW)
    assert values["fid"].item() == pytest.approx(report["fid"].value, rel=CLOSE)
    assert values["vendi[pixels:2]"].item() == pytest.approx(report["vendi"].value, rel=CLOSE)
    both.reset()


def test_copies_are_of_their_own(ours):
    metric = fed(ours.GanScore("fid", **HOW))
    for other in (metric.clone(), copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        other.update(images(20, seed=9))
        assert other.compute().item() != metric.compute().item()


def test_what_is_wrong_is_one_sentence(ours):
    with pytest.raises(GandiagError, match="did you mean fid"):
        ours.GanScore("fdi")
    with pytest.raises(GandiagError, match="feature"):
        ours.GanScore("fid", featurs="lite0")
    with pytest.raises(GandiagError, match="value_range"):
        ours.GanScore("fid", **HOW).update(FAKE / 255)
    with pytest.raises(GandiagError, match="no generated image"):
        ours.GanScore("fid", **HOW).compute()


PROGRAM = """
import json, sys, torch
import torch.distributed as dist
from gandiag.integrations.torchmetrics import GanScore, GanScores
from toys import images

dist.init_process_group("gloo")
rank = dist.get_rank()
fake, real = images(70), images(50, seed=1)
how = {"features": "pixels:2", "cache": False}
metric = GanScores("fid,kid,prdc,vendi", **how)
# Shares of unlike size; the second process sees no real image at all.
for batch in (fake[:33] if rank == 0 else fake[33:]).split(10):
    metric.update(batch)
if rank == 0:
    for batch in real.split(20):
        metric.update(batch, real=True)
first = {name: value.item() for name, value in metric.compute().items()}
metric.update(images(10, seed=3))  # goes on by itself, and again together
second = {name: value.item() for name, value in metric.compute().items()}
metric.reset()
one = GanScore("fid", real=real, **how)
if rank == 1:
    one.update(fake)
print(json.dumps([first, second, one.compute().item(), len(metric.parts)]))
dist.destroy_process_group()
"""


def test_two_processes_have_the_numbers_of_one(ours, monkeypatch):
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{root}:{root / 'tests'}")
    told = [json.loads(each) for each in together(PROGRAM)]
    assert told[0] == told[1]
    first, second, one, parts = told[0]
    at_once = gandiag.score(FAKE, REAL, metrics=SEVERAL, **HOW)
    more = torch.cat([FAKE[:33], images(10, seed=3), FAKE[33:], images(10, seed=3)])
    after = gandiag.score(more, REAL, metrics=SEVERAL, **HOW)
    for values, report in ((first, at_once), (second, after)):
        assert list(values) == list(report)
        for name, value in values.items():
            assert value == pytest.approx(report[name].value, rel=CLOSE, abs=CLOSE)
    assert one == pytest.approx(at_once["fid"].value, rel=CLOSE)
    assert parts == 0


def test_lightning_logs_it(ours, seeded, tmp_path):
    lightning = pytest.importorskip("lightning")

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))
            self.fid = ours.GanScore("fid", keep_real=True, **HOW)

        def training_step(self, batch, index):
            return self.weight**2

        def validation_step(self, batch, index):
            self.fid.update(batch[0])
            if self.current_epoch == 0 and not self.trainer.sanity_checking:
                self.fid.update(REAL[index * 25 : index * 25 + 25], real=True)
            self.log("fid", self.fid, on_step=False, on_epoch=True)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    seen = []

    class Keep(lightning.Callback):
        def on_validation_end(self, trainer, pl_module):
            seen.append(trainer.callback_metrics["fid"].item())

    data = torch.utils.data.TensorDataset(FAKE)
    loader = torch.utils.data.DataLoader(data, batch_size=35)
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
        callbacks=[Keep()], default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(Module(), loader, loader)
    expected = gandiag.score(FAKE, REAL, metrics="fid", **HOW)["fid"].value
    assert seen == pytest.approx([expected, expected], rel=1e-6)  # Lightning keeps float32
