"""One plain training loop, as a user would write it, that calls `monitor.step` after each G step.

Deterministic in (case, seed) on one thread: data, latents, labels and initial weights come from
generators seeded by them, and nothing that watches draws from those.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from benchmarks.detection.case import Case
from benchmarks.detection.worlds import World, open_world
from reference_models.data.base import Batch
from reference_models.losses import LOSSES
from reference_models.networks.conditioning import Conditioning
from reference_models.networks.mlp import MLPDiscriminator, MLPGenerator
from reference_models.penalties import clip_weights, gradient_penalty, r1
from reference_models.randomness import generator, seeded
from reference_models.tricks import scale_of_rate, targets

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    # Foreach, the default off the CPU.
    "adam": lambda p, lr, b1, b2: torch.optim.Adam(p, lr, (b1, b2), foreach=True),
    "rmsprop": lambda p, lr, b1, b2: torch.optim.RMSprop(p, lr, foreach=True),
    "sgd": lambda p, lr, b1, b2: torch.optim.SGD(p, lr, foreach=True),
}


class Point(nn.Module):
    """The generator of a game: a place, plus noise of the data's size."""

    def __init__(self, dimension: int, sd: float, start: float):
        super().__init__()
        self.place = nn.Parameter(torch.full((dimension,), start))
        self.sd = sd

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """(n, latent), (n,) -> (n, dimension)."""
        return self.place + self.sd * z[:, : len(self.place)]


class Slope(nn.Module):
    """The discriminator of a game: D(x) = psi . x, without a bias."""

    def __init__(self, dimension: int, start: float):
        super().__init__()
        self.psi = nn.Parameter(torch.full((dimension,), start))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(n, dimension), (n,) -> (n, 1)."""
        return (x @ self.psi)[:, None]


@dataclass
class Run:
    """A run in progress: what the monitor and the oracle may look at."""

    case: Case
    world: World
    seed: int
    generator: nn.Module
    discriminator: nn.Module
    shown: nn.Module
    """The generator that is sampled: the average of the weights, where the case keeps one."""
    opt_g: torch.optim.Optimizer
    opt_d: torch.optim.Optimizer
    train: Batch | None
    """The training set, where it is finite."""
    step: int = 0
    nonfinite: int = -1
    """The first step whose losses or weights were not finite; -1 for none."""

    def fresh(self, count: int, rng: torch.Generator) -> Batch:
        """True samples, of which the run has seen none."""
        return self._thinned(self.world.draw(count, rng), rng)

    def draw(self, count: int, rng: torch.Generator) -> Batch:
        """Training samples."""
        if self.train is None:
            return self.fresh(count, rng)
        rows = torch.randint(len(self.train.x), (count,), generator=rng)
        return Batch(self.train.x[rows], self.train.y[rows])

    def _thinned(self, batch: Batch, rng: torch.Generator) -> Batch:
        """Where the case says so, the later half of the classes is rare."""
        if not self.case.rare:
            return batch
        count = len(batch.x)
        keep = torch.rand(count, generator=rng) < self.case.rare
        pick = (keep | (batch.y < self.world.classes / 2)).nonzero()[:, 0]
        rows = pick[torch.randint(len(pick), (count,), generator=rng)]
        return Batch(batch.x[rows], batch.y[rows])

    def latents(self, count: int, rng: torch.Generator) -> Tensor:
        """What the generator is fed."""
        if self.case.latent < 0:  # one-hot: as many different samples as latents
            k = -self.case.latent
            return one_hot(torch.randint(k, (count,), generator=rng), k).float()
        return torch.randn(count, self.case.latent, generator=rng)

    def labels(self, count: int, rng: torch.Generator) -> Tensor:
        """Classes to ask for: as often as the data has them."""
        return self.draw(count, rng).y if self.case.conditional else torch.zeros(count).long()

    def sample(self, count: int, rng: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Generated samples, of the generator that is shown."""
        y = self.labels(count, rng) if y is None else y
        samples: Tensor = self.shown(self.latents(count, rng), y)
        return samples


def build(case: Case, seed: int) -> Run:
    """Networks and optimizers of a case."""
    world = open_world(case.world)
    classes = world.classes if case.conditional else 0
    with seeded(torch.device("cpu"), "init", case.name, seed):
        if world.family == "games":
            d = world.shape[0]
            noise = 0.3 if case.world == "bilinear" else 0.0
            g: nn.Module = Point(d, noise, case.g_offset)
            critic: nn.Module = Slope(d, case.g_offset / 2)
        else:
            g = MLPGenerator(
                abs(case.latent), world.shape, width=case.width_g, depth=case.depth, concat=classes
            )
            conditioning = Conditioning(case.conditional or "none", classes)
            critic = MLPDiscriminator(
                world.shape,
                conditioning,
                width=case.width_d,
                depth=case.depth,
                norm="spectral" if case.constraint == "sn" else "none",
                slope=case.slope,
            )
    _tamper(case, g, critic)
    new = OPTIMIZERS
    opt_g = new[case.opt_g](g.parameters(), case.lr_g, case.beta1, 0.99)
    opt_d = new[case.opt_d](critic.parameters(), case.lr_d, case.beta1, 0.99)
    shown = copy.deepcopy(g) if case.ema else g
    train = world.fixed(case.fixed, "train", seed) if case.fixed else None
    return Run(case, world, seed, g, critic, shown, opt_g, opt_d, train)


@torch.no_grad()
def _tamper(case: Case, g: nn.Module, critic: nn.Module) -> None:
    """Faults that are there from the start."""
    if isinstance(g, MLPGenerator):
        for layer in list(g.layers):
            layer.bias.add_(case.g_bias)
        g.last.bias.add_(case.g_offset)
        if case.blind:  # the label's weights are 0 and get no gradient
            first = g.layers[0]
            first.weight[:, abs(case.latent) :] = 0
            first.weight.register_hook(lambda grad: _without_labels(grad, abs(case.latent)))
    if isinstance(critic, MLPDiscriminator):
        for layer in list(critic.layers):
            layer.bias.add_(case.d_bias)
        if case.free_head:  # spectral normalisation forgotten on the last layer
            with torch.random.fork_rng():
                torch.manual_seed(0)
                critic.head.linear = nn.Linear(critic.head.linear.in_features, 1)
                critic.head.linear.weight.mul_(case.free_head)


def _without_labels(grad: Tensor, latent: int) -> Tensor:
    grad = grad.clone()
    grad[:, latent:] = 0
    return grad


@dataclass(frozen=True)
class Seen:
    """What a user's loop has in hand after a step."""

    d_real: Tensor
    d_fake: Tensor
    loss_d: Tensor
    loss_g: Tensor
    penalty: Tensor | None


def play(run: Run) -> Iterator[Seen]:
    """Train; after each generator step, what the loop has in hand."""
    case = run.case
    loss = LOSSES[case.loss]
    rng = {each: generator(each, case.name, run.seed) for each in ("data", "latent", "penalty")}
    seen: Seen | None = None
    for _ in range(case.pretrain):
        _d_step(run, loss, rng, 1)
    for run.step in range(1, case.steps + 1):
        _schedule(run)
        if run.step == case.resume_at:
            _resume(run)
        if run.step % case.d_every == 0 or seen is None:
            for _ in range(case.n_d):
                d_real, d_fake, loss_d, penalty = _d_step(run, loss, rng, run.step)
        y = run.labels(case.batch, rng["data"])
        run.opt_g.zero_grad()
        fake = run.generator(run.latents(case.batch, rng["latent"]), y)
        loss_g = loss.g_loss(run.discriminator(fake, y)[:, 0])
        if case.spread_penalty:  # draws samples together: within modes, if the critic holds them
            loss_g = loss_g + case.spread_penalty * fake.var(0).sum()
        loss_g.backward()
        run.opt_g.step()
        if case.ema:
            _average(run)
        seen = Seen(d_real.detach(), d_fake.detach(), loss_d.detach(), loss_g.detach(), penalty)
        if run.nonfinite < 0 and not bool(torch.isfinite(loss_d + loss_g)):
            run.nonfinite = run.step
        yield seen


def _d_step(
    run: Run, loss: object, rng: dict[str, torch.Generator], step: int
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    case, critic = run.case, run.discriminator
    real, y = run.draw(case.batch, rng["data"])
    if case.shuffle_labels:
        y = y[torch.randperm(len(y), generator=rng["data"])]
    if step == case.nan_at:
        real = real * torch.nan
    fake_y = run.labels(case.batch, rng["data"])
    with torch.no_grad():
        fake = run.generator(run.latents(case.batch, rng["latent"]), fake_y)
    if case.noise:
        real = real + case.noise * torch.randn(real.shape, generator=rng["penalty"])
        fake = fake + case.noise * torch.randn(fake.shape, generator=rng["penalty"])
    run.opt_d.zero_grad()
    d_real, d_fake = critic(real, y)[:, 0], critic(fake, fake_y)[:, 0]
    target = targets(
        case.batch, rng["penalty"], real=True, smoothing=case.smoothing, flips=case.flips
    )
    loss_d = loss.d_loss(d_real, d_fake, target if case.smoothing or case.flips else 1.0)
    penalty = None
    if case.constraint in ("gp", "r1") and step % case.lazy == 0:
        penalty = _penalty(case, critic, real, fake, y, rng["penalty"])
        # An update every `lazy` steps weighs as many times more (Karras et al. 2020).
        loss_d = loss_d + case.lazy * case.weight * penalty
    loss_d.backward()
    run.opt_d.step()
    if case.constraint == "clip":
        clip_weights(critic.parameters(), case.weight)
    return d_real, d_fake, loss_d, penalty


def _penalty(
    case: Case, critic: nn.Module, real: Tensor, fake: Tensor, y: Tensor, rng: torch.Generator
) -> Tensor:
    def score(x: Tensor) -> Tensor:
        scores: Tensor = critic(x, y)[:, 0]
        return scores

    if case.constraint == "r1":
        value = r1(score, real, fake, rng)
    elif case.at_real:  # a mistake: no mixing, so that the critic is held at the data alone
        value = gradient_penalty(score, real, real, rng)
    else:
        value = gradient_penalty(score, real, fake, rng)
    return value.detach() if case.detached else value


@torch.no_grad()
def _average(run: Run) -> None:
    for mean, now in zip(run.shown.parameters(), run.generator.parameters(), strict=True):
        mean.lerp_(now, 1 - run.case.ema)


def _schedule(run: Run) -> None:
    case, share = run.case, run.step / run.case.steps
    if case.schedule == "none" and not case.kick_at:
        return
    if run.step == case.kick_at:  # one step that is far too long
        scale = case.kick
    elif case.schedule == "restart":  # two cosines
        scale = scale_of_rate("cosine", int(1000 * (share * 2 % 1)), 1000)
    elif case.schedule == "warmup":
        scale = min(1.0, share / 0.1)
    else:
        scale = scale_of_rate(case.schedule, run.step, case.steps)
    for optimizer, rate in ((run.opt_g, case.lr_g), (run.opt_d, case.lr_d)):
        for group in optimizer.param_groups:
            group["lr"] = rate * scale


def _resume(run: Run) -> None:
    """Load the networks from a checkpoint that has no optimizer state."""
    for optimizer in (run.opt_g, run.opt_d):
        optimizer.state.clear()
