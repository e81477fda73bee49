"""Checkpoints: whole or absent, and a resumed run is the run that was never stopped."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import time

import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.monitors import read
from reference_models import checkpoints
from reference_models.generator import load
from reference_models.recipe import Recipe, replace, to_json
from reference_models.train import train
from reference_models.trainer import prepare

POINTS = replace(
    Recipe("points", "ring8"), latent=4, width_g=16, width_d=16, steps=20, batch=16, ema=0.9
)
# Everything that has a state: batch norm, spectral norm, dropout, stored samples, loss scaling.
STATEFUL = replace(
    POINTS,
    {
        "data": "digits",
        "network": "dcgan",
        "width_g": 4,
        "width_d": 4,
        "norm_g": "batch",
        "norm_d": "spectral",
        "condition_g": "norm",
        "condition_d": "projection",
        "dropout": 0.2,
        "replay": 40,
        "precision": "fp16",
        "instance_noise": 0.1,
        "decay": "linear",
    },
)


def same(a, b):
    """Whether two checkpoints hold the same bytes, but for what is not the training's."""
    names = sorted(p.name for p in a.iterdir())
    assert names == sorted(p.name for p in b.iterdir())
    return all((a / name).read_bytes() == (b / name).read_bytes() for name in names)


class StopError(Exception):
    pass


def stop_at(step):
    def on_step(trainer, losses):
        if trainer.finished == step:
            raise StopError

    return on_step


RECIPES = [POINTS, STATEFUL, replace(POINTS, {"optimizer": "sgd", "beta1": 0.0})]
RECIPES += [replace(POINTS, {"optimizer": "rmsprop"}), replace(POINTS, {"unroll": 2, "warmup": 3})]


@pytest.mark.parametrize("recipe", RECIPES, ids=["points", "all", "sgd", "rmsprop", "unrolled"])
def test_resume_is_bit_exact(recipe, tmp_path):
    train(recipe, out=tmp_path / "whole", checkpoint_every=10)
    with pytest.raises(StopError):
        train(recipe, out=tmp_path / "cut", checkpoint_every=10, on_step=stop_at(17))
    resumed = []
    train(
        recipe,
        out=tmp_path / "cut",
        checkpoint_every=10,
        resume=True,
        on_step=lambda trainer, losses: resumed.append(losses.step),
    )
    assert resumed == list(range(10, 20))
    for step in (10, 20):
        name = f"step-{step:08d}"
        assert same(tmp_path / "whole" / name, tmp_path / "cut" / name)
    samples = [load(tmp_path / run).samples(range(80)).x for run in ("whole", "cut")]
    assert torch.equal(*samples)


def die_at(step):
    def on_step(trainer, losses):
        if trainer.finished == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return on_step


def train_until(step, recipe, out):
    train(recipe, out=out, checkpoint_every=100, on_step=die_at(step))


# Forked: a fresh interpreter would spend most of these tests on importing torch.
FORK = multiprocessing.get_context("fork")


def test_killed_and_resumed(tmp_path):
    """200 steps in one go are 100 steps and some more, a SIGKILL, and 100 more."""
    recipe = replace(STATEFUL, {"steps": 200, "network": "mlp", "precision": "fp32"})
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    process = FORK.Process(target=train_until, args=(137, recipe, cut))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert [p.name for p in checkpoints.find(cut)] == ["step-00000100"]
    train(recipe, out=cut, checkpoint_every=100, resume=True)
    train(recipe, out=whole, checkpoint_every=100)
    for name in ("step-00000100", "step-00000200"):
        assert same(whole / name, cut / name)


def train_quietly(recipe, out, reached):
    torch.set_num_threads(1)

    def tell(trainer, losses):
        reached.value = trainer.finished

    train(recipe, out=out, checkpoint_every=3, resume=True, on_step=tell)


def test_killed_at_random_moments(tmp_path):
    recipe = replace(POINTS, {"steps": 100_000})
    moments = random.Random(0)
    before = 0
    for _ in range(20):
        reached = FORK.Value("q", 0)
        process = FORK.Process(target=train_quietly, args=(recipe, tmp_path, reached))
        process.start()
        while not reached.value and process.is_alive():
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.2))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        there = checkpoints.find(tmp_path)
        newest = checkpoints.read_head(there[-1])["step"] if there else 0
        assert newest >= max(before, reached.value - 3)
        for checkpoint in there:
            checkpoints.restore(prepare(recipe), checkpoint)
        before = newest
    assert before > 20
    checkpoints.prune(tmp_path, 3)
    remains = {p.name.split("-")[0] for p in tmp_path.iterdir()}
    assert remains == {"step", "recipe.json", "monitor.jsonl"}


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    trainer = prepare(POINTS)
    trainer.step()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GandiagError, match="No space left"):
        checkpoints.save(trainer, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_last_and_the_best_stay(tmp_path):
    scores = iter([5.0, 2.0, float("nan"), 3.0, 4.0])
    train(POINTS, out=tmp_path, checkpoint_every=4, keep=2, score=lambda sampler: next(scores))
    assert [p.name for p in checkpoints.find(tmp_path)] == [
        f"step-{step:08d}" for step in (8, 16, 20)
    ]
    assert checkpoints.best(tmp_path).name == "step-00000008"


def test_all_stay_if_asked_to(tmp_path):
    train(POINTS, out=tmp_path, checkpoint_every=4, keep=0)
    assert len(checkpoints.find(tmp_path)) == 5
    assert checkpoints.best(tmp_path) is None


def test_score_sees_the_sampler_of_that_step(tmp_path):
    seen = []
    train(
        POINTS,
        out=tmp_path,
        checkpoint_every=10,
        score=lambda sampler: seen.append(sampler.samples(range(5)).x) or 0.0,
    )
    for x, checkpoint in zip(seen, checkpoints.find(tmp_path), strict=True):
        assert torch.equal(x, load(checkpoint).samples(range(5)).x)


def test_the_monitor_is_resumed_and_takes_no_part(tmp_path):
    recipe = replace(POINTS, {"steps": 60})
    for name in ("whole", "cut"):
        train(recipe, out=tmp_path / name, checkpoint_every=30)
    shutil.rmtree(tmp_path / "cut" / "step-00000060")
    train(recipe, out=tmp_path / "cut", checkpoint_every=30, resume=True)
    train(recipe, out=tmp_path / "alone", checkpoint_every=30, monitored=False)
    rows = [read(tmp_path / name / "monitor.jsonl").rows for name in ("whole", "cut")]
    assert [step for step, _ in rows[0]] == list(range(1, 61))
    assert rows[0] == rows[1]
    heads = [
        checkpoints.read_head(tmp_path / name / "step-00000060")
        for name in ("whole", "cut", "alone")
    ]
    assert heads[0]["companions"] == heads[1]["companions"]
    assert "monitor" in heads[0]["companions"]
    assert heads[2]["companions"] == {}
    for name in ("average", "generator", "discriminator", "optimizers"):
        file = f"step-00000060/{name}.safetensors"
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "alone" / file).read_bytes()


def test_a_diverging_companion_is_saved(tmp_path):
    trainer = prepare(POINTS)
    values = {"c": [float("nan"), float("inf"), 1.5]}
    folder = checkpoints.save(trainer, tmp_path, companions=values)
    assert str(checkpoints.restore(trainer, folder)["c"]) == "[nan, inf, 1.5]"


def test_a_finished_run_has_nothing_to_do(tmp_path):
    train(POINTS, out=tmp_path)
    trainer = train(POINTS, out=tmp_path, resume=True)
    assert trainer.finished == POINTS.optimisation.steps


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train(STATEFUL, out=folder, checkpoint_every=20)
    return folder


def change(path, **values):
    text = json.loads(path.read_text()) | values
    path.write_text(json.dumps(text))


@pytest.mark.parametrize(
    ("recipe", "options", "says"),
    [
        (STATEFUL, {}, "already holds a run"),
        (STATEFUL, {"resume": True, "seed": 1}, "seed 0, not 1"),
        (replace(STATEFUL, {"lr_g": 1.0}), {"resume": True}, r"lr_g 0\.0002, not 1\.0"),
    ],
)
def test_another_run_in_the_same_folder(finished, recipe, options, says):
    with pytest.raises(GandiagError, match=says):
        train(recipe, out=finished, **options)


def spoil_weights(checkpoint):
    path = checkpoint / "average.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def spoil_head(checkpoint):
    (checkpoint / "checkpoint.json").write_text("{")


def another_version(checkpoint):
    change(checkpoint / "checkpoint.json", format=99)


def another_architecture(checkpoint):
    recipe = checkpoints.read_recipe(checkpoint)
    (checkpoint / "recipe.json").write_text(to_json(replace(recipe, {"width_g": 8})))


def unknown_field(checkpoint):
    change(checkpoint / "recipe.json", magic=True)


def pickle(checkpoint):
    torch.save({"x": torch.zeros(3)}, checkpoint / "average.safetensors")


def no_weights(checkpoint):
    (checkpoint / "average.safetensors").unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (spoil_weights, r"cannot read .*average\.safetensors"),
        (spoil_head, r"cannot read .*checkpoint\.json"),
        (another_version, "format 99"),
        (another_architecture, "another architecture"),
        (unknown_field, "unknown field 'magic'"),
        (pickle, r"cannot read .*average\.safetensors"),
        (no_weights, r"cannot read .*average\.safetensors"),
    ],
)
def test_what_cannot_be_loaded_is_named(finished, tmp_path, spoil, says):
    shutil.copytree(finished, tmp_path / "copy")
    spoil(checkpoints.newest(tmp_path / "copy"))
    with pytest.raises(GandiagError, match=says) as caught:
        load(tmp_path / "copy")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("names", [list("abcdefghij"), list("012345678")])
def test_classes_that_are_no_longer_the_datas(finished, tmp_path, names):
    shutil.copytree(finished, tmp_path / "copy")
    change(checkpoints.newest(tmp_path / "copy") / "checkpoint.json", classes=names)
    with pytest.raises(GandiagError, match=f"on {len(names)} classes, and digits now has 10"):
        train(STATEFUL, out=tmp_path / "copy", resume=True)


def test_no_checkpoint_there(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(GandiagError, match="holds no checkpoint"):
            load(path)


def test_no_place_to_write(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GandiagError, match="cannot write"):
        train(POINTS, out=tmp_path / "file" / "run")
