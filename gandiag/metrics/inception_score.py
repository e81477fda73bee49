"""Inception Score: sharp and varied class predictions."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_rows, banks, check_count
from gandiag.metrics.intervals import Z
from gandiag.statistics import Bank, Statistic

ROWS = 4096
A_CLASS = 5
"""Images for an interval, for each class in use: with fewer it is too short."""
SMALL = 0.05
"""A second-order term that is not worth computing, as a share of the variance."""


def class_divergences(logits: Rows) -> Tensor:
    """(n, classes) logits => (n,) float64, KL(p(c | x_i) || mean of p(c | x)).

    Computed from log-probabilities throughout, so that a class no image shows costs no NaN.
    """
    logits = as_rows(logits, "logits")
    blocks = torch.split(logits, ROWS)
    log_sum = torch.full_like(logits[0], -math.inf, dtype=torch.float64)
    for block in blocks:
        log_p = block.double().log_softmax(dim=1)
        log_sum = torch.logaddexp(log_sum, log_p.logsumexp(dim=0))
    log_mean = log_sum - math.log(len(logits))
    divergences = []
    for block in blocks:
        log_p = block.double().log_softmax(dim=1)
        divergences.append((log_p.exp() * (log_p - log_mean)).sum(dim=1))
    return torch.cat(divergences)


def inception_score(logits: Rows) -> float:
    """``exp(mean KL(p(c | x) || p(c)))`` over all images (Salimans et al. 2016, section 4).

    Args:
        logits: (n, classes) before the softmax, n >= 1.

    Returns:
        Between 1 (all predictions alike) and min(n, classes).

    Raises:
        GandiagError: no row, NaN or infinities.
    """
    logits = as_rows(logits, "logits")
    check_count("logits", len(logits), 1)
    return math.exp(float(class_divergences(logits).mean()))


def _second_order(logits: Tensor, mean: Tensor) -> float:
    """n times the variance of log IS that is of second order; influences hold twice as much.

    Only the entropy of the mean prediction p is curved, by -1/p: of two images it is
    ``-sum_c (x_c - p_c)(y_c - p_c) / 2 p_c``, with the mean square ``|D C D|^2 / 4``, C the
    covariance of predictions and D^2 = diag(1 / p). Of certain predictions that is (classes - 1)/4.
    """
    root = mean.clamp(min=torch.finfo(torch.float64).tiny).sqrt()
    products = torch.zeros((len(mean), len(mean)), dtype=torch.float64, device=logits.device)
    for block in torch.split(logits, ROWS):
        scaled = (block.double().softmax(dim=1) - mean) / root
        products += scaled.T @ scaled
    return float((products / len(logits)).square().sum()) / 2 / len(logits)


def _deviation(logits: Tensor, divergences: Tensor) -> tuple[float, float]:
    """Of log IS over draws of the images, and the effective number of classes in use.

    The influence of an image is its divergence less the mean. As the mean prediction is estimated,
    it holds the second-order term too, and that twice; how much is taken off is as for the Fréchet
    distance. Where the term is more than half of the influences' variance, they came out too small
    by chance, and the geometric mean of the two is taken.
    """
    n, classes = logits.shape
    mean = torch.zeros(classes, dtype=torch.float64, device=logits.device)
    for block in torch.split(logits, ROWS):
        mean += block.double().softmax(dim=1).sum(dim=0)
    mean /= n
    used = math.exp(float(torch.special.entr(mean).sum()))
    variance = float(divergences.var()) if n > 1 else 0.0
    # What it can be at most tells whether it is worth its classes^2 numbers.
    if variance and (classes - 1) / 2 / n > SMALL * variance:
        share = _second_order(logits, mean) / variance
        variance *= 1 - 2 * share**2 if share < 0.5 else math.sqrt(share / 2)
    return math.sqrt(variance / n), used


@dataclass(frozen=True)
class InceptionScore(Metric):
    """Inception Score, after Salimans et al. 2016, over all images at once.

    It is biased downwards, the more the fewer images there are: compare values of equal N only.
    With fewer images a split's score is lower, so one split is the better estimate; the published
    numbers are means over ten. torch-fidelity 0.4: ``splits=10, shuffle="numpy"``. dgm-eval:
    ``splits=10, rule="floor", shuffle="numpy"``. mimicry: ``splits=10``. torchmetrics 1.9:
    ``splits=10, rule="chunk", ddof=1, shuffle="torch"``, `seed` that given to torch. ADM
    (guided-diffusion): ``block=5000``. StyleGAN: ``splits=10``.
    """

    name: ClassVar[str] = "is"
    summary: ClassVar[str] = "Inception Score: sharp and varied class predictions; no real image"
    outputs: ClassVar[Mapping[str, Better]] = {"is": "higher"}
    reads: ClassVar[Literal["features", "logits"]] = "logits"
    accepts: ClassVar[Mapping[Role, tuple[type[Statistic], ...]]] = {"generated": (Bank,)}

    splits: int = 1
    block: int | None = None
    """Instead of `splits`: consecutive blocks of so many images, of which the last may have fewer
    and weighs as much."""
    rule: Literal["even", "chunk", "floor"] = "even"
    """Cut at i N // splits; as torch.chunk, maybe in fewer; or N // splits each, tail dropped."""
    shuffle: Literal["none", "numpy", "torch"] = "none"
    """The order before the cut: as given, ``RandomState(seed).permutation`` or `torch.randperm`."""
    seed: int = 2020
    ddof: int = 0
    """Of the std over splits."""

    def __post_init__(self) -> None:
        if self.splits < 1:
            raise GandiagError(f"the Inception Score needs splits >= 1, got {self.splits}")
        if self.block is not None and (self.block < 1 or self.splits > 1):
            raise GandiagError(
                f"the Inception Score needs a block >= 1 and no splits, got block={self.block} and "
                f"splits={self.splits}"
            )

    def minimum(self, role: Role) -> int:
        """One image a split."""
        return self.splits

    def split(self, logits: Tensor) -> list[Tensor]:
        """(n, classes) => the splits, in order."""
        n = len(logits)
        if self.shuffle == "numpy":
            order = torch.from_numpy(np.random.RandomState(self.seed).permutation(n))
            logits = logits[order.to(logits.device)]
        elif self.shuffle == "torch":
            order = torch.randperm(n, generator=torch.Generator().manual_seed(self.seed))
            logits = logits[order.to(logits.device)]
        if self.block is not None:
            return list(torch.split(logits, self.block))
        if self.rule == "chunk":
            return list(logits.chunk(self.splits))
        if self.rule == "floor":
            size = n // self.splits
            return [logits[i * size : (i + 1) * size] for i in range(self.splits)]
        cuts = [i * n // self.splits for i in range(self.splits + 1)]
        return [logits[start:stop] for start, stop in pairwise(cuts)]

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``generated=`` => ``is``, with the std over the splits beside it."""
        (logits,) = banks(self, statistics)
        scores, variances, enough = [], [], True
        for split in self.split(logits):
            divergences = class_divergences(split)
            score = math.exp(float(divergences.mean()))
            scores.append(score)
            deviation, used = _deviation(split, divergences)
            variances.append((score * deviation) ** 2)
            enough = enough and len(split) >= A_CLASS * used
        value = float(np.mean(scores))
        relative = math.sqrt(sum(variances)) / len(scores) / value
        std = {"std": float(np.std(scores, ddof=self.ddof))} if len(scores) > self.ddof else {}
        extra = std if self.splits > 1 or len(scores) > 1 else {}
        if not enough:
            of = "images" if len(scores) == 1 else "images of a split"
            method = f"no interval: fewer than {A_CLASS} {of} for each class in use"
            return {"is": Score(value, method=method, extra=extra)}
        return {
            "is": Score(
                value,
                low=min(value, max(1.0, value * math.exp(-Z * relative))),
                high=value * math.exp(Z * relative),
                method="delta method over generated images; without the bias from finite N",
                extra=extra,
            )
        }

    def remarks(self, **statistics: Statistic) -> Iterator[tuple[str, str]]:
        """A last block with fewer images, whose score is lower by that alone."""
        n = statistics["generated"].n or 0
        if self.block is not None and n > self.block and n % self.block:
            sentence = (
                f"the last block of the Inception Score has {n % self.block:,} of {self.block:,} "
                "images, scores lower by that, and weighs as much; give a multiple of the block"
            )
            yield "short-block", sentence
