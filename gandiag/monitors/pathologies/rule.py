"""What a pathology is: a rule, what it needs, and what is known of it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gandiag.monitors.context import Context
from gandiag.monitors.pathologies.history import History

if TYPE_CHECKING:
    from gandiag.monitors.thresholds import Thresholds

Groups = tuple[tuple[str, ...], ...]
"""Groups of signals."""
NOTHING: Mapping[str, Groups] = {}
SAMPLED = "needs a sampler and real samples"
SCORED = "needs scores (monitor.step(d_real=, d_fake=)), or a sampler"


@dataclass(frozen=True)
class Verdict:
    """What a rule finds at a check.

    Attributes:
        firing: the rule holds.
        signal, value, threshold: what decided.
        level: of an alert, should one be raised.
        clear: the signal has gone back far enough; between firing and clear nothing changes.
        evidence: names of further signals worth telling.
        at_once: no need to wait for further checks.
    """

    firing: bool
    signal: str
    value: float
    threshold: float
    level: str = "WARN"
    clear: bool = True
    evidence: tuple[str, ...] = field(default=())
    at_once: bool = False


@dataclass(frozen=True)
class Pathology:
    """What can go wrong, and how it is seen: one file of this folder, or one of a user's own.

    Attributes:
        name: as alerts have it.
        judge: (history, context, thresholds) -> verdict, or None if it cannot be judged now. It is
            given the whole `Thresholds`, of which it reads its own part.
        reads: signals that the rule and its evidence need.
        needs: groups of signals; one whole group is enough to judge it. Empty: `reads`, all.
        constrained: other groups, by how the discriminator is constrained.
        persist: thresholds -> checks in a row that it must hold.
        warm: whether it waits for the end of warm-up.
        inactive: context -> why this run cannot show it, or None.
        unseen: context -> what to say where no check had what it needs; None: names the signals.
        causes: what usually brings it about.
        remedies: what to try, each with its source.
        title, what, when: of its card. Names of thresholds in braces stand for their values.
    """

    name: str
    judge: "Callable[[History, Context, Thresholds], Verdict | None]"
    reads: tuple[str, ...]
    needs: Groups = ()
    constrained: Mapping[str, Groups] = field(default_factory=lambda: NOTHING)
    persist: "Callable[[Thresholds], int]" = lambda t: 3
    warm: bool = True
    inactive: Callable[[Context], str | None] = lambda context: None
    unseen: Callable[[Context], str | None] = lambda context: None
    causes: tuple[str, ...] = ()
    remedies: tuple[tuple[str, str], ...] = ()
    title: str = ""
    what: str = ""
    when: str = ""

    def unjudged(self, seen: Collection[str], context: Context) -> str | None:
        """Why it could not be judged, if no whole group of its signals was ever there."""
        groups = self.constrained.get(context.lipschitz or "", self.needs or (self.reads,))
        if any(set(group) <= set(seen) for group in groups):
            return None
        known = self.unseen(context)
        return known or "no check had " + ", or ".join(" and ".join(group) for group in groups)


@dataclass(frozen=True)
class Shared:
    """When detectors listen and fall silent, and which samples are near or improve.

    Counts of checks are of rows in which the rule could be judged.
    """

    warm_up_steps: int = 200
    """No detector but divergence speaks before so many steps ..."""
    warm_up_share: float = 0.02
    """... or this share of the budget, whichever is more, ..."""
    warm_up_most: float = 0.05
    """... but never for more than this share of the budget."""
    young_share: float = 0.25
    """Share of the budget in which modes that were never there are not yet missed."""
    young_steps: int = 2000
    """The same without a known budget."""
    settle_share: float = 0.1
    """Share of the budget in which samples of a mode or a class may still be alike or wrong."""
    settle_steps: int = 1000
    """The same without a known budget."""
    far: float = 0.04
    """Energy distance to the data up to which a movement or a lack of modes is no fault ..."""
    far_early: float = 0.15
    """... and while a run is still on its way to the data, ..."""
    early_share: float = 0.5
    """... in this share of the budget, or without one of twice `young_steps`."""
    cooldown_steps: int = 1000
    """A pathology that is over and comes back is not told again within so many steps."""
    clear_ratio: float = 0.8
    """Part of a threshold's distance that a signal must go back before the alert clears ..."""
    clear_factor: int = 3
    """... for so many times the checks that it took to raise it, ..."""
    quiet_checks: int = 20
    """... or the rule must not hold for so many, wherever the signal is: then it is over."""
    trend_checks: int = 10
    """Checks over which samples must have come nearer to the data to count as improving."""
    improvement: float = 0.05
    """Relative fall of the distance, newer half against older half, that counts."""


def warm_up(context: Context, t: Shared) -> float:
    """The first step at which detectors listen."""
    if context.budget is None:
        return t.warm_up_steps
    least = max(t.warm_up_steps, t.warm_up_share * context.budget)
    return min(least, t.warm_up_most * context.budget)


def young(history: History, context: Context, t: Shared) -> bool:
    """Whether the run is so young that modes that were never there are not missed."""
    if context.budget is None:
        return history.step < t.young_steps
    return history.step < t.young_share * context.budget


def settling(history: History, context: Context, t: Shared) -> bool:
    """Whether the run is so young that samples of a mode or a class may still be alike or wrong."""
    if context.budget is None:
        return history.step < t.settle_steps
    return history.step < t.settle_share * context.budget


def near(history: History, context: Context, t: Shared, count: int) -> bool:
    """Whether samples are as near to the data as can be asked for at this age of the run."""
    whole = 2 * t.young_steps / t.early_share
    early = history.step < t.early_share * (context.budget or whole)
    distance = history.median("energy", count)
    limit = t.far_early if early else t.far
    return distance is not None and distance <= limit


def improving(history: History, t: Shared, count: int | None = None) -> bool:
    """Whether samples come nearer to the data; also while that is not known."""
    fall = history.fall("energy", count or t.trend_checks)
    return fall is None or fall > t.improvement


def unsampled(context: Context) -> str | None:
    """Why a pathology of the samples cannot be seen."""
    return None if context.samples else SAMPLED


def unscored(context: Context) -> str | None:
    """Why a pathology of the scores, of the panel or of training, cannot be seen."""
    if context.scores or (context.samples and context.judged):
        return None
    return "needs scores of the discriminator (monitor.step) or a sampler"


def sure_of(history: History, count: int) -> float | None:
    """AUC of the panel where there is one: training batches are scored while weights move."""
    fresh = history.median("auc_fresh", count)
    return history.median("auc_real_fake", count) if fresh is None else fresh
