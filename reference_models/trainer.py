"""One loop for every GAN here: a variant is a loss, a penalty or a network, never a branch."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parallel import DistributedDataParallel

from gandiag.errors import GandiagError
from reference_models import build
from reference_models.data import Batch, Data, open_data
from reference_models.distributed import Processes
from reference_models.ema import Average
from reference_models.losses import LOSSES, Loss, auxiliary_loss
from reference_models.penalties import Penalty, clip_weights, orthogonal
from reference_models.randomness import Draws, seeded
from reference_models.recipe import Recipe
from reference_models.tricks import (
    AdamState,
    Replay,
    draw_latents,
    scale_of_noise,
    scale_of_rate,
    targets,
    unroll,
)

AUTOCAST = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
ALONE = Processes()


class Losses(NamedTuple):
    """What a step found, still on the device: reading a value waits for it."""

    step: int
    """Steps before this one."""
    d_loss: Tensor
    """Of the last discriminator update, with its penalties; a scalar."""
    g_loss: Tensor
    """Of the last generator update; a scalar."""
    d_real: Tensor
    """Logits on the real samples of the last discriminator update, (batch / pack,)."""
    d_fake: Tensor
    """Logits on its generated samples, (batch / pack,)."""


class Trainer:
    """Two networks, their optimizers, and a position in the data.

    A step is a pure function of the weights, the optimizers, the stored samples, the position and
    the seed: all randomness comes from generators seeded by seed and step, so that there is no
    random state to lose.

    Attributes:
        generator, discriminator: on the device, never wrapped; free to be hooked.
        g_optimizer, d_optimizer: torch's own; free to be hooked.
        average: of the generator; what is evaluated and sampled.
        finished: steps done.
        seen: real samples drawn so far, over all processes.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        loss: Loss,
        penalty: Penalty,
        seed: int = 0,
        device: torch.device | None = None,
        processes: Processes = ALONE,
    ):
        _check(recipe, processes)
        self.recipe, self.data, self.loss, self.penalty = recipe, data, loss, penalty
        self.seed, self.device, self.processes = seed, device or torch.device("cpu"), processes
        self.generator = generator.to(self.device).train()
        self.discriminator = discriminator.to(self.device).train()
        self.g_optimizer = build.optimizer(recipe, generator.parameters(), recipe.lr_g)
        self.d_optimizer = build.optimizer(recipe, discriminator.parameters(), recipe.lr_d)
        self.average = Average(self.generator, recipe.ema)
        self.replay = Replay(recipe.replay, data.shape, self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=recipe.precision == "fp16")
        self.finished = 0
        self.seen = 0
        # Faces of the same weights: as torch.compile or DistributedDataParallel calls them.
        self._g, self._d = self._compiled(self.generator), self._compiled(self.discriminator)
        self._g_shared, self._d_shared = self._shared(self._g), self._shared(self._d)

    def steps(self) -> Iterator[Losses]:
        """The steps that are left."""
        while self.finished < self.recipe.steps:
            yield self.step()

    def step(self) -> Losses:
        """`n_critic` updates of the discriminator, then `n_gen` of the generator."""
        recipe, step = self.recipe, self.finished
        rate = scale_of_rate(recipe.decay, step, recipe.steps)
        _set_rate(self.g_optimizer, rate * recipe.lr_g)
        _set_rate(self.d_optimizer, rate * recipe.lr_d)
        # Dropout draws from the global generator, which is put back afterwards.
        with seeded(self.device, self.seed, "dropout", step, self.processes.rank):
            for update in range(recipe.n_critic + (recipe.warmup if step == 0 else 0)):
                d_loss, d_real, d_fake = self._update_discriminator(update)
            for update in range(recipe.n_gen):
                g_loss = self._update_generator(update)
                self.average.update(step * recipe.n_gen + update)
        self.finished += 1
        return Losses(step, d_loss, g_loss, d_real, d_fake)

    def _update_discriminator(self, update: int) -> tuple[Tensor, Tensor, Tensor]:
        recipe = self.recipe
        self.d_optimizer.zero_grad()
        for micro in range(recipe.accumulate):
            draws = Draws(self.processes.rank, self.seed, "d", self.finished, update, micro)
            real = self._noisy(self._real(draws), draws.own("real noise"))
            fake = self._noisy(self._stored(real.y, draws), draws.own("fake noise"))
            with self._forward(self._d_shared, micro):
                real_out, fake_out = self._judge(self._d_shared, real, fake)
                loss = self._d_loss(real_out, fake_out, real.y, fake.y, draws)
                loss = loss + self._d_terms(real, fake, draws, update)
                _backward(self.scaler.scale(loss / recipe.accumulate))
        self._apply(self.d_optimizer, self.discriminator)
        clip_weights(self.discriminator.parameters(), recipe.weight_clip)
        return loss.detach(), real_out[:, 0].detach(), fake_out[:, 0].detach()

    def _update_generator(self, update: int) -> Tensor:
        recipe = self.recipe
        self.g_optimizer.zero_grad()
        # The discriminator passes gradients on and keeps none.
        self.discriminator.requires_grad_(False)
        for micro in range(recipe.accumulate):
            draws = Draws(self.processes.rank, self.seed, "g", self.finished, update, micro)
            with self._forward(self._g_shared, micro):
                size = (recipe.batch_g or recipe.batch) // recipe.accumulate
                fake = self._fake(self._g_shared, self._labels(size, draws), draws)
                fake = self._noisy(fake, draws.own("fake noise"))
                loss = self._g_loss(self._judge_ahead(fake, draws), fake.y)
                loss = loss + self._orthogonal(self.generator, recipe.orthogonal_g)
                _backward(self.scaler.scale(loss / recipe.accumulate))
        self.discriminator.requires_grad_(True)
        self._apply(self.g_optimizer, self.generator)
        return loss.detach()

    # What the two updates are made of, in the order of their use.

    def _real(self, draws: Draws) -> Batch:
        size = self.recipe.batch // self.recipe.accumulate
        x, y = self.data.batch(self.seen, size, self.seed, self.processes.part)
        self.seen += size
        if self.recipe.mirror:
            turned = torch.rand(len(x), generator=draws.own("mirror")) < 0.5
            x = torch.where(turned[:, None, None, None], x.flip(3), x)
        return Batch(x.to(self.device) / self.recipe.scale, y.to(self.device))

    def _labels(self, size: int, draws: Draws) -> Tensor:
        classes = max(1, len(self.data.classes))
        labels = torch.randint(classes, (size,), generator=draws.shared("label"))
        return labels[self.processes.part].to(self.device)

    def _fake(self, generator: nn.Module, labels: Tensor, draws: Draws) -> Batch:
        recipe = self.recipe
        size = len(labels) * self.processes.total
        rng = draws.shared("latent")
        z = draw_latents(recipe.latent_kind, size, recipe.latent, rng, recipe.truncation)
        return Batch(generator(z[self.processes.part].to(self.device), labels).float(), labels)

    def _stored(self, labels: Tensor, draws: Draws) -> Batch:
        """Generated samples of these labels without a graph, some of them old if there is a store.

        The real samples' labels, as in Gulrajani et al.'s code: a pair of a real and a generated
        sample, and all that is between them, is then of one class.
        """
        with torch.no_grad(), self._autocast():
            fresh = self._fake(self._g, labels, draws)
        return self.replay.mix(fresh, draws.own("replay"))

    def _noisy(self, batch: Batch, rng: torch.Generator) -> Batch:
        recipe = self.recipe
        sd = scale_of_noise(recipe.instance_noise, self.finished, recipe.instance_noise_steps)
        if not sd:
            return batch
        return batch._replace(
            x=batch.x + sd * torch.randn(batch.x.shape, generator=rng).to(batch.x)
        )

    def _judge(self, discriminator: nn.Module, real: Batch, fake: Batch) -> tuple[Tensor, Tensor]:
        if self.recipe.separate_batches:
            return discriminator(*real).float(), discriminator(*fake).float()
        both = discriminator(torch.cat([real.x, fake.x]), torch.cat([real.y, fake.y])).float()
        rows = len(both) * len(real.x) // (len(real.x) + len(fake.x))
        return both[:rows], both[rows:]

    def _d_loss(
        self, real_out: Tensor, fake_out: Tensor, real_y: Tensor, fake_y: Tensor, draws: Draws
    ) -> Tensor:
        recipe = self.recipe
        real_target: Tensor | float = 1.0
        fake_target: Tensor | float = 0.0
        if recipe.label_smoothing or recipe.label_noise or recipe.label_flips:
            real_target, fake_target = (
                targets(
                    len(out),
                    draws.own(f"target {real}"),
                    real=real,
                    smoothing=recipe.label_smoothing,
                    noise=recipe.label_noise,
                    flips=recipe.label_flips,
                ).to(self.device)
                for out, real in ((real_out, True), (fake_out, False))
            )
        loss = self.loss.d_loss(real_out[:, 0], fake_out[:, 0], real_target, fake_target)
        if real_out.shape[1] > 1:
            loss = loss + recipe.auxiliary_d * auxiliary_loss(real_out[:, 1:], real_y)
            if recipe.auxiliary_fake:
                loss = loss + recipe.auxiliary_d * auxiliary_loss(fake_out[:, 1:], fake_y)
        return loss

    def _d_terms(self, real: Batch, fake: Batch, draws: Draws, update: int) -> Tensor:
        """Penalties, when they are due, and regularisers."""
        recipe = self.recipe
        terms = self._orthogonal(self.discriminator, recipe.orthogonal_d)
        if (self.finished * recipe.n_critic + update) % recipe.penalty_every:
            return terms
        # Second derivatives: in full precision, and of the network itself, since compiled networks
        # have none.
        with torch.autocast(self.device.type, enabled=False):
            return terms + self.penalty(
                lambda x: self.discriminator(x, real.y)[:, 0], real.x, fake.x, draws.own("penalty")
            )

    def _g_loss(self, out: Tensor, y: Tensor) -> Tensor:
        loss = self.loss.g_loss(out[:, 0])
        if out.shape[1] > 1:
            loss = loss + self.recipe.auxiliary_g * auxiliary_loss(out[:, 1:], y)
        return loss

    def _judge_ahead(self, fake: Batch, draws: Draws) -> Tensor:
        """What the discriminator says of generated samples, after `unroll` updates of its own."""
        recipe = self.recipe
        if not recipe.unroll:
            return cast(Tensor, self._d(*fake)).float()
        real = self._noisy(self._real(draws), draws.own("real noise"))
        parameters = dict(self.discriminator.named_parameters())
        buffers = {name: value.clone() for name, value in self.discriminator.named_buffers()}

        def judge(weights: Mapping[str, Tensor], batch: Batch) -> Tensor:
            out: Tensor = functional_call(self.discriminator, ({**weights}, buffers), tuple(batch))
            return out.float()

        def loss(weights: Mapping[str, Tensor]) -> Tensor:
            outs = judge(weights, real), judge(weights, fake)
            return self._d_loss(*outs, real.y, fake.y, draws)

        with torch.autocast(self.device.type, enabled=False):
            ahead = unroll(
                loss,
                parameters,
                _adam_state(self.d_optimizer, parameters),
                recipe.unroll,
                rate=self.d_optimizer.param_groups[0]["lr"],
                betas=(recipe.beta1, recipe.beta2),
            )
            return judge(ahead, fake)

    def _orthogonal(self, network: nn.Module, weight: float) -> Tensor:
        return weight * orthogonal(network) if weight else torch.zeros((), device=self.device)

    def _apply(self, optimizer: torch.optim.Optimizer, network: nn.Module) -> None:
        if self.recipe.clip_gradients:
            self.scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(network.parameters(), self.recipe.clip_gradients)
        self.scaler.step(optimizer)
        self.scaler.update()

    # Precision, compilation, several processes.

    def _autocast(self) -> AbstractContextManager[object]:
        precision = self.recipe.precision
        return torch.autocast(self.device.type, AUTOCAST[precision], enabled=precision != "fp32")

    @contextmanager
    def _forward(self, network: nn.Module, micro: int) -> Iterator[None]:
        """Autocast; gradients are exchanged with other processes after the last part only."""
        with ExitStack() as stack:
            if isinstance(network, DistributedDataParallel) and micro + 1 < self.recipe.accumulate:
                stack.enter_context(network.no_sync())
            stack.enter_context(self._autocast())
            yield

    def _compiled(self, network: nn.Module) -> nn.Module:
        if not self.recipe.compile:
            return network
        return cast(nn.Module, torch.compile(network))

    def _shared(self, network: nn.Module) -> nn.Module:
        """Gradients are averaged over processes; each keeps its own batch-norm statistics."""
        if self.processes.total == 1:
            return network
        cards = [self.device] if self.device.type == "cuda" else None
        # Buffers stay: to send them before each forward pass would overwrite what the backward pass
        # of the pass before needs.
        return DistributedDataParallel(network, device_ids=cards, broadcast_buffers=False)


def prepare(
    recipe: Recipe,
    *,
    seed: int = 0,
    device: torch.device | None = None,
    processes: Processes = ALONE,
) -> Trainer:
    """A trainer at step 0, with its data opened and its networks made from the seed.

    Raises:
        GandiagError: the data is not there, or the recipe does not fit it.
    """
    device = device or torch.device("cpu")
    data = open_data(recipe.data, recipe.resolution)
    # On the CPU, so that the first weights are the same for every device.
    with seeded(torch.device("cpu"), seed, "initialisation"):
        generator = build.generator(recipe, data.shape, len(data.classes))
        discriminator = build.discriminator(recipe, data.shape, len(data.classes))
    return Trainer(
        recipe,
        data,
        generator,
        discriminator,
        loss=LOSSES[recipe.loss],
        penalty=build.penalty(recipe),
        seed=seed,
        device=device,
        processes=processes,
    )


def _check(recipe: Recipe, processes: Processes) -> None:
    unit = recipe.accumulate * recipe.pack * processes.total
    if recipe.batch % unit or recipe.batch_g % unit:
        raise GandiagError(
            f"the batches of {recipe.batch} and {recipe.batch_g} in the recipe {recipe.name} do "
            f"not divide among {processes.total} processes; use multiples of {unit}"
        )
    if recipe.replay and processes.total > 1:
        raise GandiagError(
            f"the recipe {recipe.name} stores samples for replay, which only one process can keep; "
            "set replay to 0 or use one process"
        )


def _backward(loss: Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _adam_state(
    optimizer: torch.optim.Optimizer, parameters: Mapping[str, nn.Parameter]
) -> AdamState:
    states = {name: optimizer.state.get(value, {}) for name, value in parameters.items()}
    zeros = {name: torch.zeros_like(value) for name, value in parameters.items()}
    return AdamState(
        step=max((int(state["step"]) for state in states.values() if state), default=0),
        mean={name: state.get("exp_avg", zeros[name]) for name, state in states.items()},
        square={name: state.get("exp_avg_sq", zeros[name]) for name, state in states.items()},
    )
