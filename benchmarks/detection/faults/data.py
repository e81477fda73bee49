"""What the trainer is given to learn from."""

from functools import partial

import torch

from benchmarks.detection.faults.fault import Fault
from reference_models.data import Batch, Data
from reference_models.data.base import WHOLE, Split, order
from reference_models.trainer import Trainer


class Changed:
    """A set of training data, changed: what all three have in common."""

    def __init__(self, data: Data):
        self.data = data
        self.name, self.shape, self.classes = data.name, data.shape, data.classes

    def batch(self, start: int, size: int, seed: int, part: slice = WHOLE) -> Batch:
        """See `Data.batch`."""
        return self.data.batch(start, size, seed, part)

    def split(self, name: Split, count: int | None = None) -> Batch:
        """See `Data.split`."""
        return self.data.split(name, count)


class Few(Changed):
    """The first few training samples, again and again."""

    def __init__(self, data: Data, count: int):
        super().__init__(data)
        self.few = data.split("train", count)

    def batch(self, start: int, size: int, seed: int, part: slice = WHOLE) -> Batch:
        """See `Data.batch`."""
        rows = order(len(self.few.x), start, size, seed)[part]
        return Batch(self.few.x[rows], self.few.y[rows])

    def split(self, name: Split, count: int | None = None) -> Batch:
        """See `Data.split`."""
        return self.few if name == "train" else self.data.split(name, count)


class Spoilt(Changed):
    """One value of the next batch is not a number."""

    spoilt = False

    def batch(self, start: int, size: int, seed: int, part: slice = WHOLE) -> Batch:
        """See `Data.batch`."""
        x, y = self.data.batch(start, size, seed, part)
        if not self.spoilt:
            self.spoilt = True
            x = x.clone()
            x.view(-1)[0] = torch.nan
        return Batch(x, y)


class Mislabelled(Changed):
    """Labels of a batch are dealt out again at random."""

    def batch(self, start: int, size: int, seed: int, part: slice = WHOLE) -> Batch:
        """See `Data.batch`."""
        x, y = self.data.batch(start, size, seed, part)
        rng = torch.Generator().manual_seed(start)
        return Batch(x, y[torch.randperm(len(y), generator=rng)])


def _few(count: int, trainer: Trainer) -> None:
    trainer.data = Few(trainer.data, count)


def _spoilt(trainer: Trainer) -> None:
    trainer.data = Spoilt(trainer.data)


def _mislabelled(trainer: Trainer) -> None:
    trainer.data = Mislabelled(trainer.data)


FEW = Fault("64 training samples", partial(_few, 64), at=0.0, means=("discriminator-overfitting",))
NAN = Fault("one value of one batch not a number", _spoilt, means=("divergence",))
MISLABELLED = Fault("labels shuffled", _mislabelled, at=0.0, means=("label-ignored",))
