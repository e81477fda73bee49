"""The detector that waits for a pathology's rule to hold, and to hold no more."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from gandiag.monitors.alerts import Alert, Over, from_json, over_from_json
from gandiag.monitors.context import Context
from gandiag.monitors.pathologies import ALL
from gandiag.monitors.pathologies.history import History
from gandiag.monitors.pathologies.remedies import USED
from gandiag.monitors.pathologies.rule import Pathology, Verdict, warm_up
from gandiag.monitors.thresholds import Thresholds

LEVEL = {"INFO": 0, "WARN": 1, "ERROR": 2}


class Detector:
    """Raises one alert for each onset of a pathology.

    The rule must hold for some checks in a row; a check without the deciding signal does not count.
    Then the alert is on until the rule is clear for three times as many checks, or does not hold
    for `quiet_checks`; it is over. Nothing is told while it is on. A return within the cooldown is
    told when that ends, if it lasts. A rise to a higher level is a new onset.
    """

    def __init__(self, rule: Pathology, context: Context, thresholds: Thresholds):
        self.rule, self.context, self.thresholds = rule, context, thresholds
        self.pathology = rule.name
        self.history = History(rule.reads)
        self._held = 0
        self._since: int | None = None
        self._cleared = 0
        self._quiet = 0
        self._quiet_since: int | None = None
        self._on: Alert | None = None
        self._untold = False
        self._over: Over | None = None
        self._told: dict[str, int] = {}

    @property
    def alerting(self) -> Alert | None:
        """The alert that is still on."""
        return self._on

    @property
    def over(self) -> Over | None:
        """How the last alert ended, until there is another."""
        return self._over

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
        persist = verdict.persist or self.rule.persist(self.thresholds)
        persist = 1 if verdict.at_once else persist
        if not verdict.firing:
            self._rest(step, persist, clear=verdict.clear)
            return None
        self._cleared, self._quiet, self._quiet_since = 0, 0, None
        self._held += 1
        self._since = step if self._since is None else self._since
        higher = self._on is not None and LEVEL[verdict.level] > LEVEL[self._on.level]
        told = self._on is not None and not self._untold
        lasted = not verdict.lasting or step - self._since > verdict.lasting * step
        if self._held < persist or not lasted or (told and not higher):
            return None
        last = self._told.get(verdict.level)
        soon = last is not None and step - last < self.thresholds.cooldown_steps
        if told and soon:
            return None
        alert = self._alert(step, verdict)
        self._on, self._over, self._untold = alert, None, soon
        if soon:
            return None
        self._told[verdict.level] = step
        return alert

    def _rest(self, step: int, persist: int, *, clear: bool) -> None:
        """A check in which the rule does not hold."""
        self._held, self._since = 0, None
        self._cleared = self._cleared + 1 if clear else 0
        self._quiet += 1
        self._quiet_since = step if self._quiet_since is None else self._quiet_since
        t = self.thresholds
        if self._on is None or (
            self._cleared < t.clear_factor * persist and self._quiet < t.quiet_checks
        ):
            return
        if not self._untold:
            self._over = Over(
                self.pathology, self._on.level, step, self._quiet_since, self._on.step
            )
        self._on, self._untold = None, False

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
            "quiet": [self._quiet, self._quiet_since],
            "on": None if self._on is None else self._on.to_json(),
            "untold": self._untold,
            "over": None if self._over is None else self._over.to_json(),
            "told": dict(self._told),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.history.load_state_dict(state["history"])
        self._held, self._since, self._cleared = state["held"], state["since"], state["cleared"]
        self._quiet, self._quiet_since = state["quiet"]
        self._on = None if state["on"] is None else from_json(state["on"])
        self._untold = state["untold"]
        self._over = None if state["over"] is None else over_from_json(state["over"])
        self._told = dict(state["told"])

    def _alert(self, step: int, verdict: Verdict) -> Alert:
        numbers = (float(verdict.value), float(verdict.threshold))
        if verdict.level not in LEVEL or not all(map(math.isfinite, numbers)):
            # A sink that cannot write it would be taken for what is broken.
            raise ValueError(
                f"the rule's verdict has level {verdict.level!r}, value {verdict.value!r} and "
                f"threshold {verdict.threshold!r}; give INFO, WARN or ERROR, and finite numbers"
            )
        found = {name: self.history.now(name) for name in verdict.evidence}
        used = (USED.get(self.context.lipschitz or ""), USED.get(self.context.loss or ""))
        return Alert(
            pathology=self.pathology,
            level=verdict.level,
            step=step,
            since=step if self._since is None else self._since,
            signal=verdict.signal,
            value=numbers[0],
            threshold=numbers[1],
            evidence={name: value for name, value in found.items() if value is not None},
            causes=self.rule.causes,
            remedies=tuple(
                f"{what} [{source}]"
                for what, source in self.rule.remedies
                if (what, source) not in used
            ),
        )


def make(
    context: Context, thresholds: Thresholds | None = None, known: Iterable[Pathology] = ALL
) -> tuple[Detector, ...]:
    """Fresh detectors of all pathologies that a run can show.

    Args:
        context: of the run; `pathologies.inactive` says what is left out and why.
        thresholds: other than the published ones.
        known: to watch for.
    """
    chosen = thresholds or Thresholds()
    return tuple(
        Detector(each, context, chosen) for each in known if each.inactive(context) is None
    )
