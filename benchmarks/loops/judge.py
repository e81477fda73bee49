"""What is true of a run, by a classifier of real images and the discriminator's errors.

It shares nothing with the detectors: no pixels, bins, energies, ranks or gradients.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.loops.data import CLASSES, fashion
from gandiag.extractors import open_extractor
from gandiag.metrics import frechet_distance
from reference_models.data.images import to_bytes

SAMPLES = 1000
PART = 100
"""Samples at once."""
SCORED = 512
"""Images of each kind whose scores are asked for."""
BATCH = 64
"""Of one kind, as the discriminator meets them in training."""
FEW = 20
"""Samples of a class below which their spread is not asked for."""

Sampler = Callable[[int, torch.Generator], Any]
Scorer = Callable[..., Tensor]


@torch.no_grad()
def classified(images: Tensor) -> tuple[Tensor, Tensor]:
    """(n, 1, side, side) in [-1, 1] => features (n, 128) and classes (n,), of the middle 28x28."""
    edge = (images.shape[-1] - 28) // 2
    middle = images[:, :, edge : edge + 28, edge : edge + 28]
    found = classifier()(
        classifier().prepare(to_bytes(middle).expand(-1, 3, -1, -1)), ("features", "logits")
    )
    return found["features"], found["logits"].argmax(1)


@functools.cache
def classifier() -> Any:
    """The one that ships."""
    return open_extractor("fashion-mnist", device=torch.device("cpu"))


@functools.cache
def reals() -> tuple[Tensor, Tensor]:
    """Features and classes of the judge's images."""
    return classified(fashion("judge").x)


@functools.cache
def half() -> float:
    """The Fréchet distance of real images of the first five classes: the unit."""
    x, y = fashion("train", 28, 4000)
    features, _ = classified(x[y < CLASSES // 2][:SAMPLES])
    return distance(features)


def distance(features: Tensor) -> float:
    """To the judge's images."""
    return float(frechet_distance(reals()[0].numpy(), features.numpy()))


def within(features: Tensor, classes: Tensor, k: int) -> float:
    """Root mean squared distance of a class's features from their mean."""
    own = features[classes == k].double()
    return float((own - own.mean(0)).square().sum(1).mean().sqrt())


def spread(features: Tensor, classes: Tensor) -> float:
    """Median over classes that have samples: how far apart they are, as a share of the reals'."""
    there = [k for k in range(CLASSES) if int((classes == k).sum()) >= FEW]
    shares = [within(features, classes, k) / within(*reals(), k) for k in there]
    return float(torch.tensor(shares).median())


class Judge:
    """Looks at one run.

    Args:
        generator: put into evaluation mode while samples are drawn.
        discriminator: asked in training mode, in batches of one kind; its buffers are put back.
        sampler: as the monitor has it.
        scorer: x -> scores, or (x, y) -> scores of labelled samples.
        train: the images that the loop trains on, (n, 1, side, side), and their classes.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        sampler: Sampler,
        scorer: Scorer,
        train: tuple[Tensor, Tensor],
    ):
        self.generator, self.discriminator = generator, discriminator
        self.sampler, self.scorer, self.train = sampler, scorer, train
        self.before: Tensor | None = None

    @torch.no_grad()
    def look(self, step: int) -> dict[str, Any]:
        """One row of truth; the global random state and the networks stay as they were.

        Returns:
            ``step``, ``finite`` (whether samples are), and if so ``fd`` (in units of `half`),
            ``shares`` of the classes, ``spread``, ``motion`` (of samples of the same latents since
            the look before, as a share of the distance between reals), ``agreement`` with the
            labels asked for, if any, the discriminator's shares of right answers
            (``train_real``, ``unseen_real``, ``fake``) and ``secant``.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            images, asked = self._drawn()
            if not images.isfinite().all():
                return {"step": step, "finite": False}
            features, classes = classified(images)
            found = {
                "step": step,
                "finite": True,
                "fd": distance(features) / half(),
                "shares": [float((classes == k).float().mean()) for k in range(CLASSES)],
                "spread": spread(features, classes),
                "motion": self._motion(features),
            }
            if asked is not None:
                found["agreement"] = float((classes == asked).float().mean())
            found |= self._scored(images, asked)
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in found.items()}

    def _drawn(self) -> tuple[Tensor, Tensor | None]:
        rng, was = torch.Generator().manual_seed(0), self.generator.training
        self.generator.eval()
        parts = [self.sampler(PART, rng) for _ in range(SAMPLES // PART)]
        self.generator.train(was)
        if isinstance(parts[0], tuple):
            x, y = zip(*parts, strict=True)
            return torch.cat(x), torch.cat(y)
        return torch.cat(parts), None

    def _motion(self, features: Tensor) -> float:
        before, self.before = self.before, features
        if before is None:
            return 0.0
        real = reals()[0]
        apart = (real[: SAMPLES // 2] - real[SAMPLES // 2 : SAMPLES]).square().sum(1).mean().sqrt()
        return float((features - before).square().sum(1).mean().sqrt() / apart)

    def _scored(self, images: Tensor, asked: Tensor | None) -> dict[str, float]:
        unseen = fashion("judge", images.shape[-1])
        rows = torch.randperm(len(self.train[0]), generator=torch.Generator().manual_seed(0))[
            :SCORED
        ]
        kinds = {
            "train_real": (self.train[0][rows], self.train[1][rows]),
            "unseen_real": (unseen.x[:SCORED], unseen.y[:SCORED]),
            "fake": (images[:SCORED], asked),
        }
        was, kept = self.discriminator.training, [b.clone() for b in self.discriminator.buffers()]
        self.discriminator.train()
        labelled = asked is not None
        scores = {name: self._asked(x, y if labelled else None) for name, (x, y) in kinds.items()}
        for buffer, value in zip(self.discriminator.buffers(), kept, strict=True):
            buffer.copy_(value)
        self.discriminator.train(was)
        cut = (scores["train_real"].median() + scores["fake"].median()) / 2
        n = len(scores["fake"])
        apart = (kinds["unseen_real"][0][:n] - kinds["fake"][0][:n]).flatten(1).norm(dim=1)
        return {
            "train_real": float((scores["train_real"] > cut).float().mean()),
            "unseen_real": float((scores["unseen_real"] > cut).float().mean()),
            "fake": float((scores["fake"] < cut).float().mean()),
            "secant": float(((scores["unseen_real"][:n] - scores["fake"]).abs() / apart).median()),
        }

    def _asked(self, x: Tensor, y: Tensor | None) -> Tensor:
        parts = [
            self.scorer(x[i : i + BATCH])
            if y is None
            else self.scorer(x[i : i + BATCH], y[i : i + BATCH])
            for i in range(0, len(x), BATCH)
        ]
        return torch.cat([part.flatten() for part in parts])
