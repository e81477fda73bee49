"""The loop: what a step does, and that its switches do what they say."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from gandiag.errors import GandiagError
from reference_models.data import Batch
from reference_models.distributed import Processes, open_device
from reference_models.generator import sampler_of
from reference_models.losses import LOSSES
from reference_models.randomness import Draws
from reference_models.recipe import PATHS, Recipe, replace
from reference_models.settings import Objective
from reference_models.trainer import Trainer, prepare

POINTS = replace(Recipe("points", "ring8"), latent=4, width_g=16, width_d=16, steps=6, batch=16)
IMAGES = replace(
    POINTS,
    {
        "data": "digits",
        "network": "dcgan",
        "width_g": 4,
        "width_d": 4,
        "norm_g": "batch",
        "norm_d": "batch",
        "interleave": True,
    },
)


def run(recipe, seed=0, **options):
    trainer = prepare(recipe, seed=seed, **options)
    losses = list(trainer.steps())
    return trainer, losses


def weights(trainer):
    networks = nn.ModuleList([trainer.generator, trainer.discriminator])
    return torch.cat([p.detach().flatten() for p in networks.parameters()])


@pytest.mark.parametrize("recipe", [POINTS, IMAGES], ids=["points", "images"])
def test_same_seed_same_run(recipe):
    a, _ = run(recipe)
    b, _ = run(recipe)
    other, _ = run(recipe, seed=1)
    assert torch.equal(weights(a), weights(b))
    assert not torch.equal(weights(a), weights(other))


def test_the_global_state_is_neither_used_nor_moved():
    recipe = replace(IMAGES, {"dropout": 0.3})
    a, _ = run(recipe)
    with torch.random.fork_rng():
        torch.manual_seed(12345)
        before = torch.get_rng_state()
        b, _ = run(recipe)
        assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(weights(a), weights(b))


SWITCHES = {
    "gradient_penalty": 10,
    "r1": 1,
    "r2": 1,
    "dragan": 1,
    "weight_clip": 0.01,
    "n_critic": 3,
    "n_gen": 2,
    "warmup": 2,
    "batch_g": 32,
    "optimizer": "rmsprop",
    "optimizer_d": "sgd",
    "lr_d": 1e-3,
    "decay": "cosine",
    "clip_gradients": 0.01,
    "ema": 0.9,
    "precision": "bf16",
    "latent_kind": "sphere",
    "truncation": 0.5,
    "label_smoothing": 0.1,
    "label_noise": 0.3,
    "label_flips": 0.3,
    "instance_noise": 0.5,
    "replay": 32,
    "separate_batches": False,
    "mirror": True,
    "orthogonal_g": 0.1,
    "orthogonal_d": 0.1,
    "dropout": 0.5,
    "pack": 2,
    "unroll": 2,
    "initialisation": "orthogonal",
    "loss": "hinge",
    "interleave": False,
    "slope": 0.3,
    "accumulate": 2,
    "lr_g": 1e-3,
    "beta1": 0.0,
    "beta2": 0.9,
    "latent": 5,
    "width_g": 6,
    "width_d": 6,
    "norm_g": "layer",
    "norm_d": "spectral",
    "condition_g": "norm",
    "condition_d": "projection",
    "batch": 32,
    "steps": 2,
    "network": "mlp",
    "one_sided": True,
    "penalty_every": 2,
    "auxiliary_d": 3,
    "auxiliary_g": 3,
    "auxiliary_fake": False,
    "instance_noise_steps": 2,
    "depth_g": 2,
    "depth_d": 2,
    "pieces": 3,
    "scale": 2.0,
    "halve": "mean",
    "diff_augment": "color,translation,cutout",
    "historical_g": 1.0,
    "historical_d": 1.0,
    "lecam": 1.0,
    "lecam_decay": 0.5,
    "lecam_start": 2,
    "feature_matching": 1.0,
    "layer_noise": 0.5,
    "minibatch_std": 4,
    "patch_layers": 2,
    "multi_scale": True,
    "latent_step": 0.9,
    "latent_damping": 0.1,
}
# What a switch needs to have an effect.
FLAT = {"network": "mlp", "interleave": False}
NEEDS = {
    "one_sided": {"gradient_penalty": 10},
    "penalty_every": {"gradient_penalty": 10},
    "auxiliary_d": {"condition_d": "auxiliary"},
    "auxiliary_g": {"condition_d": "auxiliary"},
    "auxiliary_fake": {"condition_d": "auxiliary"},
    "instance_noise_steps": {"instance_noise": 1.0},
    "depth_g": FLAT,
    "depth_d": FLAT,
    "pieces": FLAT,
    "network": FLAT,
    "lecam_decay": {"lecam": 1.0},
    "lecam_start": {"lecam": 1.0},
    "latent_damping": {"latent_step": 0.9},
}
ELSEWHERE = {
    *("name", "source", "departures", "targets"),  # change nothing
    *("data", "resolution"),  # test_data.py
    *("upsample", "pool"),  # test_networks.py
    "compile",  # below
}


def test_no_switch_is_forgotten():
    assert set(PATHS) == {*SWITCHES, *ELSEWHERE}


@pytest.mark.parametrize("name", SWITCHES)
def test_every_switch_runs_and_matters(name):
    needs = NEEDS.get(name, {}) if name != "network" else {}
    base = replace(IMAGES, {"steps": 3, **needs})
    plain, _ = run(base)
    trainer, losses = run(replace(base, {**NEEDS.get(name, {}), name: SWITCHES[name]}))
    assert all(torch.isfinite(part).all() for part in losses[-1][1:])
    ours = torch.cat([p.flatten() for p in trainer.average.network.parameters()])
    theirs = torch.cat([p.flatten() for p in plain.average.network.parameters()])
    assert ours.shape != theirs.shape or not torch.equal(ours, theirs)


@pytest.mark.parametrize("condition_d", ["concat", "projection", "auxiliary"])
@pytest.mark.parametrize("condition_g", ["concat", "norm"])
def test_conditional_models_train(condition_g, condition_d):
    labels = {"condition_g": condition_g, "condition_d": condition_d}
    recipe = replace(IMAGES, labels | {"gradient_penalty": 1, "replay": 32})
    trainer, losses = run(recipe)
    assert torch.isfinite(weights(trainer)).all()
    assert losses[-1].d_real.shape == (16,)


def test_counts_of_updates():
    recipe = replace(POINTS, {"n_critic": 3, "n_gen": 2, "warmup": 4, "steps": 5})
    trainer = prepare(recipe)
    counts = {"g": 0, "d": 0}
    for optimizer, key in ((trainer.g_optimizer, "g"), (trainer.d_optimizer, "d")):

        def count(*_, key=key):
            counts[key] += 1

        optimizer.register_step_post_hook(count)
    for _ in trainer.steps():
        pass
    assert counts == {"g": 10, "d": 3 * 5 + 4}
    assert trainer.seen == (3 * 5 + 4) * 16


def test_rates_follow_the_schedule():
    trainer = prepare(replace(POINTS, {"decay": "linear", "steps": 4, "lr_d": 4e-4, "lr_g": 1e-4}))
    found = []
    for _ in trainer.steps():
        groups = (trainer.d_optimizer.param_groups[0], trainer.g_optimizer.param_groups[0])
        found.append([group["lr"] for group in groups])
    assert found == [pytest.approx([4e-4 * s, 1e-4 * s]) for s in (1, 0.75, 0.5, 0.25)]


def test_discriminator_learns_nothing_in_the_generators_step():
    trainer = prepare(POINTS)
    trainer.step()
    assert all(p.requires_grad for p in trainer.discriminator.parameters())
    before = [p.grad.clone() for p in trainer.discriminator.parameters()]
    trainer._update_generator(0)
    after = [p.grad for p in trainer.discriminator.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


class Constant:
    """Data that is one number, for arithmetic by hand."""

    name, shape, classes = "constant", (1,), ()

    def batch(self, start, size, seed, part=slice(None)):
        x = torch.full((size, 1), 3.0, dtype=torch.float32)[part]
        return Batch(x, torch.zeros(len(x), dtype=torch.int64))


class Point(nn.Module):
    """G(z) = theta, D(x) = psi x."""

    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x, y):
        return self.value.expand(len(x), 1)


class Slope(Point):
    def forward(self, x, y):
        return self.value * x


@pytest.mark.parametrize("accumulate", [1, 4])
@pytest.mark.parametrize("separate", [True, False])
def test_a_step_by_hand(accumulate, separate):
    """WGAN on one number with plain descent: psi += h (3 - theta), then theta += h psi."""
    recipe = replace(
        POINTS,
        {
            "loss": "wasserstein",
            "optimizer": "sgd",
            "beta1": 0.0,
            "lr_d": 0.1,
            "lr_g": 0.5,
            "accumulate": accumulate,
            "separate_batches": separate,
        },
    )
    trainer = Trainer(
        recipe,
        Constant(),
        Point(1.0),
        Slope(0.5),
        loss=LOSSES["wasserstein"],
        penalty=lambda critic, real, fake, rng: torch.zeros(()),
    )
    losses = trainer.step()
    psi = 0.5 + 0.1 * (3 - 1)
    assert trainer.discriminator.value.item() == pytest.approx(psi)
    assert trainer.generator.value.item() == pytest.approx(1 + 0.5 * psi)
    assert losses.d_loss.item() == pytest.approx(0.5 * (1 - 3))
    assert losses.g_loss.item() == pytest.approx(-psi)
    assert torch.equal(losses.d_real, torch.full((16 // accumulate,), 1.5))


def test_lazy_penalty_has_the_weight_of_those_left_out():
    calls = []

    def penalty(critic, real, fake, rng):
        calls.append(1)
        return torch.zeros(())

    recipe = replace(POINTS, {"penalty_every": 4, "n_critic": 2, "steps": 8})
    built = prepare(recipe)
    trainer = Trainer(
        recipe,
        built.data,
        built.generator,
        built.discriminator,
        loss=built.loss,
        penalty=penalty,
    )
    for _ in trainer.steps():
        pass
    assert len(calls) == 16 / 4

    from reference_models.build import penalty as build_penalty

    args = (lambda x: x.sum(1), torch.zeros(4, 2), torch.zeros(4, 2), torch.Generator())
    lazy = build_penalty(Objective(r1=0.5, penalty_every=4))(*args)
    eager = build_penalty(Objective(r1=0.5))(*args)
    assert lazy.item() == 4 * eager.item() == 4 * 0.5 * 0.5 * 2


@pytest.mark.parametrize(("loss", "real"), [("non-saturating", 0), ("relativistic", 1)])
def test_the_generator_draws_real_samples_only_where_its_loss_looks_at_them(loss, real):
    recipe = replace(POINTS, {"loss": loss, "batch_g": 32, "n_gen": 2, "steps": 1})
    trainer, losses = run(recipe)
    assert trainer.seen == 16 + real * 2 * 32
    assert losses[-1].g_loss.isfinite()


def test_a_relativistic_step_by_hand():
    """Pairs of 3 and theta: L_G = log(1 + exp(3 psi - psi theta)), with psi after its own step."""
    changes = {"loss": "relativistic", "optimizer": "sgd", "beta1": 0.0, "lr_d": 0.1, "lr_g": 0.5}
    trainer = Trainer(
        replace(POINTS, changes),
        Constant(),
        Point(1.0),
        Slope(0.5),
        loss=LOSSES["relativistic"],
        penalty=lambda critic, real, fake, rng: torch.zeros(()),
    )
    losses = trainer.step()
    psi = 0.5 + 0.1 * 2 / (1 + math.exp(0.5 * 2))
    assert trainer.discriminator.value.item() == pytest.approx(psi)
    assert losses.d_loss.item() == pytest.approx(math.log1p(math.exp(-0.5 * 2)))
    assert losses.g_loss.item() == pytest.approx(math.log1p(math.exp(psi * 2)))
    theta = 1 + 0.5 * psi / (1 + math.exp(-psi * 2))
    assert trainer.generator.value.item() == pytest.approx(theta)


def test_weights_stay_clipped():
    trainer, _ = run(replace(POINTS, {"weight_clip": 0.02}))
    assert max(float(p.detach().abs().max()) for p in trainer.discriminator.parameters()) <= 0.02


def test_instance_noise_is_gone_after_its_steps():
    quiet = replace(POINTS, {"instance_noise": 1.0, "instance_noise_steps": 2, "steps": 4})
    trainer = prepare(quiet)
    draws = Draws(0, 0)
    batch = Batch(torch.zeros(1000, 2), torch.zeros(1000))
    found = []
    for _ in range(4):
        found.append(trainer._seen(batch, draws, real=True).x.std().item())
        trainer.finished += 1
    assert found == pytest.approx([1, 0.5, 0, 0], abs=0.1)


def test_unrolling_nothing_is_not_unrolling():
    """With a frozen optimizer state the look-ahead of a rate of 0 changes nothing."""
    base = replace(POINTS, {"lr_d": 0.0, "steps": 3})
    plain, _ = run(base)
    ahead, _ = run(replace(base, {"unroll": 3}))
    torch.testing.assert_close(weights(plain), weights(ahead), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_follows_full_precision(precision):
    full, _ = run(POINTS)
    half, _ = run(replace(POINTS, {"precision": precision}))
    for parameter in half.generator.parameters():
        assert parameter.dtype == torch.float32
    # Six Adam steps of 2e-4 are at most .0012 a weight, whatever the rounding of the gradients.
    assert float((weights(full) - weights(half)).abs().max()) < 2 * 6 * 2e-4


def test_sampler_sees_the_average():
    trainer, _ = run(replace(POINTS, {"ema": 0.9}))
    sampler = sampler_of(trainer)
    assert sampler.network is trainer.average.network
    assert not sampler.network.training


@pytest.mark.parametrize(
    ("changes", "count", "says"),
    [({"batch": 18}, 4, "among 4 processes"), ({"replay": 64}, 2, "only one process")],
)
def test_what_processes_cannot_share(changes, count, says):
    with pytest.raises(GandiagError, match=says):
        prepare(replace(POINTS, changes), processes=Processes(0, count))


@pytest.mark.parametrize("name", ["cuda:7", "tpu!", "meta:x"])
def test_device_that_is_not_there(name):
    with pytest.raises(GandiagError, match="cannot use the device"):
        open_device(name)


def test_recipes_of_labels_need_labels():
    recipe = replace(POINTS, data="swiss-roll", condition_d="projection")
    with pytest.raises(GandiagError, match="swiss-roll does not have"):
        prepare(recipe)


def test_points_have_no_mirror():
    with pytest.raises(GandiagError, match="mirrors images"):
        prepare(replace(POINTS, {"mirror": True}))


def test_compiled_networks_train_alike(monkeypatch):
    # The backend that only traces: machine code takes a minute to make and is torch's to test.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    plain, _ = run(POINTS)
    compiled, _ = run(replace(POINTS, {"compile": True}))
    torch.testing.assert_close(weights(plain), weights(compiled), rtol=1e-3, atol=1e-4)
    assert list(compiled.generator.state_dict()) == list(plain.generator.state_dict())
