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
        persist: checks in a row that it must hold, if others than the rule's.
        lasting: share of the run's steps so far for more than which it must have held, too: of a
            state that was never right, in a run of which no budget is known.
    """

    firing: bool
    signal: str
    value: float
    threshold: float
    level: str = "WARN"
    clear: bool = True
    evidence: tuple[str, ...] = field(default=())
    at_once: bool = False
    persist: int | None = None
    lasting: float = 0.0


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
    """Share of a known budget in which modes that were never there are not missed, ..."""
    settle_share: float = 0.1
    """... and in which samples of a mode or a class may be alike or wrong."""
    far: float = 0.04
    """Energy distance to the data up to which a movement or a lack of modes is no fault."""
    cooldown_steps: int = 1000
    """A pathology that is over and comes back is not told again within so many steps."""
    clear_ratio: float = 0.8
    """Part of a threshold's distance that a signal must go back before the alert clears ..."""
    clear_factor: int = 3
    """... for so many times the checks that it took to raise it, ..."""
    quiet_checks: int = 20
    """... or the rule must not hold for so many, wherever the signal is: then it is over."""
    trend_checks: int = 10
    """Checks without progress, at least, after which there is none."""
    improvement: float = 0.05
    """Relative fall of a distance that counts, over the newer half of the steps so far."""
    diversity_error: float = 0.2
    """Mean distance in the panel over the reals' below which all samples are nearly one."""
    fewest: int = 3
    """Looks since warm-up before which it is not known whether something moves."""
    lasting: float = 0.2
    """Share of the steps so far for which a run must have stood still that never was right."""
    missing_error: float = 0.40
    """Share of the reals in neglected bins above which few modes are left."""
    panel_range: float = 10.0
    """Largest |value - mean| in the panel over the reals' that is far outside."""
    thrown: float = 0.8
    """Energy distance of samples that lie several times the data's size away from it."""


def warm_up(context: Context, t: Shared) -> float:
    """The first step at which detectors listen."""
    if context.budget is None:
        return t.warm_up_steps
    least = max(t.warm_up_steps, t.warm_up_share * context.budget)
    return min(least, t.warm_up_most * context.budget)


def falling(history: History, name: str, t: Shared) -> bool | None:
    """Whether a positive signal still falls, by the run's own measure; None while not known.

    Compared are its newest values and those that it had in the newer half of the run's steps: what
    changes slowly in a long run and fast in a short one is moving in both.
    """
    course = _course(history, name, t)
    return None if course is None else course[1] < (1 - t.improvement) * course[0]


def rising(history: History, name: str, t: Shared, least: float | None = None) -> bool | None:
    """The same of one that should rise; by `least`, where a share of its size could be chance."""
    course = _course(history, name, t)
    if course is None:
        return None
    return course[1] > course[0] + (least or t.improvement * course[0])


def _course(history: History, name: str, t: Shared) -> tuple[float, float] | None:
    """As `History.course`, but for too few looks since warm-up."""
    few = len(history.first.get(name, ())) < t.fewest
    return None if few else history.course(name)


def under_way(
    history: History, context: Context, t: Shared, share: float, *moving: bool | None
) -> bool:
    """Whether what never was right may still come right.

    Args:
        history: of the run.
        context: of the run; if its budget is known, in the first `share` of it all may come right.
        t: thresholds.
        share: of the budget.
        moving: whether what should move still does (see `falling`); None: that is not known.
    """
    known = [each for each in moving if each is not None]
    young = context.budget is not None and history.step < share * context.budget
    return any(known) or not known or young


def improving(history: History, t: Shared) -> bool:
    """Whether samples come nearer to the data; also while that is not known."""
    return falling(history, "energy", t) is not False


def near(history: History, t: Shared, count: int) -> bool:
    """Whether samples are near the data."""
    distance = history.median("energy", count)
    return distance is not None and distance <= t.far


def beyond(history: History, name: str, count: int, limit: float) -> float | None:
    """Median of the newest values where it and the newest are above a limit, else None."""
    value, newest = history.median(name, count), history.last(name, 1)
    return value if value is not None and min(value, *newest) > limit else None


def alike(history: History, t: Shared, count: int) -> bool:
    """Whether all samples are nearly one."""
    value = history.median("diversity", count)
    return value is not None and value < t.diversity_error


def outside(history: History, t: Shared) -> bool:
    """Whether samples were far outside of the data when they were last seen: they diverge.

    By their largest value, or thrown away from data that they had been near to.
    """
    was = history.lowest.get("energy", (1.0, 0))[0]
    thrown = was < t.thrown / 2 and any(value > t.thrown for value in history.last("energy", 1))
    return thrown or any(value > t.panel_range for value in history.last("panel_range", 1))


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
