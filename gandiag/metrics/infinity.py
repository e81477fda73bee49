"""FID and Inception Score without the bias from finite N: a line in 1/n, read off at 0."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import (
    Rows,
    as_pair,
    as_rows,
    banks,
    check_count,
    check_statistics,
)
from gandiag.metrics.drawing import drawn_order
from gandiag.metrics.frechet import Gaussian, _distance, _with_deviation
from gandiag.metrics.inception_score import (
    A_CLASS,
    _deviation,
    class_divergences,
    inception_score,
)
from gandiag.metrics.intervals import Z
from gandiag.metrics.unjudged import TOO_LONG
from gandiag.statistics import Bank, Moments, Statistic

LEAST = 20
"""Rows: the smallest subset has a tenth of them, and no covariance has fewer than two."""
FEW = 1000
"""Generated images for an interval of `fid_inf`, as `fid` has none of fewer: of 200 normal
features of width 64 it was 2.8 times too long."""
CARRIED = 150
"""Images that must carry the variance. Of heavy tails, where a hundred of a thousand carry it,
intervals held the mean in 77 to 83 %; of other features 170 and more carry it."""


@dataclass(frozen=True, eq=False)
class Extrapolation:
    """The least-squares line in 1/n through a score of subsets of n rows."""

    sizes: Tensor
    """(k,) int64, n of each subset, ascending; the last is all rows."""
    scores: Tensor
    """(k,) float64."""
    weights: Tensor
    """(N,) float64, sum 1: what each row weighs in the value of a score that is
    a mean over rows."""

    @property
    def value(self) -> float:
        """The line at 1/n = 0."""
        return float(self.scores.mean()) - self.slope * float((1 / self.sizes.double()).mean())

    @property
    def slope(self) -> float:
        """What the score gains by one more 1/n: N times the bias at N, in units of the score."""
        x = _centred(self.sizes)
        return float(x @ self.scores / x.square().sum())

    @property
    def residual(self) -> float:
        """Root mean square distance of the scores from the line, in units of the score."""
        line = self.value + self.slope / self.sizes.double()
        return float((self.scores - line).square().mean().sqrt())

    @property
    def r2(self) -> float:
        """The share of the scores' variance that the line explains; 1 where there is none."""
        spread = float(self.scores.var(correction=0))
        return 1 - self.residual**2 / spread if spread > 0 else 1.0

    def deviation(self, whole: float) -> float:
        """The value's standard deviation over draws of the rows.

        To first order a score is a mean over rows, of which the value is one with `weights`; what
        is not seen in that is taken from the scatter of the scores about the line, as in any
        regression. Some of it is counted twice.

        Args:
            whole: the standard deviation, to first order, of the score of all rows.
        """
        widening = len(self.weights) * float(self.weights.square().sum())
        count, x = len(self.sizes), 1 / self.sizes.double()
        leverage = 1 / count + float(x.mean() ** 2 / _centred(self.sizes).square().sum())
        scatter = self.residual**2 * count / max(1, count - 2) * leverage
        return math.sqrt(widening * whole**2 + scatter)


def _centred(sizes: Tensor) -> Tensor:
    x = 1 / sizes.double()
    return x - x.mean()


def sizes_of(n: int, *, sizes: int = 15, lowest: int = 5000) -> Tensor:
    """(sizes,) int64, even steps from `lowest`, or from n / 10 if that is less, to `n`."""
    first = min(lowest, max(n // 10, 2))
    return torch.from_numpy(np.linspace(first, n, sizes).astype(np.int64))


def extrapolate(
    rows: Tensor,
    score: Callable[[Tensor], float],
    *,
    sizes: int = 15,
    lowest: int = 5000,
    seed: int = 0,
) -> Extrapolation:
    """`score` on random subsets of growing size, each drawn anew without replacement, and the line.

    Args:
        rows: (n, width), n >= 20.
        score: of (m, width), which should be linear in 1/m.
        sizes: how many subsets, >= 2.
        lowest: the smallest subset, if that is no more than a tenth of all rows.
        seed: of the subsets, which do not depend on the order of `rows`.

    Raises:
        GandiagError: fewer than 20 rows, `sizes` < 2 or `lowest` < 2.
    """
    check_count("generated", len(rows), LEAST)
    _check(sizes, lowest)
    order = drawn_order(rows, seed)
    random = np.random.default_rng(seed)
    steps = sizes_of(len(rows), sizes=sizes, lowest=lowest)
    x = _centred(steps)
    # The value is a sum of the scores with these shares, whose own sum is 1.
    shares = 1 / sizes - (1 / steps.double()).mean() * x / x.square().sum()
    weights = torch.zeros(len(rows), dtype=torch.float64)
    scores = []
    for size, share in zip(steps.tolist(), shares.tolist(), strict=True):
        index = torch.from_numpy(random.choice(len(rows), size, replace=False))
        weights[order[index]] += share / size
        scores.append(score(rows[order[index].to(rows.device)]))
    return Extrapolation(steps, torch.tensor(scores, dtype=torch.float64), weights)


def _check(sizes: int, lowest: int) -> None:
    if sizes < 2 or lowest < 2:
        raise GandiagError(
            f"an extrapolation needs sizes >= 2 and lowest >= 2, got sizes={sizes} and "
            f"lowest={lowest}"
        )


def frechet_infinity(
    *,
    real: Rows,
    generated: Rows,
    sizes: int = 15,
    lowest: int = 5000,
    seed: int = 0,
    ddof: Literal[0, 1] = 1,
) -> Extrapolation:
    """The Fréchet distance without the bias from finitely many generated rows.

    FID_n of random subsets is fitted by a line in 1/n, whose intercept is the value (Chong &
    Forsyth 2020, "Effectively Unbiased FID and Inception Score and where to find them", section 4).
    The real rows stay as they are, so the bias that they bring is still in it. The bias is a line
    in 1/n from about n = width on; below, it bends, and the intercept is too low.

    Chong & Forsyth take 15 sizes from 5,000 to 50,000, as here; dgm-eval those of `sizes_of`, and
    neither seeds the draws. Their generator is sampled by a Sobol sequence, which is left to the
    caller.

    Args:
        real: (m, width), m >= 2.
        generated: (n, width), n >= 20.
        sizes: how many subsets.
        lowest: the smallest of them, if that is no more than n / 10.
        seed: of the subsets, which do not depend on the order of the rows.
        ddof: of both covariances, see `frechet_distance`.

    Returns:
        `value` may be negative, as it has an error of its own.

    Raises:
        GandiagError: too few rows, widths that differ, NaN, infinities or values whose squares
            overflow; `sizes` < 2 or `lowest` < 2.
    """
    x, y = as_pair(real, generated, least=2)
    return _of_gaussian(Gaussian.of_rows(x, ddof), y, sizes, lowest, seed, ddof)


def _of_gaussian(
    real: Gaussian, generated: Tensor, sizes: int, lowest: int, seed: int, ddof: int
) -> Extrapolation:
    def score(rows: Tensor) -> float:
        return _distance(real, Gaussian.of_rows(rows, ddof))

    return extrapolate(generated, score, sizes=sizes, lowest=lowest, seed=seed)


def inception_infinity(
    logits: Rows, *, sizes: int = 15, lowest: int = 5000, seed: int = 0
) -> Extrapolation:
    """The Inception Score without its bias from finite N, likewise (Chong & Forsyth 2020).

    Each subset is scored in one split.

    Args:
        logits: (n, classes) before the softmax, n >= 20.
        sizes: how many subsets.
        lowest: the smallest of them, if that is no more than n / 10.
        seed: of the subsets, which do not depend on the order of the rows.

    Returns:
        `value` may pass the number of classes, as it has an error of its own.

    Raises:
        GandiagError: fewer than 20 rows, NaN or infinities; `sizes` < 2 or `lowest` < 2.
    """
    rows = as_rows(logits, "logits")
    return extrapolate(rows, inception_score, sizes=sizes, lowest=lowest, seed=seed)


def _scored(line: Extrapolation, deviation: float, reference: str = "") -> Score:
    return Score(
        line.value,
        line.value - Z * deviation,
        line.value + Z * deviation,
        method=f"delta method over generated images{reference}, and scatter about the line; "
        "without what bends the line",
        extra=_line(line),
    )


def _line(line: Extrapolation) -> dict[str, float]:
    return {
        "slope": line.slope,
        "residual": line.residual,
        "r2": line.r2,
        "sizes": float(len(line.sizes)),
        "smallest": float(line.sizes[0]),
        "largest": float(line.sizes[-1]),
    }


@dataclass(frozen=True)
class _Infinity(Metric):
    """What both have in common: how the subsets are drawn."""

    sizes: int = 15
    """Subsets, in even steps of their size."""
    lowest: int = 5000
    """Rows of the smallest, if that is no more than a tenth of all."""
    seed: int = 0
    """Of the subsets; the order of the images does not matter."""

    def __post_init__(self) -> None:
        _check(self.sizes, self.lowest)


@dataclass(frozen=True)
class FrechetInfinity(_Infinity):
    """Fréchet distance for infinitely many generated images, after Chong & Forsyth 2020.

    See `frechet_infinity`. The bias of finitely many reals stays. The interval holds the mean of
    the value over draws of generated images; that is the distance itself where FID_n is a line in
    1/n, from about n = width on.
    """

    name: ClassVar[str] = "fid_inf"
    summary: ClassVar[str] = "Fréchet distance extrapolated to infinitely many generated images"
    outputs: ClassVar[Mapping[str, Better]] = {"fid_inf": "lower"}
    generic: ClassVar[Mapping[str, str]] = {"fid_inf": "fd_inf"}
    accepts: ClassVar[Mapping[Role, tuple[type[Statistic], ...]]] = {
        "real": (Moments, Bank),
        "generated": (Bank,),
    }

    ddof: Literal[0, 1] = 1
    """Of the covariances, as that of `fid`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ddof not in (0, 1):
            raise GandiagError(f"the Fréchet distance needs ddof 0 or 1, got {self.ddof}")

    def minimum(self, role: Role) -> int:
        """Two real images, for a covariance; twenty generated, of which a tenth has one."""
        return LEAST if role == "generated" else 2

    def unjudged(self) -> Mapping[str, str]:
        """All of it."""
        return dict.fromkeys(self.outputs, TOO_LONG)

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=``, ``generated=`` => ``fid_inf``."""
        check_statistics(self, statistics)
        real, generated = statistics["real"], statistics["generated"]
        assert isinstance(generated, Bank)
        if isinstance(real, Bank):
            reference = Gaussian.of_rows(real.rows, self.ddof)
        else:
            assert isinstance(real, Moments)
            reference = Gaussian.of_moments(real, self.ddof)
        rows = as_rows(generated.rows, "generated")
        line = _of_gaussian(reference, rows, self.sizes, self.lowest, self.seed, self.ddof)
        if len(rows) < FEW:
            method = f"no interval: it would not hold for fewer than {FEW:,} generated images"
            return {"fid_inf": Score(line.value, method=method, extra=_line(line))}
        found = _with_deviation(reference, rows, self.ddof)
        if found.carriers < CARRIED:
            method = (
                f"no interval: its variance comes mostly from {found.carriers:.0f} of the images, "
                f"and {CARRIED} are needed to know it"
            )
            return {"fid_inf": Score(line.value, method=method, extra=_line(line))}
        return {"fid_inf": _scored(line, line.deviation(found.deviation), ", reference fixed")}

    def remarks(self, **statistics: Statistic) -> Iterator[tuple[str, str]]:
        """Subsets so small that the bias is no line in 1/n."""
        generated = statistics["generated"]
        smallest = int(sizes_of(generated.n or 0, sizes=self.sizes, lowest=self.lowest)[0])
        if smallest < generated.width:
            sentence = (
                f"the smallest subset of {self.name} has {smallest:,} images and the features are "
                f"{generated.width:,} wide: below the width the bias is no line in 1/n, and the "
                f"value is too low; give {10 * generated.width:,} generated images"
            )
            yield "line-bends", sentence


@dataclass(frozen=True)
class InceptionInfinity(_Infinity):
    """Inception Score for infinitely many images, after Chong & Forsyth 2020."""

    name: ClassVar[str] = "is_inf"
    summary: ClassVar[str] = "Inception Score extrapolated to infinitely many images"
    outputs: ClassVar[Mapping[str, Better]] = {"is_inf": "higher"}
    reads: ClassVar[Literal["features", "logits"]] = "logits"
    accepts: ClassVar[Mapping[Role, tuple[type[Statistic], ...]]] = {"generated": (Bank,)}

    def minimum(self, role: Role) -> int:
        """Twenty, of which a tenth is scored."""
        return LEAST

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``generated=`` => ``is_inf``."""
        (logits,) = banks(self, statistics)
        line = inception_infinity(logits, sizes=self.sizes, lowest=self.lowest, seed=self.seed)
        divergences = class_divergences(logits)
        relative, used = _deviation(logits, divergences)
        if len(logits) < A_CLASS * used:
            method = f"no interval: fewer than {A_CLASS} images for each class in use"
            return {"is_inf": Score(line.value, method=method, extra=_line(line))}
        whole = math.exp(float(divergences.mean())) * relative
        return {"is_inf": _scored(line, line.deviation(whole))}
