"""What is wrong with a run, by what it did: pure functions of the judge's looks.

These rules were written before any run was looked at; a change to them is noted here. The first:
the `fd` of a healthy run was made .5 before the first run of `benchmarks.loops`, and is 1 again, as
first written, after five long runs that looked right and ended between .5 and .9. The second, when
points came to them and before their first run: numbers of classes are shares of how many there are,
of ten classes the same as before, and samples that fly away are a divergence. The third, during a
trial of eleven runs, of which one had ended early by a NaN: a run that diverged has no other label,
since its late looks are from the middle of its training.

The judge (`benchmarks.loops.judge`, `benchmarks.detection.truth.judge`) looks at the start, and
five or ten times after it, evenly to the end. "Late" are the last two looks that there are. It
reads features and classes by a classifier of real images, or the modes that points belong to, and
the discriminator's scores against a cut, on samples that neither the loop nor the monitor sees. The
unit of `fd` is the distance of real samples of half of the classes: a generator above 1 is further
from the data than if it left out half of it.

- divergence: a loss that is not finite, at its exact step; or samples that are not finite; or late,
  `fd` is above 3 times what it was before training.
- mode-collapse: late, fewer than .8 of the classes have at least a tenth of their share of 1,000
  samples.
- intra-mode-collapse: late, samples of one class are less than .4 as far apart as reals of it.
- oscillation: of the last three moves from look to look, two change the classes' shares by a total
  variation of .4, and late `fd` is above 1.
- saturated-gradients: late, the discriminator tells .99 of unseen reals and of samples, `fd` is
  above 1 and at least .9 of what it was two looks before, and samples of the same latents moved
  by less than .05 of the distance between reals from look to look.
- discriminator-overpowering: the same, and they move.
- discriminator-overfitting: at two looks in a row, it takes for real a share of the training images
  that is greater by .2 than that of unseen ones.
- lipschitz-violation: declared ``gp`` or ``sn``, and at two looks in a row the median of
  |D(x) - D(x')| / |x - x'| over pairs of an unseen real and a sample is above 1.2. Of a function
  with slope 1 it is never above 1.
- label-ignored: late, samples are of the class asked for less often than chance and a quarter of
  what is above it.
- healthy: none of these, and late at least .9 of the classes have a fifth of their share of the
  samples, samples of a class are at least .6 as far apart as reals, `fd` is at most 1, and at most
  1.5 of its best or .15; samples are of the class asked for at least .7 of the time; the
  discriminator takes training images for real by less than .1 more often than unseen ones; and the
  run came to its end.

A run can have several labels. One with none, not even healthy, is "unlabelled": poor, but nothing
of the above.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

Look = Mapping[str, Any]
Truth = Mapping[str, Any]

STUCK = {"saturated-gradients", "discriminator-overpowering"}
"""Two names of a discriminator that has won: a warning of either is right for both."""


def labels(truth: Truth) -> set[str]:
    """All that are true of a run; of none of the pathologies perhaps ``healthy``, or nothing.

    Args:
        truth: ``looks`` (see `benchmarks.loops.judge.Judge.look`), ``nonfinite`` (the step of the
            first loss that was not, or None), ``raised`` (the error that ended it, or None),
            ``lipschitz`` (as declared) and ``conditional``.
    """
    if divergence(truth):
        return {"divergence"}
    found = {name for name, holds in RULES.items() if holds(truth)}
    return found or ({"healthy"} if healthy(truth) else set())


def right(found: set[str], also: Sequence[str] = ()) -> set[str]:
    """Pathologies that are right to warn of, given a run's labels and what was broken."""
    names = (found - {"healthy"}) | set(also)
    return names | STUCK if names & STUCK else names


def finite(truth: Truth) -> list[Look]:
    """Looks at samples that are numbers."""
    return [look for look in truth["looks"] if look["finite"]]


def begun(truth: Truth) -> list[Look]:
    """Those after training began."""
    return [look for look in finite(truth) if look["step"]]


def late(truth: Truth, name: str) -> list[float]:
    """Of the last two of them; NaN if there are none, which is neither above nor below."""
    return [look[name] for look in begun(truth)[-2:]] or [math.nan]


def in_a_row(flags: Sequence[bool]) -> bool:
    """Whether two neighbours hold."""
    return any(a and b for a, b in pairwise(flags))


def divergence(truth: Truth) -> bool:
    """See the top of this file."""
    first = truth["looks"][0].get("fd", math.nan)
    away = all(value > 3 * first for value in late(truth, "fd"))
    return truth["nonfinite"] is not None or len(finite(truth)) < len(truth["looks"]) or away


def mode_collapse(truth: Truth) -> bool:
    """See the top of this file."""
    last = begun(truth)[-2:]
    return bool(last) and all(there(look, 0.1) < 0.8 for look in last)


def there(look: Look, least: float) -> float:
    """Share of the classes that have at least `least` of what would be theirs."""
    shares = look["shares"]
    return sum(share >= least / len(shares) for share in shares) / len(shares)


def intra_mode_collapse(truth: Truth) -> bool:
    """See the top of this file."""
    return all(value < 0.4 for value in late(truth, "spread"))


def oscillation(truth: Truth) -> bool:
    """See the top of this file."""
    found = [look["shares"] for look in finite(truth)]
    moves = [sum(abs(p - q) for p, q in zip(a, b, strict=True)) / 2 for a, b in pairwise(found)]
    return sum(move >= 0.4 for move in moves[-3:]) >= 2 and bad(truth)


def bad(truth: Truth) -> bool:
    """Late further from the data than half of its classes are."""
    return all(value > 1 for value in late(truth, "fd"))


def won(truth: Truth) -> bool:
    """The discriminator tells all, and nothing improves."""
    sure = all(value >= 0.99 for name in ("unseen_real", "fake") for value in late(truth, name))
    fd = [look["fd"] for look in finite(truth)]
    return sure and bad(truth) and len(fd) > 2 and fd[-1] >= 0.9 * fd[-3]


def saturated_gradients(truth: Truth) -> bool:
    """See the top of this file."""
    return won(truth) and all(value < 0.05 for value in late(truth, "motion"))


def discriminator_overpowering(truth: Truth) -> bool:
    """See the top of this file."""
    return won(truth) and not saturated_gradients(truth)


def discriminator_overfitting(truth: Truth) -> bool:
    """See the top of this file."""
    return in_a_row([look["train_real"] - look["unseen_real"] > 0.2 for look in finite(truth)])


def lipschitz_violation(truth: Truth) -> bool:
    """See the top of this file."""
    if truth["lipschitz"] not in ("gp", "sn"):
        return False
    return in_a_row([look["secant"] > 1.2 for look in finite(truth)])


def label_ignored(truth: Truth) -> bool:
    """See the top of this file."""
    if not truth["conditional"]:
        return False
    chance = 1 / len(truth["looks"][0]["shares"])
    enough = chance + 0.25 * (1 - chance)
    return all(value < enough for value in late(truth, "agreement"))


RULES = {
    "divergence": divergence,
    "mode-collapse": mode_collapse,
    "intra-mode-collapse": intra_mode_collapse,
    "oscillation": oscillation,
    "saturated-gradients": saturated_gradients,
    "discriminator-overpowering": discriminator_overpowering,
    "discriminator-overfitting": discriminator_overfitting,
    "lipschitz-violation": lipschitz_violation,
    "label-ignored": label_ignored,
}


def healthy(truth: Truth) -> bool:
    """See the top of this file; whether no pathology is there is not looked at again."""
    fd = [look["fd"] for look in begun(truth)]
    return bool(
        truth["raised"] is None
        and fd
        and all(there(look, 0.2) >= 0.9 for look in begun(truth)[-2:])
        and all(value >= 0.6 for value in late(truth, "spread"))
        and max(late(truth, "fd")) <= 1
        and max(late(truth, "fd")) <= 1.5 * max(min(fd), 0.1)
        and (not truth["conditional"] or min(late(truth, "agreement")) >= 0.7)
        and all(look["train_real"] - look["unseen_real"] < 0.1 for look in begun(truth)[-2:])
    )
