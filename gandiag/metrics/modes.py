"""Mode coverage: which modes of the data the samples reach, and in what proportions."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, NamedTuple, Self

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Known, Metric, Score, Unfit
from gandiag.metrics.chances import binomial
from gandiag.metrics.checks import Rows, as_rows, check_count, check_same_width, check_statistics
from gandiag.metrics.intervals import clopper_pearson, inverted
from gandiag.metrics.labels import confusions, in_order
from gandiag.metrics.neighbours import GATHER, bounded_squares
from gandiag.statistics import Bank, Statistic

NOWHERE = -1
"""The mode of a point that is near none, or of a class that is none of the real ones."""

NEAR = 3.0
"""Standard deviations: nearer than that, a point is of high quality (VEEGAN, PacGAN)."""

TOLD = 10
"""Names listed in a sentence."""

CLASSIFIERS = (
    "choose --features digits, fashion-mnist, stacked-digits, stacked-fashion-mnist, or a "
    "classifier's file"
)

A_MODE = 20
"""Samples a mode, on average, below which two orders do not tell the spread of a KL: of ten a mode,
a fifth of the modes missing, intervals held the mean in 90 %."""

LISTED = 100
"""Up to so many modes, each one's count stands in the score's `extra`."""


class Coverage(NamedTuple):
    """How samples fall on K modes."""

    counts: Tensor
    """(K,) int64: samples in each mode."""
    n: int
    """Samples, with those in no mode."""
    reference: Tensor
    """(K,) float64: the share each mode should have."""
    n_reference: int | None
    """Real samples that `reference` was counted from; None where it is known."""

    @property
    def covered(self) -> int:
        """Modes with at least one sample."""
        return int((self.counts > 0).sum())

    @property
    def at_a_tenth(self) -> int:
        """Modes with a sample and at least a tenth of their share among the samples in modes."""
        # A tenth itself is enough, whatever rounding makes of it.
        enough = 10 * self.shares >= self.reference * (1 - 1e-12)
        return int(((self.counts > 0) & enough).sum())

    @property
    def inside(self) -> int:
        """Samples in some mode."""
        return int(self.counts.sum())

    @property
    def high_quality(self) -> float:
        """Share of the samples that are in some mode."""
        return self.inside / self.n

    @property
    def reverse_kl(self) -> float:
        """KL(shares || reference) in nats, of the samples in modes; log K if there are none.

        With a uniform reference it is log K less the entropy of the shares.
        """
        return float((self.shares * self._log_ratio).sum()) if self.inside else self._most

    @property
    def floor(self) -> float:
        """What a perfect sampler's `reverse_kl` is on average: about (K - 1) / 2N, `kl_floor`."""
        return kl_floor(self.reference, max(1, self.inside), self.n_reference)

    @property
    def variances(self) -> tuple[float, float]:
        """Of `reverse_kl`, of first and second order, over the samples and a counted reference.

        The first order is Var log(p/q) / n over the samples and (sum p^2/q - 1) / m over the
        reference. Both hold the noise (K - 1) / N of counting, 1/N = 1/n + 1/m, which is taken off:
        it belongs to the second, the variance (K - 1) / 2N^2 of chi-squared over 2N. K are the
        modes with samples here, as those without do not vary.
        """
        noise = (self.covered - 1) * self._rate
        squares = float((self.shares * self._log_ratio.square()).sum())
        first = max(0.0, squares - self.reverse_kl**2 - noise) / self.inside
        if self.n_reference:
            uneven = float((self.shares.square() / self.reference).sum()) - 1
            first += max(0.0, uneven - noise) / self.n_reference
        return first, noise * self._rate / 2

    @property
    def interval(self) -> tuple[float, float]:
        """Of the mean of `reverse_kl` at this N: the floor, and what `inverted` gives above it."""
        # To first order, as the variances are.
        floor = (self.covered - 1) * self._rate / 2
        low, high = inverted(self.reverse_kl - floor, *self.variances)
        # Rounding may leave the value itself a last digit outside.
        return min(max(0.0, low + floor), self.reverse_kl), max(high + floor, self.reverse_kl)

    @property
    def _rate(self) -> float:
        return 1 / self.inside + (1 / self.n_reference if self.n_reference else 0)

    @property
    def shares(self) -> Tensor:
        """(K,) float64, of the samples in modes."""
        return self.counts.double() / max(1, self.inside)

    @property
    def _log_ratio(self) -> Tensor:
        tiny = torch.finfo(torch.float64).tiny  # 0 log 0 = 0
        return (self.shares.clamp(min=tiny) / self.reference).log() * (self.shares > 0)

    @property
    def _most(self) -> float:
        return math.log(len(self.counts))


def kl_floor(reference: int | Tensor, n: int, n_reference: int | None = None) -> float:
    """The mean of a plug-in KL between equal distributions: (K - 1) / 2N, to first order in 1/N.

    2N KL is chi-squared with K - 1 degrees of freedom (Wilks). Where the reference too is counted,
    1/N is the sum of both. That holds for many samples a mode. Here the part of the samples is
    exact, the sum over modes of E[X/n log(X/nq)] with X binomial: with one sample a mode it is a
    seventh more, and with one sample in all it is log K. That of a counted reference is to first
    order, which falls short by a tenth at five real samples a mode.

    Args:
        reference: K for equal shares, or (K,) shares, each above 0.
        n: samples, at least 1.
        n_reference: samples that the reference was counted from; None where it is known.
    """
    if isinstance(reference, int):
        reference = torch.full((reference,), 1 / reference, dtype=torch.float64)
    floor = 0.0
    for share, repeats in zip(*torch.unique(reference, return_counts=True), strict=True):
        q = float(share)
        counts, chances = binomial(n, q)
        each = float((chances * torch.xlogy(counts / n, counts / (n * q))).sum())
        floor += int(repeats) * each
    counted = (len(reference) - 1) / (2 * n_reference) if n_reference else 0.0
    return max(0.0, floor) + counted


def nearest_modes(points: Rows, means: Rows, sd: float | Tensor, near: float = NEAR) -> Tensor:
    """The nearest mode of each point, if it is nearer than `near` standard deviations of it.

    Strictly nearer. Of a perfect two-dimensional sampler 1 - exp(-4.5) = 98.89 % are.

    Args:
        points: (n, d).
        means: (K, d).
        sd: of every mode in every direction, or (K,) one each.
        near: in standard deviations.

    Returns:
        (n,) int64: 0 to K - 1, or `NOWHERE`.

    Raises:
        GandiagError: widths that differ, NaN or infinities.
    """
    x, centres = as_rows(points, "points").double(), as_rows(means, "means").double()
    check_same_width({"points": x.shape[1], "means": centres.shape[1]})
    spread = torch.as_tensor(sd, dtype=torch.float64, device=x.device).expand(len(centres))
    nearest = [_nearest_mode(part, centres.to(x.device)) for part in _parts(x, len(centres))]
    distance = torch.cat([each for each, _ in nearest])
    mode = torch.cat([each for _, each in nearest])
    return torch.where(distance < near * spread[mode], mode, NOWHERE)


def _parts(rows: Tensor, count: int) -> Sequence[Tensor]:
    """Consecutive rows, so few that an array of `count` numbers each stays within `GATHER`."""
    return torch.split(rows, max(1, GATHER // count))


def _nearest_mode(x: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """(n, d), (K, d) => the distance to the nearest centre and which it is, the first of ties.

    Bounds from a matrix product leave one or two candidates a row. The distance is the norm of the
    direct difference: by products, a point far from the origin would lose its digits.
    """
    sizes, products, error = bounded_squares(x, centres, centres.mean(dim=0))
    least = (sizes * (1 + error) - products).amin(dim=1, keepdim=True)
    row, mode = (sizes * (1 - error) - products <= least).nonzero(as_tuple=True)
    width = max(1, GATHER // x.shape[1])
    found = torch.cat(
        [
            torch.linalg.vector_norm(x[row[part]] - centres[mode[part]], dim=1)
            for part in (slice(i, i + width) for i in range(0, len(row), width))
        ]
    )
    distance = x.new_full((len(x),), math.inf).scatter_reduce_(0, row, found, "amin")
    at = found == distance[row]
    first = torch.full((len(x),), len(centres), device=x.device)
    return distance, first.scatter_reduce_(0, row[at], mode[at], "amin")


def coverage_of(modes: Tensor, reference: int | Tensor, n_reference: int | None = None) -> Coverage:
    """Count modes.

    Args:
        modes: (n,) int64, the mode of each sample or `NOWHERE`.
        reference: K for a uniform one; or (K,) real samples in each mode, each above 0.
        n_reference: with real samples, how many they are.

    Raises:
        GandiagError: there is no sample.
    """
    check_count("samples", len(modes), 1)
    if isinstance(reference, int):
        shares = torch.full((reference,), 1 / reference, dtype=torch.float64)
    else:
        shares = reference.double().cpu() / float(reference.sum())
    counts = torch.bincount(modes[modes != NOWHERE].cpu(), minlength=len(shares))
    return Coverage(counts, len(modes), shares, n_reference)


def mode_coverage(points: Rows, means: Rows, sd: float | Tensor) -> Coverage:
    """Coverage of equally likely Gaussian modes, as VEEGAN (Srivastava et al. 2017) and PacGAN.

    See `nearest_modes` for arguments; a mode is covered by one sample of high quality.
    """
    return coverage_of(nearest_modes(points, means, sd), len(means))


def class_coverage(*, generated: Rows, real: Rows | None = None) -> Coverage:
    """Coverage of classes, the largest logit being an image's class.

    Args:
        generated: (n, K) logits of generated images.
        real: (m, K) logits of real ones. The modes are then the classes that these show, with the
            shares that these have, and a generated image of another class is in no mode. None: all
            K, equally likely, as for the thousand modes of stacked MNIST (Metz et al. 2017).

    Raises:
        GandiagError: no row, widths that differ, NaN or infinities.
    """
    generated = as_rows(generated, "generated")
    found, width = generated.argmax(dim=1), generated.shape[1]
    if real is None:
        return coverage_of(found, width)
    real = as_rows(real, "real")
    check_same_width({"generated": width, "real": real.shape[1]})
    counts = torch.bincount(real.argmax(dim=1), minlength=width)
    shown = counts.nonzero()[:, 0]
    place = torch.full((width,), NOWHERE, device=counts.device)
    place[shown] = torch.arange(len(shown), device=counts.device)
    return coverage_of(place[found.to(place.device)], counts[shown], len(real))


def labelled_modes(rows: Tensor, labels: Sequence[str]) -> tuple[tuple[str, ...], Tensor, Tensor]:
    """Names, means (K, d) and standard deviations (K,) of the labelled rows (n, d).

    The deviation is one for all directions: the root of the mean variance. Of a single row it is 0,
    and nothing is near it.
    """
    names = in_order(labels)
    place = {name: i for i, name in enumerate(names)}
    index = torch.tensor([place[label] for label in labels], device=rows.device)
    means, deviations = [], []
    for i in range(len(names)):
        part = rows[index == i].double()
        means.append(part.mean(dim=0))
        squares = (part - part.mean(dim=0)).square().mean(dim=1).sum()
        deviations.append((squares / max(1, len(part) - 1)).sqrt())
    return names, torch.stack(means), torch.stack(deviations)


def asked_modes(labels: Sequence[str], names: Sequence[str]) -> Tensor | None:
    """The mode that each label asks for.

    Args:
        labels: n of them: a name or, written out, its place among the names.
        names: of the modes.

    Returns:
        (n,) int64, on the CPU; None if a label is neither.
    """
    place = {str(i): i for i in range(len(names))} | {name: i for i, name in enumerate(names)}
    if not set(labels) <= set(place):
        return None
    return torch.tensor([place[label] for label in labels], dtype=torch.int64)


@dataclass(frozen=True)
class ModeCoverage(Metric):
    """Modes covered, share of high quality, reverse KL; of labelled samples, the label agreement.

    Rows are logits, and modes their classes; or points, and modes the Gaussians at `means`, or with
    `labelled` the mean and deviation of the real points of each label.

    The label agreement is GAN-test of Shmelkov et al. 2018 with a classifier that was trained
    elsewhere; theirs, as that of `cas`, is trained on the real images that are compared with.
    """

    name: ClassVar[str] = "modes"
    summary: ClassVar[str] = "modes covered and their balance: by class, or by mode for points"
    outputs: ClassVar[Mapping[str, Better]] = {
        "modes": "higher",
        "high_quality": "higher",
        "mode_kl": "lower",
        "label_agreement": "higher",
    }
    reads: ClassVar[Literal["features", "logits"]] = "logits"
    choose: ClassVar[tuple[str, str] | None] = (
        "counts the classes that a classifier sees",
        CLASSIFIERS,
    )

    means: tuple[tuple[float, ...], ...] = ()
    """(K, d): of points drawn from a mixture, its modes."""
    sd: float = 0.0
    """Of every such mode in every direction."""
    labelled: bool = False
    """Whether rows are points whose modes the real points' labels tell."""
    classes: tuple[str, ...] = ()
    """Names of the logits, to compare labels with."""
    uniform: bool = False
    """Whether all classes are equally likely, rather than as the real images show them."""

    def on(self, known: Known) -> Self:
        """The modes, as the features and the real points tell them."""
        if known.points:
            means, sd = (self.means, self.sd) if self.means else (known.means, known.sd)
            if not (means or known.labelled):
                raise Unfit(
                    "needs real points with labels, or dataset:ring8 or dataset:grid25",
                    "give them with --real",
                )
            return replace(
                self,
                means=means,
                sd=sd,
                labelled=not means,
                layer=known.features,
            )
        if self.layer is None and known.logits is None:
            raise Unfit(f"needs class logits, which {known.extractor} does not have", CLASSIFIERS)
        return replace(
            self, classes=self.classes or known.classes, uniform=self.uniform or known.balanced
        )

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` => ``modes``, ``mode_kl``; of points ``high_quality``.

        ``label_agreement`` where the generated samples have labels that name modes.
        """
        check_statistics(self, statistics)
        real, generated = statistics["real"], statistics["generated"]
        assert isinstance(real, Bank)
        assert isinstance(generated, Bank)
        points = bool(self.means or self.labelled)
        names = self._names(real)
        if points:
            means, sd = self._modes(real)
            modes = nearest_modes(generated.rows, means, sd)
            found = coverage_of(modes, len(names))
        else:
            modes = generated.rows.argmax(dim=1)
            found = class_coverage(
                generated=generated.rows, real=None if self.uniform else real.rows
            )
        scores = {"modes": _covered(found, names)}
        if points:
            low, high = clopper_pearson(found.inside, found.n)
            scores["high_quality"] = Score(
                found.high_quality, low, high, method="Clopper-Pearson over generated points"
            )
        scores["mode_kl"] = _divergence(found)
        if generated.labels is not None:
            asked = asked_modes(generated.labels, names)
            if asked is not None:
                hits = int((modes.cpu() == asked).sum())
                low, high = clopper_pearson(hits, found.n)
                scores["label_agreement"] = Score(
                    hits / found.n,
                    low,
                    high,
                    method=f"Clopper-Pearson over generated {'points' if points else 'images'}",
                    extra=confusions(asked, modes, names),
                )
        return scores

    def remarks(self, **statistics: Statistic) -> Iterator[tuple[str, str]]:
        """Labels that are neither names nor places of modes: no ``label_agreement`` then."""
        generated, names = statistics["generated"], self._names(statistics["real"])
        labels = generated.labels if isinstance(generated, Bank) else None
        unknown = sorted(set(labels or ()) - {*names, *map(str, range(len(names)))})
        if unknown:
            known = f"the classes {_few(names)}" if names else "names that the features know"
            sentence = (
                f"label_agreement was left out: labels of the generated ({_few(unknown)}) are not "
                f"{known}"
            )
            yield "unknown-classes", sentence

    def _names(self, real: Statistic) -> tuple[str, ...]:
        """Of the modes; none if the extractor names no classes: no `label_agreement` then."""
        if self.labelled:
            return in_order((real.labels or ()) if isinstance(real, Bank) else ())
        if self.means:
            return tuple(str(mode) for mode in range(len(self.means)))
        return self.classes

    def _modes(self, real: Bank) -> tuple[Tensor, Tensor | float]:
        if self.means:
            return torch.tensor(self.means), self.sd
        if real.labels is None:
            raise GandiagError(
                "modes of points need to be known: give real points with labels (an .npz with "
                "`labels`), or dataset:ring8 or dataset:grid25"
            )
        _, means, deviations = labelled_modes(real.rows, real.labels)
        return means, deviations


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - TOLD:,} more" if len(names) > TOLD else ""
    return ", ".join(names[:TOLD]) + more


def _covered(found: Coverage, names: Sequence[str]) -> Score:
    extra = {"of": float(len(found.counts)), "with a tenth of their share": float(found.at_a_tenth)}
    if found.inside < found.n:
        extra["outside"] = 1 - found.high_quality
    if len(found.counts) <= LISTED:
        named = len(names) == len(found.counts)
        for i, count in enumerate(found.counts.tolist()):
            extra[f"count {names[i] if named else i}"] = float(count)
    return Score(
        float(found.covered),
        method="none: a mode is covered by one sample, so the number grows with how many there are",
        extra=extra,
    )


def _divergence(found: Coverage) -> Score:
    value, extra = found.reverse_kl, {"floor": found.floor}
    if not found.inside:
        return Score(value, method="none: no sample is in any mode", extra=extra)
    least = A_MODE * len(found.counts)
    if found.inside < least:
        method = f"no interval: it would not hold for fewer than {least:,} samples in modes"
        return Score(value, method=method, extra=extra)
    low, high = found.interval
    return Score(
        value,
        low,
        high,
        method="delta method to second order over the samples in modes"
        + (" and the real ones" if found.n_reference else "")
        + "; the floor is not taken off",
        extra=extra,
    )
