"""What is wrong with a run, by what it did. Pure functions of the oracle's rows.

These rules were written before any threshold of a detector was tuned; a change to them is noted
here and in CHANGELOG.md, and every result is then scored again. After the first hundred runs were
seen, still before any tuning, three things were mended: where samples are not finite, units are not
dead and nothing is a plateau; a run that never had its modes and concentrates after the middle is
collapsed; and an energy distance must fall by more than .4, not .2, for movement to be progress.

A run can have several labels, each with an onset: the first step of the stretch that earns it. Runs
with no label at all are "unlabelled" and reported apart. "Bad" energy is a multiple of what the
best recipe of that world reaches (`HEALTHY`, from pilot seeds that are not in the corpus). A
stretch is a window of consecutive checks, at least nine tenths of which fulfil the condition.

- divergence: losses not finite (the exact step); or an energy distance ten times the initial one,
  or scores of fresh samples a thousand times those of the first tenth of the run, at three checks.
- oscillation: half the checks of the second half moved since a tenth of the run before (total
  variation of the modes' shares of .3, or an energy distance to the earlier samples of .15), while
  the energy distance to the data is bad and does not fall by .4 from the third to the last quarter.
  Games: the generator changes sides of the data four times in the second half, and its swing does
  not shrink below .7.
- mode-collapse: fewer than three quarters of the modes have their samples, and the samples are
  concentrated (half of them lie on modes, or their mean distance is below half of the data's), for
  a fifth of the run after three quarters were reached once; or from the middle of the run on if
  they were not reached by then.
- intra-mode-collapse: the median spread within populated modes is below .4 of the data's for a
  fifth of the run, with .3 of the samples on modes.
- saturated-gradients: for a fifth of the run the generator moves less than .01 of the data's
  spread in a tenth of the run, fresh real and generated samples are separated (AUC .98), and the
  energy distance is bad.
- discriminator-overpowering: for a quarter of the run, fresh samples are separated (AUC .99), the
  energy distance is bad and does not fall.
- discriminator-overfitting: for a tenth of the run, training samples outrank fresh real ones with
  an AUC above .65.
- lipschitz-violation: declared gp: for a fifth of the run the median slope between fresh real and
  generated samples is above 1.5 or below .3; declared sn: its 95th percentile is above 1.5.
- dead-units: for a fifth of the run, nine tenths of a hidden layer's units are 0 on everything,
  while samples are finite.
- label-ignored: for the last quarter of the run, generated samples are of the class asked for less
  often than chance plus a quarter of what is above it.
- plateau: from before .6 of the run on, the smoothed energy distance falls no further than by a
  fifth and the noise of its estimate, and stays finite. It is no fault: a healthy run has it when
  it is done.
- healthy: none of the above but plateau, and in the last quarter at least .85 of the modes (.7 of a
  hundred), the world's share of samples on modes, an energy distance within three times the best
  recipe's, a spread within modes of .6, no overfitting above .6; and in the last .6 neither
  concentration nor movement for more than a fifth of the checks.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Facts:
    """What a rule must know of the case.

    Attributes:
        world: of `worlds`.
        game: whether it is a game.
        classes: of a conditional run; 0 otherwise.
        lipschitz: as declared to the monitor.
        steps: of the run.
    """

    world: str
    game: bool
    classes: int
    lipschitz: str | None
    steps: int


@dataclass(frozen=True)
class Level:
    """What good runs of a world reach."""

    energy: float
    on_mode: float
    modes: float = 0.85


HEALTHY: Mapping[str, Level] = {
    "ring8": Level(0.005, 0.5),
    "grid25": Level(0.006, 0.4),
    "digits": Level(0.012, 0.7),
    "stacked": Level(0.03, 0.4, 0.7),
    "wine": Level(0.015, 0.8),
    "cancer": Level(0.02, 0.8),
}
NOISE = 0.004
"""Of an energy distance between 500 and 500 samples, in units of the data's mean distance."""

BAD = 5.0


def stretch(flags: Flags, count: int, start: int = 0, share: float = 0.9) -> int | None:
    """The first index from `start` of a window of `count` flags of which `share` are set."""
    sums = np.convolve(flags[start:].astype(float), np.ones(count), "valid")
    found = np.nonzero(sums >= share * count - 1e-9)[0]
    if len(flags) - start < count or not len(found):
        return None
    first = start + int(found[0])
    return first + int(np.argmax(flags[first:]))


def label(rows: Mapping[str, Array], facts: Facts) -> dict[str, int]:
    """Labels and their onsets in steps.

    Args:
        rows: the oracle's columns by name, one value a check.
        facts: of the case.
    """
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # medians of nothing, after a divergence
        found = {
            name: rule(rows, facts)
            for name, rule in RULES.items()
            if name in OF_GAMES or not facts.game
        }
        labels = {name: onset for name, onset in found.items() if onset is not None}
        if not set(labels) - {"plateau"} and healthy(rows, facts):
            labels["healthy"] = 0
    return labels


def _checks(rows: Mapping[str, Array], share: float) -> int:
    return max(2, round(share * (len(rows["step"]) - 1)))


def _step(rows: Mapping[str, Array], index: int | None) -> int | None:
    return None if index is None else int(rows["step"][index])


def _bad(rows: Mapping[str, Array], facts: Facts) -> Flags:
    flags: Flags = ~(rows["energy"] <= BAD * HEALTHY[facts.world].energy)
    return flags


def divergence(rows: Mapping[str, Array], facts: Facts) -> int | None:
    """See the top of this file."""
    step = rows["nonfinite"].max()
    onsets = [int(step)] if step >= 0 else []
    early = slice(_checks(rows, 0.05), _checks(rows, 0.15))
    for column, limit in (
        ("energy", 10 * rows["energy"][0]),
        ("score_size", 1000 * np.nanmedian(rows["score_size"][early])),
    ):
        index = stretch(rows[column] > limit, 3, share=1.0)
        if index is not None:
            onsets.append(int(rows["step"][index]))
    return min(onsets) if onsets else None


def oscillation(rows: Mapping[str, Array], facts: Facts) -> int | None:
    """See the top of this file."""
    n = len(rows["step"])
    half, last = n // 2, n - n // 4
    if facts.game:
        side = np.sign(rows["place"][half:])
        turns = int((side[1:] * side[:-1] < 0).sum())
        first = float(np.abs(rows["place"][half:last]).max())
        second = float(np.abs(rows["place"][last:]).max())
        swings = turns >= 4 and second >= 0.7 * first and second > 0.05
        return int(rows["step"][_first_turn(rows["place"])]) if swings else None
    moves = (rows["tv_lag"] >= 0.3) | (rows["shift"] >= 0.15)
    bad = _bad(rows, facts)
    energy = rows["energy"]
    falling = np.nanmedian(energy[last:]) < 0.6 * np.nanmedian(energy[half:last])
    if moves[half:].mean() < 0.5 or bad[half:].mean() < 0.5 or falling:
        return None
    index = stretch(moves & bad, _checks(rows, 0.1), _checks(rows, 0.1), share=0.5)
    return _step(rows, half if index is None else index)


def _first_turn(place: Array) -> int:
    turns = np.nonzero(np.sign(place[1:]) * np.sign(place[:-1]) < 0)[0]
    return int(turns[0]) + 1


def _concentrated(rows: Mapping[str, Array]) -> Flags:
    flags: Flags = (rows["modes"] < 0.75) & ((rows["on_mode"] >= 0.5) | (rows["diversity"] < 0.5))
    return flags


def mode_collapse(rows: Mapping[str, Array], facts: Facts) -> int | None:
    """See the top of this file."""
    flags, count, n = _concentrated(rows), _checks(rows, 0.2), len(rows["step"])
    reached = np.nonzero(rows["modes"] >= 0.75)[0]
    if len(reached) and reached[0] <= n // 2:
        return _step(rows, stretch(flags, count, int(reached[0])))
    index = stretch(flags, count, n // 2 - count // 2)
    return None if index is None else int(rows["step"][max(n // 2, index)])


def intra_mode_collapse(rows: Mapping[str, Array], facts: Facts) -> int | None:
    """See the top of this file."""
    narrow = (rows["spread"] < 0.4) & (rows["on_mode"] >= 0.3)
    return _step(rows, stretch(narrow, _checks(rows, 0.2), _checks(rows, 0.1)))


def saturated_gradients(rows: Mapping[str, Array], facts: Facts) -> int | None:
    """See the top of this file."""
    still = (rows["motion"] < 0.01) & (rows["auc_fresh"] > 0.98) & _bad(rows, facts)
    return _step(rows, stretch(still, _checks(rows, 0.2)))


def discriminator_overpowering(rows: Mapping[str, Array], facts: Facts) -> int | None:
    """See the top of this file."""
    count, n = _checks(rows, 0.25), len(rows["step"])
    strong = (rows["auc_fresh"] >= 0.99) & _bad(rows, facts)
    for first in range(_checks(rows, 0.1), n - count + 1):
        energy = rows["energy"][first : first + count]
        third = count // 3
        falls = np.nanmedian(energy[-third:]) < 0.9 * np.nanmedian(energy[:third])
        if strong[first : first + count].mean() >= 0.9 and not falls:
            return int(rows["step"][first])
    return None


def discriminator_overfitting(rows: Mapping[str, Array], facts: Facts) -> int | None:
    """See the top of this file."""
    return _step(rows, stretch(rows["auc_overfit"] > 0.65, _checks(rows, 0.1)))


def lipschitz_violation(rows: Mapping[str, Array], facts: Facts) -> int | None:
    """See the top of this file."""
    median = rows["slope_median"]
    if facts.lipschitz == "gp":
        broken = (median > 1.5) | (median < 0.3)
    elif facts.lipschitz == "sn":
        broken = rows["slope_q95"] > 1.5
    else:
        return None
    return _step(rows, stretch(broken, _checks(rows, 0.2), _checks(rows, 0.1)))


def dead_units(rows: Mapping[str, Array], facts: Facts) -> int | None:
    """See the top of this file."""
    gone = (rows["dead_d"] >= 0.9) | (rows["dead_g"] >= 0.9)
    gone &= np.isfinite(rows["energy"])  # of no number, nothing is above 0
    return _step(rows, stretch(gone, _checks(rows, 0.2)))


def label_ignored(rows: Mapping[str, Array], facts: Facts) -> int | None:
    """See the top of this file."""
    if not facts.classes:
        return None
    chance = 1 / facts.classes
    wrong = rows["label_accuracy"] < chance + 0.25 * (1 - chance)
    count = _checks(rows, 0.25)
    if wrong[-count:].mean() < 0.9:
        return None
    return _step(rows, stretch(wrong, count, _checks(rows, 0.1)))


def plateau(rows: Mapping[str, Array], facts: Facts) -> int | None:
    """See the top of this file."""
    if not np.isfinite(rows["energy"]).all():
        return None
    padded = np.pad(rows["energy"], 2, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    best = np.minimum.accumulate(smooth)
    later = np.minimum.accumulate(smooth[::-1])[::-1]
    done = later >= np.minimum(0.8 * best, best - NOISE)
    index = int(np.argmax(done))
    return int(rows["step"][index]) if index <= 0.6 * (len(done) - 1) else None


# Of a game, whose samples have one mode and whose scores are a line, only these can be said.
OF_GAMES = ("divergence", "oscillation", "discriminator-overfitting", "plateau")
RULES = {
    "divergence": divergence,
    "oscillation": oscillation,
    "mode-collapse": mode_collapse,
    "intra-mode-collapse": intra_mode_collapse,
    "saturated-gradients": saturated_gradients,
    "discriminator-overpowering": discriminator_overpowering,
    "discriminator-overfitting": discriminator_overfitting,
    "lipschitz-violation": lipschitz_violation,
    "dead-units": dead_units,
    "label-ignored": label_ignored,
    "plateau": plateau,
}


def healthy(rows: Mapping[str, Array], facts: Facts) -> bool:
    """Whether a run without a fault got where good runs of its world get."""
    n = len(rows["step"])
    last, late = slice(n - n // 4, n), slice(round(0.4 * n), n)
    if facts.game:
        return bool(np.abs(rows["place"][last]).max() < 0.1 * abs(rows["place"][0]))
    level = HEALTHY[facts.world]
    names = ("modes", "on_mode", "energy", "spread", "auc_overfit")
    middle = {name: float(np.nanmedian(rows[name][last])) for name in names}
    moves = (rows["tv_lag"] >= 0.3) | (rows["shift"] >= 0.15)
    return bool(
        middle["modes"] >= level.modes
        and middle["on_mode"] >= level.on_mode
        and middle["energy"] <= 3 * level.energy
        and middle["spread"] >= 0.6
        and middle["auc_overfit"] <= 0.6
        and _concentrated(rows)[late].mean() <= 0.2
        and moves[late].mean() <= 0.2
    )
