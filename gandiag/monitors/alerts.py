"""What a monitor tells: one record for each onset of a pathology, and one for its end."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gandiag.monitors import notebook

LEVELS = ("INFO", "WARN", "ERROR")


@dataclass(frozen=True)
class Alert:
    """A pathology has set in.

    Attributes:
        pathology: a name of `gandiag.monitors.PATHOLOGIES`, or of a user's own.
        level: ``INFO`` (worth knowing), ``WARN`` (act) or ``ERROR`` (the run is lost).
        step: generator step of the check that raised it.
        since: the first step of the checks in a row that led to it.
        signal: the signal that decided.
        value: of that signal at `step`.
        threshold: that it crossed.
        evidence: further signals at `step`.
        causes: what usually brings it about.
        remedies: what to try, each with its source in brackets.
        of: the monitor's name, where it has one.
    """

    pathology: str
    level: str
    step: int
    since: int
    signal: str
    value: float
    threshold: float
    evidence: Mapping[str, float] = dataclasses.field(default_factory=dict)
    causes: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    of: str = ""

    @property
    def message(self) -> str:
        """One line for people: what, since when, the numbers, the first thing to try."""
        numbers = ", ".join(f"{name} {value:.3g}" for name, value in self.evidence.items())
        first = f"; try: {self.remedies[0]}" if self.remedies else ""
        return (
            f"{_prefix(self.of)}{self.pathology} at step {self.step} (since {self.since}): "
            f"{self.signal} {self.value:.3g}, threshold {self.threshold:.3g}"
            f"{f' ({numbers})' if numbers else ''}{first}"
        )

    def _repr_html_(self) -> str:
        """All of it, in a notebook."""
        return notebook.of_alert(self)

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return dataclasses.asdict(self) | {
            "evidence": dict(self.evidence),
            "causes": list(self.causes),
            "remedies": list(self.remedies),
        }


@dataclass(frozen=True)
class Over:
    """A pathology that was told of has ended.

    Attributes:
        pathology: as the alert had it.
        level: of the last alert.
        step: generator step of the check that found it.
        since: the first step of the checks in a row in which its rule did not hold.
        alerted: step of the last alert.
        of: the monitor's name, where it has one.
    """

    pathology: str
    level: str
    step: int
    since: int
    alerted: int
    of: str = ""

    @property
    def message(self) -> str:
        """One line for people."""
        return (
            f"{_prefix(self.of)}{self.pathology} is over at step {self.step} (since {self.since}); "
            f"it was told at step {self.alerted}"
        )

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return dataclasses.asdict(self)


def _prefix(name: str) -> str:
    return f"{name}: " if name else ""


def over_from_json(values: Mapping[str, Any]) -> Over:
    """What `Over.to_json` wrote; unknown fields are ignored."""
    names = {field.name for field in dataclasses.fields(Over)}
    return Over(**{name: value for name, value in values.items() if name in names})


def from_json(values: Mapping[str, Any]) -> Alert:
    """The alert that `Alert.to_json` wrote; unknown fields are ignored."""
    names = {field.name for field in dataclasses.fields(Alert)}
    known = {name: value for name, value in values.items() if name in names}
    known["causes"] = tuple(known.get("causes", ()))
    known["remedies"] = tuple(known.get("remedies", ()))
    return Alert(**known)
