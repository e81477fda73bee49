"""Looks at a run of the reference trainer: samples in classes, and the discriminator's errors.

No pixels, bins, energies, ranks or gradients, which the detectors look at.
"""

from typing import Any

import torch
from torch import Tensor

from benchmarks.detection.truth.worlds import World
from reference_models.data import Batch
from reference_models.latents import draw_latents
from reference_models.trainer import Trainer

SAMPLES = 1000
SCORED = 512
"""Samples of each kind that the discriminator is asked about."""
BATCH = 64
"""Of one kind, as it meets them in training."""
FEW = 20
"""Samples of a class below which their spread is not asked for."""


class Judge:
    """Looks at one run; networks and random state stay as they were."""

    def __init__(self, trainer: Trainer, world: World):
        self.trainer, self.world = trainer, world
        # Of the data before a fault in it: what a discriminator of few samples has never seen.
        self.unseen = trainer.data.split("reference", SCORED)
        self.before: Tensor | None = None

    @torch.no_grad()
    def look(self) -> dict[str, Any]:
        """One row of truth.

        Returns:
            ``step``, ``finite`` (whether samples are), and if so ``fd`` (see `World.distance`),
            ``shares`` of the classes, ``spread`` (median over classes of the root mean squared
            distance from their mean, as a share of the reals'), ``motion`` (of samples of the same
            latents since the look before, in units of the distance between reals), ``agreement``
            with the labels asked for, and the discriminator's shares of right answers:
            ``train_real``, ``unseen_real``, ``fake``; and ``secant``, the median of
            |D(x) - D(x')| / |x - x'| over pairs of an unseen real and a generated sample.
        """
        trainer = self.trainer
        fake = self._drawn()
        if not fake.x.isfinite().all():
            return {"step": trainer.finished, "finite": False}
        features, classes = self.world.classify(fake.x)
        found = {
            "step": trainer.finished,
            "finite": True,
            "fd": self.world.distance(features),
            "shares": [float((classes == k).float().mean()) for k in range(self.world.classes)],
            "spread": self._spread(features, classes),
            "motion": self._motion(features),
        }
        if trainer.recipe.networks.conditional:
            found["agreement"] = float((classes == fake.y).float().mean())
        found |= self._scored(fake)
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in found.items()}

    def _drawn(self) -> Batch:
        recipe, network = self.trainer.recipe, self.trainer.generator
        rng, was = torch.Generator().manual_seed(0), network.training
        z = draw_latents(recipe.networks, SAMPLES, rng)
        y = torch.randint(max(1, self.world.classes), (SAMPLES,), generator=rng)
        network.eval()
        x = recipe.scale * torch.cat(
            [network(*part) for part in zip(z.split(100), y.split(100), strict=True)]
        )
        network.train(was)
        return Batch(x, y)

    def _spread(self, features: Tensor, classes: Tensor) -> float:
        world = self.world
        there = [k for k in range(world.classes) if int((classes == k).sum()) >= FEW]
        shares = [
            _within(features[classes == k]) / _within(world.features[world.labels == k])
            for k in there
        ]
        return float(torch.tensor(shares).median()) if shares else 0.0

    def _motion(self, features: Tensor) -> float:
        before, self.before = self.before, features
        if before is None:
            return 0.0
        half = len(self.world.features) // 2
        apart = _rms(self.world.features[:half] - self.world.features[half : 2 * half])
        return _rms(features - before) / apart

    def _scored(self, fake: Batch) -> dict[str, float]:
        network, scale = self.trainer.discriminator, self.trainer.recipe.scale
        was, kept = network.training, [b.clone() for b in network.buffers()]
        network.train()
        kinds = {
            "train_real": self.trainer.data.split("train", SCORED),
            "unseen_real": self.unseen,
            "fake": Batch(fake.x[:SCORED], fake.y[:SCORED]),
        }
        # Dropout draws from the global generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            scores = {kind: self._asked(batch.x / scale, batch.y) for kind, batch in kinds.items()}
        for buffer, value in zip(network.buffers(), kept, strict=True):
            buffer.copy_(value)
        network.train(was)
        cut = (scores["train_real"].median() + scores["fake"].median()) / 2
        n = min(len(scores["unseen_real"]), len(scores["fake"]))
        apart = ((self.unseen.x[:n] - fake.x[:n]) / scale).flatten(1).norm(dim=1)
        return {
            "train_real": float((scores["train_real"] > cut).float().mean()),
            "unseen_real": float((scores["unseen_real"] > cut).float().mean()),
            "fake": float((scores["fake"] < cut).float().mean()),
            "secant": float(
                ((scores["unseen_real"][:n] - scores["fake"][:n]).abs() / apart).median()
            ),
        }

    def _asked(self, x: Tensor, y: Tensor) -> Tensor:
        network = self.trainer.discriminator
        parts = zip(x.split(BATCH), y.split(BATCH), strict=True)
        return torch.cat([network(*part)[:, 0] for part in parts])


def _within(features: Tensor) -> float:
    """Root mean squared distance from their mean, of (n, d)."""
    return _rms(features.double() - features.double().mean(0))


def _rms(rows: Tensor) -> float:
    return float(rows.square().sum(1).mean().sqrt())
