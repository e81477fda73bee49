"""Wasserstein-1 distance from below, by a critic that is trained for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Self, get_args

from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Metric, Role, Score
from gandiag.metrics.checks import Rows, as_pair, banks
from gandiag.metrics.critic_training import Penalty, Tell, trained
from gandiag.metrics.drawing import drawn_order
from gandiag.metrics.exact_transport import exact_wasserstein
from gandiag.metrics.intervals import Z
from gandiag.metrics.slopes import CriticBound, critic_bound
from gandiag.metrics.unjudged import TOO_LONG
from gandiag.statistics import Statistic

EXACT = 2000
"""Rows a side up to which the exact distance is computed too."""


class CriticResult(NamedTuple):
    """A bound, and the rows that it is of."""

    found: CriticBound
    real: Tensor
    """(n, width): held out of the training."""
    generated: Tensor

    @property
    def exact(self) -> float | None:
        """W1 of these rows by an exact transport plan; None of more than 2,000 a side.

        What `found.bound` is below. It is that of finite sets: in many dimensions far above 0
        between equal distributions.
        """
        if max(len(self.real), len(self.generated)) > EXACT:
            return None
        return exact_wasserstein(self.real, self.generated, order=1)


def critic_wasserstein(
    real: Rows,
    generated: Rows,
    *,
    penalty: Penalty = "one-sided",
    steps: int = 500,
    weight: float | None = None,
    size: int = 2000,
    seed: int = 0,
    tell: Tell | None = None,
) -> CriticResult:
    """A lower bound of W1 from a critic trained on one half of the rows, taken on the other.

    At most `size` rows of each set are drawn. A perceptron D is trained on half of them to maximise

        mean D(real) - mean D(generated) - w mean max(0, ||grad D|| - 1)^2

    (Petzka et al. 2018, WGAN-LP, here at rows and at interpolates); or with the two-sided penalty,
    (||grad D|| - 1)^2 at interpolates (Gulrajani et al. 2017, equation 3); or the gap alone with
    each layer divided by its spectral norm (Miyato et al. 2018, section 2.1). `critic_bound` then
    makes a bound of the gap on the rows that were held out: by the steepest slope met among them;
    or, with spectral normalisation, by the product of the layers' exact spectral norms, a
    certificate that holds everywhere.

    Held-out rows make the gap unbiased: of equal distributions its mean is 0, where the exact
    distance of finite sets is above 0, by far the most of it if there are many dimensions. It may
    therefore be negative. How far below W1 it stays depends on the critic, hence on the network,
    the steps and the rows: compare values of equal settings only.

    Departures: 2 hidden layers of 128 in place of 3 of 512; Adam at .004, with (.9, .99) for the
    one-sided penalty and (0, .9) else, falling to 0 by a cosine; the last layer starts at 0; the
    same rows are drawn from over and over; features are centred and divided by their deviation over
    all columns, for the training alone: gap, slopes and bound are in the units of the features. The
    spectral network has the activation MaxMin (Anil et al. 2019), under which slopes come near the
    certificate.

    Args:
        real: (n, width), n >= 4.
        generated: (m, width), m >= 4.
        penalty: ``one-sided``, ``two-sided`` or ``spectral``. The two-sided one wants a slope of 1
            where the best critic has less, too.
        steps: of Adam, each on at most 256 rows of either set.
        weight: of the gradient penalty; None takes 100 for the one-sided and 10 for the two-sided
            one, ``spectral`` has none.
        size: rows drawn of each set, half of them to train on.
        seed: of the drawn rows, the halves, the weights and the batches. Exact to the bit on one
            machine, whatever the order of the rows.
        tell: what share of the training is done.

    Raises:
        GandiagError: too few rows, widths that differ, NaN or infinities, or no such penalty.
    """
    _check(penalty, steps, weight, size)
    real, generated = as_pair(real, generated, least=4)
    return _between(
        _drawn(real, size, 2 * seed),
        _drawn(generated, size, 2 * seed + 1),
        penalty,
        steps,
        weight,
        seed,
        tell,
    )


def _check(penalty: str, steps: int, weight: float | None, size: int) -> None:
    if penalty not in get_args(Penalty):
        raise GandiagError(
            f"penalty={penalty!r} is none of {', '.join(get_args(Penalty))}; choose one of them"
        )
    if steps < 1 or size < 4 or not (weight is None or weight >= 0):
        raise GandiagError(
            f"a critic needs at least 1 step, 4 rows and a weight from 0, got {steps}, {size}, "
            f"{weight}"
        )


def _drawn(rows: Tensor, size: int, seed: int) -> Tensor:
    """At most `size` rows by chance, whatever their order; of more the first are the same."""
    return rows[drawn_order(rows, seed)[:size].to(rows.device)]


def _between(
    real: Tensor,
    generated: Tensor,
    penalty: Penalty,
    steps: int,
    weight: float | None,
    seed: int,
    tell: Tell | None,
) -> CriticResult:
    """Train on the first halves, hold the second out."""
    train = [each[: len(each) // 2] for each in (real, generated)]
    held = [each[len(each) // 2 :] for each in (real, generated)]
    critic, certificate = trained(train[0], train[1], penalty, steps, weight, seed, tell)
    found = critic_bound(
        critic, held[0].double(), held[1].double(), lipschitz=certificate, seed=seed
    )
    return CriticResult(found, held[0], held[1])


@dataclass(frozen=True)
class CriticWasserstein(Metric):
    """A lower bound of the Wasserstein-1 distance, from a critic trained on half of the features.

    `critic_w1` is the critic's gap on the other half divided by its slope, never the gap itself.
    Beside it stand gap and slopes, exact W1 of the same rows where they are at most 2,000 a side
    (which at finite N is biased upwards), and the floor: the bound between two disjoint draws of
    the real images by a critic of their own, each of as many rows as were drawn of them, or of half
    of them if there are no more. Its mean is 0, so that it shows the noise.
    """

    name: ClassVar[str] = "critic"
    summary: ClassVar[str] = "critic: Wasserstein-1 from below, by a critic trained on the features"
    outputs: ClassVar[Mapping[str, Better]] = {"critic_w1": "lower"}

    penalty: Penalty = "one-sided"
    steps: int = 500
    weight: float | None = None
    size: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self.penalty, self.steps, self.weight, self.size)

    def minimum(self, role: Role) -> int:
        """Two rows to train on and two to hold out; of the real ones twice, for the floor."""
        return 8 if role == "real" else 4

    def telling(self, tell: Tell) -> Self:
        """The same, telling of both trainings."""
        told = replace(self)
        object.__setattr__(told, "_tell", tell)
        return told

    def unjudged(self) -> Mapping[str, str]:
        """All of it."""
        return dict.fromkeys(self.outputs, TOO_LONG)

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` => ``critic_w1``."""
        real, generated = banks(self, statistics)
        real, generated = as_pair(real, generated, least=4)
        real = _drawn(real, 2 * self.size, 2 * self.seed)
        generated = _drawn(generated, self.size, 2 * self.seed + 1)
        side = len(real) // 2
        tell: Tell = getattr(self, "_tell", _silent)

        def between(x: Tensor, y: Tensor, before: float) -> CriticResult:
            return _between(
                x,
                y,
                self.penalty,
                self.steps,
                self.weight,
                self.seed,
                lambda done: tell(before + done / 2),
            )

        result = between(real[: self.size], generated, 0.0)
        floor = between(real[:side], real[side:], 0.5).found
        found, exact = result.found, result.exact
        low = high = None
        method = (
            "no interval: the steepest slope met is the maximum of a sample; a lower bound of W1 "
            "whose gap has the standard error beside it"
        )
        if self.penalty == "spectral":
            half = Z * found.deviation
            low, high = found.bound - half, found.bound + half
            method = (
                "normal over the held-out rows of both sets, the critic fixed; a lower bound of W1 "
                "by the Lipschitz constant that the layers certify"
            )
        return {
            "critic_w1": Score(
                found.bound,
                low,
                high,
                method=method,
                extra={
                    "critic gap": found.gap,
                    "standard error": found.deviation,
                    "slope": found.slope,
                    "mean slope": found.mean_slope,
                    "99 % slope": found.slope_99,
                    "largest slope": found.largest_slope,
                    **({} if exact is None else {"exact w1": exact}),
                    "held out": float(min(len(result.real), len(result.generated))),
                    "floor": floor.bound,
                    "floor rows": float(side),
                },
            )
        }


def _silent(share: float) -> None:
    """Nobody asked."""
