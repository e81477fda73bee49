"""Bounds that a score is held to, and whether it holds them."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gandiag.reporting.curve import Curve
from gandiag.reporting.report import Report


@dataclass(frozen=True)
class Gate:
    """``fid=20``: a score and its bound."""

    name: str
    """As it was asked for or as it is printed."""
    bound: float
    above: bool = True
    """Whether it fails above the bound, or below it."""

    def __str__(self) -> str:
        return f"{self.name}={self.bound!r}".removesuffix(".0")

    @property
    def option(self) -> str:
        """As it is typed: ``--fail-above fid=20``."""
        return f"--fail-{self.side} {self}"

    @property
    def side(self) -> str:
        """``above`` or ``below``."""
        return "above" if self.above else "below"


@dataclass(frozen=True)
class Verdict:
    """What became of a gate."""

    gate: Gate
    holds: bool | None
    """None where the score is missing or no number: then nobody can say."""
    sentence: str


def judged(result: Report | Curve, gates: Iterable[Gate]) -> tuple[Verdict, ...]:
    """Each gate against the scores; of a curve, against those of the newest checkpoint."""
    if not isinstance(result, Curve):
        return tuple(_verdict(result, gate) for gate in gates)
    if result.failed and result.failed[-1][0] > result.points[-1][0]:
        step = result.failed[-1][0]
        why = f"the newest checkpoint, of step {step:,}, could not be scored"
        return tuple(Verdict(gate, None, f"{gate.option}: {why}") for gate in gates)
    return tuple(_verdict(result.last, gate) for gate in gates)


def _verdict(report: Report, gate: Gate) -> Verdict:
    if gate.name not in report:
        there = ", ".join(report)
        return Verdict(gate, None, f"{gate.option}: it was not computed; there are {there}")
    row = report[gate.name]
    if not math.isfinite(row.value):
        return Verdict(gate, None, f"{gate.option}: {row.name} came out as no number")
    broken = row.value > gate.bound if gate.above else row.value < gate.bound
    where = f"{gate.side} {gate.bound:g}" if broken else f"not {gate.side} {gate.bound:g}"
    return Verdict(gate, not broken, f"{row.name} is {row.value:.6g}, {where}")


def of_holding(verdicts: Iterable[Verdict], holds: bool | None) -> Iterator[str]:
    """The sentences of those gates."""
    return (each.sentence for each in verdicts if each.holds is holds)
