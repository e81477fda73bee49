"""Each trick alone."""

import math

import pytest
import torch
from scipy import stats
from torch import nn

from gandiag.errors import GandiagError
from reference_models.build import discriminator, generator, scale_of_rate
from reference_models.data import Batch
from reference_models.ema import Average
from reference_models.latents import draw_latents
from reference_models.recipe import Recipe, replace
from reference_models.settings import Networks
from reference_models.trainer import prepare
from reference_models.tricks.augmentation import colour, cutout, translation
from reference_models.tricks.base import Judged
from reference_models.tricks.feature_matching import features, matching
from reference_models.tricks.historical import Historical
from reference_models.tricks.instance_noise import scale_of_noise
from reference_models.tricks.labels import targets
from reference_models.tricks.latent_steps import LatentSteps, stepped
from reference_models.tricks.lecam import LeCam, lecam_term
from reference_models.tricks.minibatch_spread import spread
from reference_models.tricks.packing import Packed
from reference_models.tricks.replay import mix, store
from reference_models.tricks.scales import pyramid
from reference_models.tricks.unrolling import AdamState, adam_update, unroll


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_normal_and_uniform_latents():
    normal = draw_latents(Networks(latent=5, latent_kind="normal"), 2000, rng()).flatten().numpy()
    uniform = draw_latents(Networks(latent=5, latent_kind="uniform"), 2000, rng()).flatten().numpy()
    assert stats.kstest(normal, "norm").pvalue > 1e-3  # a fixed seed: no chance of failing
    assert stats.kstest(uniform, stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_latents_on_the_sphere():
    z = draw_latents(Networks(latent=64, latent_kind="sphere"), 1000, rng())
    torch.testing.assert_close(z.norm(dim=1), torch.full((1000,), 8.0))
    assert z.mean(0).norm() < 5 * 8 / math.sqrt(1000)


def test_truncated_latents():
    z = draw_latents(Networks(latent=5, truncation=0.7), 2000, rng()).flatten()
    assert z.abs().max() <= 0.7
    assert stats.kstest(z.numpy(), stats.truncnorm(-0.7, 0.7).cdf).pvalue > 1e-3


def test_targets():
    n = 10_000
    assert torch.equal(targets(n, rng(), real=True), torch.ones(n))
    assert torch.equal(targets(n, rng(), real=False), torch.zeros(n))
    assert torch.allclose(targets(5, rng(), real=True, smoothing=0.1), torch.tensor(0.9))
    assert torch.equal(targets(5, rng(), real=False, smoothing=0.1), torch.zeros(5))
    noisy = targets(n, rng(), real=False, noise=0.3)
    assert noisy.min() >= 0
    assert 0.29 < float(noisy.max()) < 0.3
    assert float(noisy.mean()) == pytest.approx(0.15, abs=5 * 0.3 / math.sqrt(12 * n))
    flipped = targets(n, rng(), real=True, flips=0.05)
    assert float((flipped == 0).double().mean()) == pytest.approx(0.05, abs=5 * 0.22 / n**0.5)
    assert set(flipped.tolist()) == {0.0, 1.0}


def test_instance_noise_decays_to_nothing():
    assert [scale_of_noise(0.2, step, 10) for step in (0, 5, 10, 50)] == [0.2, 0.1, 0, 0]
    assert scale_of_noise(0.2, 1000, 0) == 0.2


def test_learning_rates():
    assert [scale_of_rate("none", step, 4) for step in (0, 4)] == [1, 1]
    assert [scale_of_rate("linear", step, 4) for step in (0, 1, 4, 5)] == [1, 0.75, 0, 0]
    cosine = [scale_of_rate("cosine", step, 4) for step in (0, 2, 4)]
    assert cosine == pytest.approx([1, 0.5, 0], abs=1e-15)


class Sum(nn.Module):
    def forward(self, x, y):
        return x.flatten(1).sum(1, keepdim=True)


def test_packs_are_neighbours_stacked_as_channels():
    seen = []

    class Look(nn.Module):
        def forward(self, x, y):
            seen.append(x)
            return x.flatten(1)[:, :1]

    x = torch.arange(6 * 2 * 3 * 3.0).reshape(6, 2, 3, 3)
    assert Packed(Look(), 3)(x, torch.zeros(6)).shape == (2, 1)
    assert seen[0].shape == (2, 6, 3, 3)
    assert torch.equal(seen[0][1, 2:4], x[4])
    assert torch.equal(Packed(Sum(), 1)(x, torch.zeros(6)), Sum()(x, None))
    points = torch.arange(12.0).reshape(6, 2)
    assert Packed(Sum(), 2)(points, torch.zeros(6)).flatten().tolist() == [6, 22, 38]


def batch(value, count=8):
    return Batch(torch.full((count, 2), float(value)), torch.full((count,), value))


def test_replay():
    kept = store(8, (2,))
    assert torch.equal(mix(kept, batch(1), rng()).x, batch(1).x)  # nothing old yet
    second = mix(kept, batch(2), rng())
    assert second.x[:, 0].tolist() == [1] * 4 + [2] * 4
    assert torch.equal(second.x[:, 0].long(), second.y)
    assert kept["filled"] == 8
    third = mix(kept, batch(3), rng(5))
    assert set(third.x[:4, 0].tolist()) <= {1, 2}
    assert third.x[4:, 0].tolist() == [3] * 4
    assert int((kept["x"][:, 0] == 3).sum()) == 4  # took the places of others
    assert len(kept["x"]) == 8


def test_average_has_a_closed_form():
    """Weights t = 1, 2, 3 ... through b = min(decay, (1 + t) / (10 + t))."""
    network = nn.Linear(1, 1, device="meta").to_empty(device="cpu")
    nn.init.zeros_(network.weight)
    nn.init.zeros_(network.bias)
    average, expected = Average(network, 0.2), 0.0
    for t in range(20):
        nn.init.constant_(network.weight, t + 1)
        average.update(t)
        decay = min(0.2, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * (t + 1)
    assert average.network.weight.item() == pytest.approx(expected, rel=1e-6)
    assert not any(p.requires_grad for p in average.network.parameters())


def test_average_without_decay_is_a_copy():
    with torch.random.fork_rng():
        network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        average = Average(network, 0.0)
        for t in range(3):
            network(torch.randn(8, 3, generator=rng(t))).sum().backward()
            with torch.no_grad():
                network[0].weight.add_(1)
            average.update(t)
    for ours, theirs in zip(
        average.network.state_dict().values(), network.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert int(average.network[1].num_batches_tracked) == 3


def test_average_of_buffers():
    with torch.random.fork_rng():
        network = nn.BatchNorm1d(2)
    average = Average(network, 0.5)
    network.running_mean.fill_(1)
    average.update(100)
    assert average.network.running_mean.tolist() == [0.5, 0.5]


def test_adam_update_is_torchs():
    value = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    theirs = value.clone().requires_grad_()
    adam = torch.optim.Adam([theirs], lr=0.1, betas=(0.5, 0.9))
    ours = {"w": value.clone()}
    zeros = {"w": torch.zeros(3, dtype=torch.float64)}
    state = AdamState(0, zeros, zeros)
    for _ in range(5):
        adam.zero_grad()
        theirs.pow(4).sum().backward()
        adam.step()
        ours, state = adam_update(ours, [4 * ours["w"] ** 3], state, rate=0.1, betas=(0.5, 0.9))
    # The 1e-24 under the root is invisible beside second moments of order 1.
    torch.testing.assert_close(ours["w"], theirs.detach(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_gradients_flow_through_unrolled_updates(steps):
    """Against finite differences of a loss that couples a generator g and a discriminator w."""
    g = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    start = {"w": torch.tensor([1.5, -0.5], dtype=torch.float64)}
    state = AdamState(
        3,
        {"w": torch.tensor([0.1, -0.2], dtype=torch.float64)},
        {"w": torch.tensor([0.5, 0.3], dtype=torch.float64)},
    )

    def ahead(g):
        def loss(weights):
            return (weights["w"] * g - 1).square().sum() + weights["w"].pow(3).sum() / 7

        w = unroll(loss, start, state, steps, rate=0.1, betas=(0.5, 0.9))["w"]
        return (w * g).square().sum()

    torch.autograd.gradcheck(ahead, (g,))


IMAGES = replace(
    Recipe("images", "digits"), network="dcgan", latent=4, width_g=4, width_d=4, norm_g="batch"
)
POINTS = replace(Recipe("points", "ring8"), latent=4, width_g=8, width_d=8, steps=3, batch=16)


def ones(side=16, count=500):
    return torch.ones(count, 3, side, side)


def test_brightness_saturation_and_contrast():
    """Of grey images only brightness moves the mean, and only contrast the deviation."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        grey = torch.randn(2000, 1, 4, 4)
    found = colour(grey, rng())
    moved = (found - grey).mean(dim=(1, 2, 3))
    assert stats.kstest(moved.numpy(), stats.uniform(-0.5, 1).cdf).pvalue > 1e-3
    wider = found.std(dim=(1, 2, 3)) / grey.std(dim=(1, 2, 3))
    assert stats.kstest(wider.numpy(), stats.uniform(0.5, 1).cdf).pvalue > 1e-3
    flat = torch.tensor([1.0, 0.0, -1.0])[None, :, None, None].expand(2000, 3, 2, 2)
    apart = colour(flat, rng())[:, :, 0, 0]
    apart = apart[:, 0] - apart[:, 2]  # 2 times U(0, 2) times U(.5, 1.5)
    assert float(apart.mean()) == pytest.approx(2, abs=5 * 1.4 / 2000**0.5)
    assert float(apart.min()) >= 0
    assert 5 < float(apart.max()) < 6


def test_translation_moves_by_an_eighth_of_the_side():
    image = torch.arange(1.0, 65).reshape(1, 1, 8, 8).expand(300, 2, 8, 8)
    found = translation(image, rng())
    moves = set()
    for each in found:
        assert torch.equal(each[0], each[1])
        kept = each[0].nonzero()
        row, column = kept[0].tolist()
        first = int(each[0][row, column]) - 1
        down, right = row - first // 8, column - first % 8
        moves.add((down, right))
        wanted = torch.zeros(8, 8)
        h, w = 8 - abs(down), 8 - abs(right)
        wanted[max(down, 0) :, max(right, 0) :][:h, :w] = image[0, 0][
            max(-down, 0) :, max(-right, 0) :
        ][:h, :w]
        assert torch.equal(each[0], wanted)
    assert moves == {(d, r) for d in (-1, 0, 1) for r in (-1, 0, 1)}


def test_cutout_hides_half_of_each_side_at_most():
    found = cutout(ones(), rng())
    hidden = (found[:, 0] == 0).double()
    assert torch.equal(found[:, 0], found[:, 2])
    rows = hidden.amax(dim=2).sum(dim=1)
    assert rows.max() == 8
    assert rows.min() == 4  # a centre on the edge leaves half of it inside
    assert torch.equal(hidden.sum(dim=(1, 2)), rows * hidden.amax(dim=1).sum(dim=1))
    # The centre is anywhere, so the middle is hidden most often, and a corner a quarter as often.
    assert hidden[:, 8, 8].mean() > 2 * hidden[:, 0, 0].mean()


def test_gradients_pass_augmentations():
    x = ones(8, 4).requires_grad_()
    for each in (colour, translation, cutout):
        (gradient,) = torch.autograd.grad(each(x, rng()).sum(), x)
        assert gradient.abs().sum() > 0


def test_points_are_not_augmented():
    recipe = replace(POINTS, diff_augment="cutout")
    with pytest.raises(GandiagError, match="augments images"):
        prepare(recipe)


def test_spread_of_a_batch():
    """The mean over features of the deviation within each group of neighbours."""
    x = torch.tensor([[0.0, 1], [2, 1], [5, 0], [5, 4]])
    expected = torch.tensor([[0.5], [0.5], [1.0], [1.0]])
    torch.testing.assert_close(spread(x, 2), expected, atol=1e-4, rtol=0)  # the root of 1e-8
    # Of 3 rows no group has 2; each row by itself does not differ.
    torch.testing.assert_close(spread(x[:3], 2), torch.full((3, 1), 1e-4), atol=1e-6, rtol=0)
    torch.testing.assert_close(spread(x, 100), spread(x, 4))


def test_a_discriminator_sees_the_spread_of_its_batch():
    recipe = replace(POINTS, minibatch_std=4)
    with torch.random.fork_rng():
        judge, plain = discriminator(recipe, (2,), 0), discriminator(POINTS, (2,), 0)
        x = torch.randn(8, 2, generator=rng())
    y = torch.zeros(8, dtype=torch.int64)
    assert not torch.allclose(judge(x, y)[:1], judge(x[:1].expand(4, 2), y[:4])[:1], atol=1e-3)
    torch.testing.assert_close(plain(x, y)[:1], plain(x[:1].expand(4, 2), y[:4])[:1])


def test_feature_matching():
    real = torch.tensor([[0.0, 2], [2, 4]])
    assert float(matching(real, torch.tensor([[4.0, 3]]))) == 9
    with torch.random.fork_rng():
        judge = discriminator(IMAGES, (1, 8, 8), 0)
        x = torch.randn(5, 1, 8, 8, generator=rng())
    found = features(judge, Batch(x, torch.zeros(5, dtype=torch.int64)))
    assert found.shape == (5, 4 * 4 * 4)
    assert torch.equal(judge.discriminator.head(found, None), judge(x, torch.zeros(5)))
    assert not judge.discriminator.head._forward_pre_hooks


def test_historical_averaging_by_hand():
    """The term is the squared distance to the mean of all weights so far, the first ones too."""
    trainer = prepare(replace(POINTS, historical_g=0.5, lr_g=0.1))
    trick = trainer.recipe.trick(Historical)

    def term():
        return float(torch.as_tensor(trick.g_term(None, trainer, None)).detach())

    assert term() == 0
    path = [torch.nn.utils.parameters_to_vector(trainer.generator.parameters()).detach().clone()]
    for _ in range(3):
        trainer.step()
        now = torch.nn.utils.parameters_to_vector(trainer.generator.parameters()).detach().clone()
        path.append(now)
        mean = torch.stack(path).mean(dim=0)
        assert term() == pytest.approx(0.5 * float((now - mean).square().sum()), rel=1e-4)
    assert trick.d_term(None, None, trainer, None) == 0.0


def test_lecam_by_hand():
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([0.0, 3.0])
    found = lecam_term(real, fake, real_mean=torch.tensor(1.0), fake_mean=torch.tensor(0.0))
    assert float(found) == (4 + 0) / 2 + (1 + 0) / 2


def test_lecam_averages():
    """Each is of one batch until it acts, then moves by 1 - decay."""
    trainer = prepare(replace(POINTS, lecam=2.0, lecam_decay=0.75, lecam_start=2))
    trick, kept = trainer.recipe.trick(LeCam), trainer.states["lecam"]

    def term(real, fake):
        both = (Judged(None, None, torch.full((4, 1), each)) for each in (real, fake))
        return float(trick.d_term(*both, trainer, None))

    assert term(3.0, 1.0) == 0
    assert (float(kept["real"]), float(kept["fake"])) == (3, 1)
    trainer.finished = 2
    assert term(7.0, 1.0) == 2 * ((7 - 1) ** 2 + (4 - 1) ** 2)
    assert (float(kept["real"]), float(kept["fake"])) == (4, 1)


@pytest.mark.parametrize("network", ["mlp", "dcgan"])
def test_noise_in_each_layer_is_of_training_alone(network):
    recipe = replace(IMAGES, network=network, layer_noise=0.1, norm_g="none", depth_g=3)
    with torch.random.fork_rng():
        noisy = generator(recipe, (1, 8, 8), 0)
        z, y = torch.randn(4, 4, generator=rng()), torch.zeros(4, dtype=torch.int64)
        assert not torch.equal(noisy(z, y), noisy(z, y))
        noisy.eval()
        assert torch.equal(noisy(z, y), noisy(z, y))
    hooked = [m for m in noisy.modules() if m._forward_hooks]
    assert len(hooked) == {"mlp": 3, "dcgan": 2}[network]


def test_a_step_of_natural_gradient():
    """As solving with the Fisher matrix g g^T + b I gives it."""
    z, g = torch.randn(2, 3, 5, generator=rng(), dtype=torch.float64)
    found = stepped(z, g, 0.9, 0.1)
    for before, after, each in zip(z, found, g, strict=True):
        fisher = torch.outer(each, each) + 0.1 * torch.eye(5, dtype=torch.float64)
        torch.testing.assert_close(after, before + 0.9 * torch.linalg.solve(fisher, each))


def test_latents_step_up_the_logit():
    trainer = prepare(replace(POINTS, latent_step=0.01, latent_damping=1e-4))
    z, y = torch.randn(64, 4, generator=rng()), torch.zeros(64, dtype=torch.int64)
    moved = trainer.recipe.trick(LatentSteps).latent(z, y, trainer)

    def logit(z):
        return trainer.discriminator(trainer.generator(z, y), y)[:, 0].double()

    assert moved.requires_grad
    assert (logit(moved.detach()) >= logit(z)).double().mean() > 0.95
    with torch.no_grad():
        assert not trainer.recipe.trick(LatentSteps).latent(z, y, trainer).requires_grad


def test_a_pyramid_of_images():
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    found = pyramid(x, 2)
    assert torch.equal(found[:, :1], x)
    assert found[0, 1, :2, 2:].flatten().tolist() == [4.5] * 4
    assert found[0, 2].flatten().tolist() == [7.5] * 16


def test_scales_of_a_generator():
    """In training an image below each layer; each is constant over its pixels; D takes both."""
    recipe = replace(IMAGES, multi_scale=True)
    with torch.random.fork_rng():
        network, judge = generator(recipe, (1, 16, 16), 0), discriminator(recipe, (1, 16, 16), 0)
    z, y = torch.randn(4, 4, generator=rng()), torch.zeros(4, dtype=torch.int64)
    stack = network(z, y)
    assert stack.shape == (4, 3, 16, 16)
    for level in (1, 2):
        small = nn.functional.avg_pool2d(stack[:, level : level + 1], 2**level)
        again = nn.functional.interpolate(small, scale_factor=2**level)
        torch.testing.assert_close(again, stack[:, level : level + 1])
    network.eval()
    assert network(z, y).shape == (4, 1, 16, 16)
    x = torch.rand(4, 1, 16, 16, generator=rng())
    assert torch.equal(judge(x, y), judge(pyramid(x, 2), y))


@pytest.mark.parametrize("other", [{"pack": 2}, {"replay": 32}, {"diff_augment": "color"}])
def test_scales_and_plain_images(other):
    with pytest.raises(GandiagError, match="keep one of them"):
        replace(IMAGES, multi_scale=True, **other)
    with pytest.raises(GandiagError, match="set network to dcgan"):
        replace(POINTS, multi_scale=True)


def test_patches_see_nothing_beyond_them():
    """A pixel changes the logits of the patches that hold it, 3 x 3 of them with one layer."""
    recipe = replace(IMAGES, patch_layers=1)
    with torch.random.fork_rng():
        judge = discriminator(recipe, (1, 8, 8), 0).discriminator
    x = torch.rand(2, 1, 8, 8, generator=rng())
    x[1] = x[0]
    x[1, 0, 4, 4] += 5
    logits = judge.patches.blocks(x)[:, 0]
    assert logits.shape == (2, 6, 6)
    touched = (logits[0] != logits[1]).nonzero()
    assert touched.min(dim=0).values.tolist() == [2, 2]
    assert touched.max(dim=0).values.tolist() == [4, 4]
    y = torch.zeros(2, dtype=torch.int64)
    both = (judge.whole(x, y)[:, 0] + logits.mean(dim=(1, 2))) / 2
    torch.testing.assert_close(judge(x, y)[:, 0], both)


def test_patches_larger_than_the_image():
    with pytest.raises(GandiagError, match="patches of 9 pixels"):
        prepare(replace(IMAGES, patch_layers=4))


@pytest.mark.parametrize(
    "changes",
    [
        {"multi_scale": True, "condition_g": "norm", "condition_d": "auxiliary"},
        {"patch_layers": 2, "minibatch_std": 4, "condition_d": "auxiliary"},
        {"feature_matching": 1.0, "patch_layers": 1, "norm_d": "spectral"},
        {"latent_step": 0.1, "norm_d": "batch", "r1": 1.0},
        {"minibatch_std": 4, "pack": 2, "gradient_penalty": 1.0},
        {"multi_scale": True, "minibatch_std": 4, "feature_matching": 1.0, "r2": 1.0},
        {"lecam": 0.1, "historical_d": 0.1, "loss": "relativistic", "diff_augment": "cutout"},
        {"unroll": 1, "layer_noise": 0.1, "minibatch_std": 4},
    ],
    ids=lambda changes: "+".join(changes),
)
def test_tricks_go_together(changes):
    trainer = prepare(replace(IMAGES, {"steps": 2, "batch": 16, **changes}))
    for losses in trainer.steps():
        assert all(torch.isfinite(part).all() for part in losses[1:])
