"""Rows of signals in, alerts out: the detectors' side of a monitor."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gandiag.errors import GandiagError
from gandiag.monitors import pathologies
from gandiag.monitors.alerts import Alert, from_json
from gandiag.monitors.context import Context
from gandiag.monitors.guarding import Guard
from gandiag.monitors.pathologies.detector import make
from gandiag.monitors.pathologies.rule import Pathology
from gandiag.monitors.report import Line
from gandiag.monitors.telling import Teller
from gandiag.monitors.thresholds import Thresholds


class Judging:
    """Shows each row to all detectors, and tells what they find.

    Args:
        context: of the run.
        known: pathologies to watch for, by name.
        thresholds: other than the published ones.
        stop_on: pathologies whose WARN or ERROR sets `should_stop`.
        teller: of rows and alerts.
        name: of the monitor, for its alerts.

    Attributes:
        detectors: of the pathologies that the run can show.
        inactive: why it cannot show the others.
        alerts: so far, oldest first.
        should_stop: whether an alert of `stop_on` was raised.
        seen: signals that were there since a part last failed.
    """

    def __init__(
        self,
        context: Context,
        known: Mapping[str, Pathology],
        *,
        thresholds: Thresholds | None,
        stop_on: frozenset[str],
        teller: Teller,
        name: str = "",
    ):
        self.name = name
        self.context, self.known, self.stop_on, self.teller = context, known, stop_on, teller
        self.guard = teller.guard
        self.detectors = make(context, thresholds, known.values())
        self.inactive = pathologies.inactive(context, known.values())
        self._by_name = {each.pathology: each for each in self.detectors}
        self.alerts: list[Alert] = []
        self.should_stop = False
        self.seen: set[str] = set()
        self._failures = 0

    def tell(self, step: int, row: Mapping[str, float]) -> None:
        """A row to the sinks and the detectors, and to the sinks what these find."""
        if len(self.guard.failed) > self._failures:
            # What could be seen before a part failed says nothing of what can be seen now.
            self._failures = len(self.guard.failed)
            self.seen = set()
        self.seen |= set(row)
        self.teller.signals(step, row)
        for detector in self.detectors:
            before = detector.over
            alert = self.guard(f"detector {detector.pathology}", detector, step, row)
            if detector.over is not None and detector.over != before:
                self.teller.over(replace(detector.over, of=self.name))
            if alert is None:
                continue
            alert = replace(alert, of=self.name)
            self.alerts.append(alert)
            if alert.pathology in self.stop_on and alert.level != "INFO":
                self.should_stop = True
            self.teller.alert(alert)

    def forget(self) -> None:
        """Something changed on purpose: detectors start anew."""
        for detector in self.detectors:
            self.guard(f"detector {detector.pathology}", detector.forget)

    def lines(self, *, checked: bool, still: str | None) -> list[Line]:
        """Of each pathology.

        Args:
            checked: whether there was a check.
            still: why the clock stands, or None.
        """
        return [self._line(name, checked, still) for name in self.known]

    def _line(self, name: str, checked: bool, still: str | None) -> Line:
        part = f"detector {name}"
        line = self.guard(part, self._status, name, checked, still)
        return line or Line(name, "inactive", self.guard.failed[part])

    def _status(self, name: str, checked: bool, still: str | None) -> Line:
        detector = self._by_name.get(name)
        if detector is None:
            return Line(name, "inactive", self.inactive[name])
        if "checks" in self.guard.failed:
            return Line(name, "inactive", self.guard.failed["checks"])
        missing = self.known[name].unjudged(self.seen, self.context)
        if detector.alerting is not None and not (missing and self._failures):
            return Line(name, "alerting", detector.alerting.message)
        if still:
            return Line(name, "inactive", still)
        if not checked and not self.seen:
            return Line(name, "inactive", "no check yet")
        if missing:
            return Line(name, "inactive", "; ".join([missing, *self._blind()]))
        over = detector.over
        return Line(name, "ok", "" if over is None else f"over since step {over.since}")

    def state_dict(self, guard: Guard) -> dict[str, Any]:
        """As JSON values; without detectors that have failed."""
        states = {
            d.pathology: guard(f"detector {d.pathology}", d.state_dict) for d in self.detectors
        }
        return {
            "seen": sorted(self.seen),
            "detectors": {name: state for name, state in states.items() if state is not None},
            "alerts": [alert.to_json() for alert in self.alerts],
            "should_stop": self.should_stop,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`: no alert is told twice."""
        self.seen = set(state["seen"])
        for detector in self.detectors:
            if detector.pathology in state["detectors"]:
                detector.load_state_dict(state["detectors"][detector.pathology])
        self.alerts = [from_json(alert) for alert in state["alerts"]]
        self.should_stop = state["should_stop"]

    def _blind(self) -> Iterable[str]:
        """Failures of what measures, for a pathology whose signals do not come."""
        for part, why in self.guard.failed.items():
            if not part.startswith(("sink ", "detector ", "closing ")):
                yield f"{part}: {why}"


def check_stop_on(stop_on: frozenset[str], known: Mapping[str, Pathology]) -> None:
    """All must be names of pathologies.

    Raises:
        GandiagError: one is not.
    """
    if unknown := stop_on - set(known):
        raise GandiagError(f"stop_on has {sorted(unknown)[0]!r}; choose from {', '.join(known)}")
