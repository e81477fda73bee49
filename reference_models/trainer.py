"""One loop for every GAN here: a variant is a loss, a network or a trick, never a branch."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from reference_models import build
from reference_models.data import Batch, Data, open_data
from reference_models.distributed import Processes
from reference_models.ema import Average
from reference_models.latents import draw_latents
from reference_models.losses import LOSSES, Loss, auxiliary_loss
from reference_models.penalties import Penalty
from reference_models.randomness import Draws, seeded
from reference_models.recipe import Recipe
from reference_models.tricks.base import Judge, Judged

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
        states: what tricks remember, by their names.
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
        how = recipe.optimisation
        how.check(recipe.name, processes.total)
        for trick in recipe.tricks:
            trick.check(recipe, processes=processes.total)
        self.recipe, self.data, self.loss, self.penalty = recipe, data, loss, penalty
        self.seed, self.device, self.processes = seed, device or torch.device("cpu"), processes
        self.generator = generator.to(self.device).train()
        self.discriminator = discriminator.to(self.device).train()
        self.g_optimizer = build.optimizer(how, how.optimizer, generator.parameters(), how.lr_g)
        self.d_optimizer = build.optimizer(
            how, how.discriminators, discriminator.parameters(), how.lr_d
        )
        self.average = Average(self.generator, how.ema)
        self.states = {trick.name: trick.state(self) for trick in recipe.tricks}
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=how.precision == "fp16")
        self.finished = 0
        self.seen = 0
        # Faces of the same weights: as torch.compile or DistributedDataParallel calls them.
        self._g, self._d = self._compiled(self.generator), self._compiled(self.discriminator)
        self._g_shared, self._d_shared = self._shared(self._g), self._shared(self._d)

    def steps(self) -> Iterator[Losses]:
        """The steps that are left."""
        while self.finished < self.recipe.optimisation.steps:
            yield self.step()

    def step(self) -> Losses:
        """`n_critic` updates of the discriminator, then `n_gen` of the generator."""
        how, step = self.recipe.optimisation, self.finished
        rate = build.scale_of_rate(how.decay, step, how.steps)
        _set_rate(self.g_optimizer, rate * how.lr_g)
        _set_rate(self.d_optimizer, rate * how.lr_d)
        # Dropout draws from the global generator, which is put back afterwards.
        with seeded(self.device, self.seed, "dropout", step, self.processes.rank):
            for update in range(how.n_critic + (how.warmup if step == 0 else 0)):
                d_loss, d_real, d_fake = self._update_discriminator(update)
            for update in range(how.n_gen):
                g_loss = self._update_generator(update)
                self.average.update(step * how.n_gen + update)
        self.finished += 1
        return Losses(step, d_loss, g_loss, d_real, d_fake)

    def _update_discriminator(self, update: int) -> tuple[Tensor, Tensor, Tensor]:
        how = self.recipe.optimisation
        self.d_optimizer.zero_grad()
        for micro in range(how.accumulate):
            draws = Draws(self.processes.rank, self.seed, "d", self.finished, update, micro)
            real_batch = self.real(how.batch, draws)
            fake_batch = self._seen(self._stored(real_batch.y, draws), draws, real=False)
            with self._forward(self._d_shared, micro):
                real, fake = self._judge_both(real_batch, fake_batch)
                loss = self.d_loss(real, fake, draws) + self._d_terms(real, fake, draws, update)
                _backward(self.scaler.scale(loss / how.accumulate))
        self._apply(self.d_optimizer, self.discriminator)
        return loss.detach(), real.out[:, 0].detach(), fake.out[:, 0].detach()

    def _update_generator(self, update: int) -> Tensor:
        how = self.recipe.optimisation
        size = how.batch_g or how.batch
        self.g_optimizer.zero_grad()
        # The discriminator passes gradients on and keeps none.
        self.discriminator.requires_grad_(False)
        for micro in range(how.accumulate):
            draws = Draws(self.processes.rank, self.seed, "g", self.finished, update, micro)
            real = self.real(size, draws) if self.loss.needs_real else None
            labels = self._labels(size // how.accumulate, draws) if real is None else real.y
            with self._forward(self._g_shared, micro):
                fake = self._seen(self._fake(self._g_shared, labels, draws), draws, real=False)
                judge = self._judge_of(fake, draws)
                judged = Judged(*fake, judge(fake))
                loss = self._g_loss(judged, None if real is None else judge(real)[:, 0])
                for trick in self.recipe.tricks:
                    loss = loss + trick.g_term(judged, self, draws)
                _backward(self.scaler.scale(loss / how.accumulate))
        self.discriminator.requires_grad_(True)
        self._apply(self.g_optimizer, self.generator)
        return loss.detach()

    # What the two updates are made of, in the order of their use.

    def real(self, size: int, draws: Draws) -> Batch:
        """The next real samples of a batch of `size`, as the discriminator sees them."""
        size //= self.recipe.optimisation.accumulate
        x, y = self.data.batch(self.seen, size, self.seed, self.processes.part)
        self.seen += size
        batch = Batch(x.to(self.device) / self.recipe.scale, y.to(self.device))
        return self._seen(batch, draws, real=True)

    def _labels(self, size: int, draws: Draws) -> Tensor:
        classes = max(1, len(self.data.classes))
        labels = torch.randint(classes, (size,), generator=draws.shared("label"))
        return labels[self.processes.part].to(self.device)

    def _fake(self, generator: nn.Module, labels: Tensor, draws: Draws) -> Batch:
        size = len(labels) * self.processes.total
        z = draw_latents(self.recipe.networks, size, draws.shared("latent"))
        z = z[self.processes.part].to(self.device)
        for trick in self.recipe.tricks:
            z = trick.latent(z, labels, self)
        return Batch(generator(z, labels).float(), labels)

    def _stored(self, labels: Tensor, draws: Draws) -> Batch:
        """Generated samples of these labels without a graph, for the discriminator.

        The real samples' labels, as in Gulrajani et al.'s code: a pair of a real and a generated
        sample, and all that is between them, is then of one class.
        """
        with torch.no_grad(), self._autocast():
            batch = self._fake(self._g, labels, draws)
        for trick in self.recipe.tricks:
            batch = trick.stored(batch, self, draws)
        return batch

    def _seen(self, batch: Batch, draws: Draws, *, real: bool) -> Batch:
        for trick in self.recipe.tricks:
            batch = trick.seen(batch, real, self, draws)
        return batch

    def _judge_both(self, real: Batch, fake: Batch) -> tuple[Judged, Judged]:
        if self.recipe.objective.separate_batches:
            outs = self._d_shared(*real).float(), self._d_shared(*fake).float()
        else:
            both = self._d_shared(torch.cat([real.x, fake.x]), torch.cat([real.y, fake.y])).float()
            rows = len(both) * len(real.x) // (len(real.x) + len(fake.x))
            outs = both[:rows], both[rows:]
        return Judged(*real, outs[0]), Judged(*fake, outs[1])

    def d_loss(self, real: Judged, fake: Judged, draws: Draws) -> Tensor:
        """The discriminator's loss on both batches, without penalties and terms of tricks."""
        objective = self.recipe.objective
        targets = self._target(real, draws, real=True), self._target(fake, draws, real=False)
        loss = self.loss.d_loss(real.out[:, 0], fake.out[:, 0], *targets)
        if real.out.shape[1] > 1:
            loss = loss + objective.auxiliary_d * auxiliary_loss(real.out[:, 1:], real.y)
            if objective.auxiliary_fake:
                loss = loss + objective.auxiliary_d * auxiliary_loss(fake.out[:, 1:], fake.y)
        return loss

    def _target(self, judged: Judged, draws: Draws, *, real: bool) -> Tensor | float:
        target: Tensor | float = 1.0 if real else 0.0
        for trick in self.recipe.tricks:
            target = trick.target(target, real, len(judged.out), draws)
        return target.to(self.device) if isinstance(target, Tensor) else target

    def _d_terms(self, real: Judged, fake: Judged, draws: Draws, update: int) -> Tensor:
        """Those of tricks, and penalties when they are due."""
        terms = torch.zeros((), device=self.device)
        for trick in self.recipe.tricks:
            terms = terms + trick.d_term(real, fake, self, draws)
        every = self.recipe.objective.penalty_every
        if (self.finished * self.recipe.optimisation.n_critic + update) % every:
            return terms
        # Second derivatives: in full precision, and of the network itself, since compiled networks
        # have none.
        with torch.autocast(self.device.type, enabled=False):
            return terms + self.penalty(
                lambda x: self.discriminator(x, real.y)[:, 0], real.x, fake.x, draws.own("penalty")
            )

    def _judge_of(self, fake: Batch, draws: Draws) -> Judge:
        """Whom the generator answers to: the discriminator, unless a trick knows better."""

        def plain(batch: Batch) -> Tensor:
            return cast(Tensor, self._d(*batch)).float()

        judge: Judge = plain
        for trick in self.recipe.tricks:
            judge = trick.judge(judge, fake, self, draws)
        return judge

    def _g_loss(self, fake: Judged, real_logits: Tensor | None) -> Tensor:
        loss = self.loss.g_loss(fake.out[:, 0], real_logits)
        if fake.out.shape[1] > 1:
            auxiliary = auxiliary_loss(fake.out[:, 1:], fake.y)
            loss = loss + self.recipe.objective.auxiliary_g * auxiliary
        return loss

    def _apply(self, optimizer: torch.optim.Optimizer, network: nn.Module) -> None:
        bound = self.recipe.optimisation.clip_gradients
        if bound:
            self.scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(network.parameters(), bound)
        self.scaler.step(optimizer)
        self.scaler.update()
        for trick in self.recipe.tricks:
            trick.updated(network, self)

    # Precision, compilation, several processes.

    def _autocast(self) -> AbstractContextManager[object]:
        precision = self.recipe.optimisation.precision
        return torch.autocast(self.device.type, AUTOCAST[precision], enabled=precision != "fp32")

    @contextmanager
    def _forward(self, network: nn.Module, micro: int) -> Iterator[None]:
        """Autocast; gradients are exchanged with other processes after the last part only."""
        with ExitStack() as stack:
            if (
                isinstance(network, DistributedDataParallel)
                and micro + 1 < self.recipe.optimisation.accumulate
            ):
                stack.enter_context(network.no_sync())
            stack.enter_context(self._autocast())
            yield

    def _compiled(self, network: nn.Module) -> nn.Module:
        if not self.recipe.optimisation.compile:
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
        loss=LOSSES[recipe.objective.loss],
        penalty=build.penalty(recipe.objective),
        seed=seed,
        device=device,
        processes=processes,
    )


def _backward(loss: Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
