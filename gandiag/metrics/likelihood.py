"""FLD: how likely unseen real images are under a mixture of Gaussians around the samples."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar, NamedTuple, Self

import torch
from torch import Tensor

from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, banks
from gandiag.metrics.drawing import drawn_order
from gandiag.metrics.intervals import Z
from gandiag.metrics.neighbours import bounded_squares
from gandiag.metrics.sets import as_sets
from gandiag.metrics.unjudged import TOO_LONG
from gandiag.statistics import Bank, Statistic

SIZE = 10_000
"""Centres, and rows that variances are fitted to, at most; their squared distances are kept in
float32, 400 MB."""

STEPS = 50
"""Of expectation and maximisation, at most."""
SETTLED = 1e-13
"""Log variances that all move by less are what more steps would leave."""
BOUNDS = -40.0, 20.0
"""Of log variances: a centre that is a training row would have one of 0."""
SHRUNK = 0.9
"""The Gaussian around the mean sees distances times this: every row has some likelihood."""
PART = 512
"""Rows whose likelihoods are computed at once: 40 MB with ten thousand centres."""


def _silent(share: float) -> None:
    """Nobody asked."""


class Likelihood(NamedTuple):
    """What `feature_likelihood` found; all per dimension, in hundredths of a nat."""

    value: float
    """FLD: how much less likely held-out rows are than under the training rows themselves."""
    gap: float
    """The negative log-likelihood of the training rows less that of the held-out ones: about 0, and
    far below it where the centres are copies of the training rows."""
    deviation: float
    """Of the value over draws of the held-out rows, all else fixed."""


def feature_likelihood(
    *,
    real: Rows,
    heldout: Rows,
    generated: Rows,
    seed: int = 0,
    tell: Callable[[float], None] = _silent,
) -> Likelihood:
    """Feature likelihood divergence (Jiralerspong et al. 2023, section 3).

    Features are standardised by mean and deviation of the held-out rows. A Gaussian is put around
    each generated row, of equal weight, and their variances are fitted to the training rows by
    maximum likelihood: a copy of a training row gets a variance near 0, and then explains no
    held-out row. The value is ``100 / width`` times the mean negative log-likelihood of the
    held-out rows, less a baseline: the same number with half of the training rows as centres, as
    many as there are generated ones or fewer, fitted to the other half, and the mean of that and of
    the halves exchanged. Below 0 is better than that.

    As in the authors' code the variances start from the best ones for each centre's nearest
    training row alone, and one more Gaussian around the mean takes what the others do not explain,
    and is left out afterwards. Unlike there, 50 steps of expectation and maximisation stand in the
    place of 50 of Adam at a rate of 0.5, which end up elsewhere with another rounding of the first
    step: gaps of 400 rows of width 16 differ by 1 to 4 %. At most 10,000 training rows are fitted
    to; draws follow the contents of the rows, not their order. Columns that are constant among the
    held-out rows are left out.

    Args:
        real: (l, width), the training rows, l >= 4.
        heldout: (n, width), real rows that were not trained on, n >= 2.
        generated: (m, width), m >= 1.
        seed: of the draws, and of the halves of the baseline.
        tell: is told what share of the work is done.

    Raises:
        GandiagError: too few rows, widths that differ, NaN or infinities.
    """
    real, heldout, generated = as_sets(
        {"real": real, "heldout": heldout, "generated": generated},
        {"real": 4, "heldout": 2, "generated": 1},
    )
    shift = heldout.mean(dim=0, dtype=torch.float64)
    scale = heldout.double().std(dim=0)
    varied = scale > 1e-6 * (shift.abs() + scale.max())
    if not varied.any():
        return Likelihood(0.0, 0.0, 0.0)

    def standard(rows: Tensor) -> Tensor:
        return (rows[:, varied].double() - shift[varied]) / scale[varied]

    order = drawn_order(real, seed).to(real.device)
    train = standard(real[order[:SIZE]])
    test = standard(heldout)
    centres = generated
    if len(centres) > SIZE:
        centres = centres[drawn_order(centres, seed)[:SIZE].to(centres.device)]
    centres = standard(centres)
    logs = fitted(centres, train, lambda share: tell(share / 2))
    of_test, of_train = (surprise(centres, logs, each) for each in (test, train))
    half = min(len(centres), len(train) // 2)
    # Both halves in turn: with one, what is drawn into it would move the value by several times
    # the interval.
    halves = (train[:half], train[half:]), (train[len(train) - half :], train[: len(train) - half])
    baseline = torch.zeros_like(of_test)
    for turn, (own, rest) in enumerate(halves):
        others = fitted(own, rest, partial(_tell_quarter, tell, 2 + turn))
        baseline += surprise(own, others, test) / 2
    differences = 100 * (of_test - baseline)
    return Likelihood(
        float(differences.mean()),
        100 * float(of_train.mean() - of_test.mean()),
        float(differences.std()) / math.sqrt(len(test)),
    )


def _tell_quarter(tell: Callable[[float], None], done: int, share: float) -> None:
    tell((done + share) / 4)


def fitted(centres: Tensor, rows: Tensor, tell: Callable[[float], None]) -> Tensor:
    """(m, width), (n, width) float64 => (m,) log variances of Gaussians that explain the rows."""
    width = rows.shape[1]
    squares = torch.cat([each.float() for each in _squares(rows, centres)])
    spread = SHRUNK**2 * (rows - rows.mean(dim=0)).square().sum(dim=1)
    odds = torch.full((len(centres) + 1,), -math.log(len(centres)), dtype=torch.float64)
    odds[-1] = 0
    odds = odds.to(rows.device)
    logs = ((squares.amin(dim=0).double() + 1e-3) / width).log()
    logs = torch.cat((logs, logs.new_zeros(1)))  # the last is that of the mean
    squares = torch.cat((squares, spread.float()[:, None]), dim=1)
    for step in range(1, STEPS + 1):
        counts, sums = torch.zeros_like(logs), torch.zeros_like(logs)
        for i in parts(len(rows)):
            # A softmax by hand, each step of it in place: this is where the time goes.
            shares = squares[i] * (-logs).exp().div_(-2)
            shares += odds - width / 2 * logs
            shares -= shares.amax(dim=1, keepdim=True)
            wholes = 1 / shares.exp_().sum(dim=1)
            counts += wholes @ shares
            sums += wholes @ shares.mul_(squares[i])
        # One that explains nothing stays as it is.
        better = (sums / (width * counts)).log().clamp(*BOUNDS)
        better = torch.where(counts > 1e-100, better, logs)
        settled = bool((better - logs).abs().max() < SETTLED)
        logs = better
        tell(1.0 if settled else step / STEPS)
        if settled:
            break
    return logs[:-1]


def surprise(centres: Tensor, logs: Tensor, rows: Tensor) -> Tensor:
    """(n,) negative log-likelihood of each row per dimension, in nats."""
    width = rows.shape[1]
    found = []
    for part in _squares(rows, centres):
        density = -(part / logs.exp() + width * (logs + math.log(2 * math.pi))) / 2
        found.append((math.log(len(centres)) - density.logsumexp(dim=1)) / width)
    return torch.cat(found)


def parts(n: int) -> Iterator[slice]:
    """Slices of range(n) of `PART` rows."""
    for start in range(0, n, PART):
        yield slice(start, start + PART)


def _squares(rows: Tensor, centres: Tensor) -> Iterator[Tensor]:
    """Squared distances of a part of the rows after the other to all centres, float64."""
    origin = torch.zeros(rows.shape[1], dtype=torch.float64, device=rows.device)
    for i in parts(len(rows)):
        sizes, products, _ = bounded_squares(rows[i], centres, origin)
        # What is rounding is a copy: 1e-12 of a squared distance would be a variance.
        found = sizes.sub(products)
        yield found.masked_fill_(found <= 1e-11 * sizes, 0.0)


@dataclass(frozen=True)
class FLD(Metric):
    """Feature likelihood divergence, after Jiralerspong et al. 2023.

    It sees quality, variety and copying at once. It can be below 0: the baseline has half of the
    training images only. The gap beside it is below 0 for samples that follow the training images
    more closely than unseen ones. The published numbers are of DINOv2's features.
    """

    name: ClassVar[str] = "fld"
    summary: ClassVar[str] = "FLD: likelihood of unseen reals around samples; needs --heldout"
    outputs: ClassVar[Mapping[str, Better]] = {"fld": "lower"}
    accepts: ClassVar[Mapping[Role, tuple[type[Statistic], ...]]] = {
        "real": (Bank,),
        "heldout": (Bank,),
        "generated": (Bank,),
    }

    seed: int = 0
    tell: Callable[[float], None] = field(default=_silent, repr=False, compare=False)

    def minimum(self, role: Role) -> int:
        """Two halves of the real images, and a deviation of the held-out ones."""
        return {"real": 4, "heldout": 2, "generated": 1}[role]

    def telling(self, tell: Callable[[float], None]) -> Self:
        """The same, telling what share of the fits is done."""
        return replace(self, tell=tell)

    def unjudged(self) -> Mapping[str, str]:
        """All of it."""
        return dict.fromkeys(self.outputs, TOO_LONG)

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, heldout=, generated=`` => ``fld``."""
        real, heldout, generated = banks(self, statistics)
        found = feature_likelihood(
            real=real, heldout=heldout, generated=generated, seed=self.seed, tell=self.tell
        )
        half = Z * found.deviation
        return {
            "fld": Score(
                found.value,
                low=found.value - half,
                high=found.value + half,
                method="normal over held-out images, all others fixed; 0 is what half of the real "
                "images get as centres; a gap far below 0 is overfitting",
                extra={"gap": found.gap},
            )
        }
