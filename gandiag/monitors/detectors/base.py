"""A rule, and the detector that waits for it to hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gandiag.monitors.alerts import Alert, from_json
from gandiag.monitors.context import Context
from gandiag.monitors.detectors.history import History
from gandiag.monitors.remedies import CAUSES, REMEDIES
from gandiag.monitors.thresholds import Thresholds


class Detector(Protocol):
    """Watches rows of signals."""

    pathology: str

    @property
    def alerting(self) -> Alert | None:
        """The alert that is still on."""
        ...

    def __call__(self, step: int, values: Mapping[str, float]) -> Alert | None:
        """An alert at its onset, else None."""
        ...

    def forget(self) -> None:
        """What was normal is no longer."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """As JSON values."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        ...


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
class Rule:
    """When a pathology is there, as a function of the recent rows.

    Attributes:
        pathology: its name.
        reads: signals that the rule and its evidence need.
        judge: (history, context, thresholds) -> verdict, or None if it cannot be judged now.
        persist: checks in a row that it must hold.
        warm: whether it waits for the end of warm-up.
    """

    pathology: str
    reads: tuple[str, ...]
    judge: Callable[[History, Context, Thresholds], Verdict | None]
    persist: Callable[[Thresholds], int]
    warm: bool = True


class Persistent:
    """Raises one alert for each onset of a rule.

    The rule must hold for some checks in a row; a check without the deciding signal does not count.
    Then the alert is on until the rule is clear for three times as many checks; nothing is told
    while it is on, nor of a return within the cooldown. A rise to a higher level is a new onset.
    """

    def __init__(self, rule: Rule, context: Context, thresholds: Thresholds):
        self.rule, self.context, self.thresholds = rule, context, thresholds
        self.pathology = rule.pathology
        self.history = History(rule.reads)
        self._held = 0
        self._since: int | None = None
        self._cleared = 0
        self._on: Alert | None = None
        self._told: dict[str, int] = {}

    @property
    def alerting(self) -> Alert | None:
        """The alert that is still on."""
        return self._on

    def __call__(self, step: int, values: Mapping[str, float]) -> Alert | None:
        """An alert at its onset, else None."""
        warm = step >= warm_up(self.context, self.thresholds)
        self.history.add(step, values, warm=warm)
        if self.rule.warm and not warm:
            return None
        verdict = self.rule.judge(self.history, self.context, self.thresholds)
        # A median of older values is not one more check that found it.
        if verdict is None or verdict.signal not in values:
            return None
        persist = 1 if verdict.at_once else self.rule.persist(self.thresholds)
        if not verdict.firing:
            self._held, self._since = 0, None
            self._cleared = self._cleared + 1 if verdict.clear else 0
            if self._cleared >= self.thresholds.clear_factor * persist:
                self._on = None
            return None
        self._cleared = 0
        self._held += 1
        self._since = step if self._since is None else self._since
        higher = self._on is not None and LEVEL[verdict.level] > LEVEL[self._on.level]
        if self._held < persist or (self._on is not None and not higher):
            return None
        alert = self._alert(step, verdict)
        self._on = alert
        last = self._told.get(verdict.level)
        self._told[verdict.level] = step
        if last is not None and step - last < self.thresholds.cooldown_steps:
            return None
        return alert

    def forget(self) -> None:
        """What was normal is no longer: the rule starts to count anew."""
        self.history.forget()
        self._held, self._since = 0, None

    def state_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "history": self.history.state_dict(),
            "held": self._held,
            "since": self._since,
            "cleared": self._cleared,
            "on": None if self._on is None else self._on.to_json(),
            "told": dict(self._told),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.history.load_state_dict(state["history"])
        self._held, self._since, self._cleared = state["held"], state["since"], state["cleared"]
        self._on = None if state["on"] is None else from_json(state["on"])
        self._told = dict(state["told"])

    def _alert(self, step: int, verdict: Verdict) -> Alert:
        found = {name: self.history.now(name) for name in verdict.evidence}
        return Alert(
            pathology=self.pathology,
            level=verdict.level,
            step=step,
            since=step if self._since is None else self._since,
            signal=verdict.signal,
            value=verdict.value,
            threshold=verdict.threshold,
            evidence={name: value for name, value in found.items() if value is not None},
            causes=CAUSES[self.pathology],
            remedies=tuple(f"{what} [{source}]" for what, source in REMEDIES[self.pathology]),
        )


LEVEL = {"INFO": 0, "WARN": 1, "ERROR": 2}


def warm_up(context: Context, thresholds: Thresholds) -> float:
    """The first step at which detectors listen."""
    if context.budget is None:
        return thresholds.warm_up_steps
    least = max(thresholds.warm_up_steps, thresholds.warm_up_share * context.budget)
    return min(least, thresholds.warm_up_most * context.budget)


def young(history: History, context: Context, thresholds: Thresholds) -> bool:
    """Whether the run is so young that modes that were never there are not missed."""
    if context.budget is None:
        return history.step < thresholds.young_steps
    return history.step < thresholds.young_share * context.budget


def settling(history: History, context: Context, thresholds: Thresholds) -> bool:
    """Whether the run is so young that samples of a mode or a class may still be alike or wrong."""
    if context.budget is None:
        return history.step < thresholds.settle_steps
    return history.step < thresholds.settle_share * context.budget


def near(history: History, context: Context, thresholds: Thresholds, count: int) -> bool:
    """Whether samples are as near to the data as can be asked for at this age of the run."""
    whole = 2 * thresholds.young_steps / thresholds.early_share
    early = history.step < thresholds.early_share * (context.budget or whole)
    distance = history.median("energy", count)
    limit = thresholds.far_early if early else thresholds.far
    return distance is not None and distance <= limit


def improving(history: History, thresholds: Thresholds, count: int | None = None) -> bool:
    """Whether samples come nearer to the data; also while that is not known."""
    fall = history.fall("energy", count or thresholds.trend_checks)
    return fall is None or fall > thresholds.improvement
