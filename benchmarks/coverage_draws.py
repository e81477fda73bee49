"""One setting of `benchmarks.coverage`: sets drawn again and again, and what intervals hold."""

import ast
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.coverage_populations import Case, Drawn, Population
from benchmarks.digest import ROOT
from gandiag.metrics import Metric, Score
from gandiag.metrics.base import Role
from gandiag.metrics.intervals import redrawn
from gandiag.statistics import Bank, Statistic

PROBES = 4
"""Draws that tell which numbers have an interval at all, and what it takes as drawn anew."""
LEAST = 100
"""Draws without which a setting says too little."""
FIXED_REALS = 2000
"""Real images at least, where they are fixed."""

Row = dict[str, Any]
Claim = frozenset[Role]


class TooSlowError(Exception):
    """A draw takes so long that fewer than `LEAST` fit the time."""


def scores(
    metric: Metric, population: Population, n: int, case: Case, claim: Claim, seed: int
) -> dict[str, Score]:
    """Of the sets number `seed`: those in `claim` are drawn anew with it, the others stay."""
    given: dict[Role, Statistic] = {}
    beside: list[torch.Tensor] = []
    for place, role in enumerate(("real", "heldout", "generated")):
        if role not in metric.accepts:
            continue
        fixed = role not in claim
        size = max(n, FIXED_REALS) if fixed else n
        random = torch.Generator().manual_seed(3 * (0 if fixed else seed + 1) + place)
        mine: Case = case if role == "generated" else "null"
        taken = torch.cat(beside) if beside else None
        drawn = population.draw(size, random, mine, taken)
        if drawn.places is not None:
            beside.append(drawn.places)
        given[role] = _statistic(metric, role, drawn)
    return metric(**given)


def _statistic(metric: Metric, role: Role, drawn: Drawn) -> Statistic:
    kind = metric.accepts[role][0]
    if kind is not Bank:
        return kind.of(drawn.rows)
    return Bank.of(drawn.rows).labelled([str(each) for each in drawn.classes.tolist()])


def simulate(
    metric: Metric, population: Population, n: int, case: Case, draws: int, seconds: float
) -> dict[str, Row]:
    """By output: how often its interval holds the mean of the value at this n, in so many draws.

    Each output is judged under its own claim of what is drawn anew.

    Raises:
        TooSlowError: see there.
        GandiagError: the metric cannot be had from such sets.
    """
    every: Claim = frozenset(metric.accepts)
    began = time.monotonic()
    probes = [scores(metric, population, n, case, every, seed) for seed in range(PROBES)]
    each = (time.monotonic() - began) / PROBES
    claims: dict[str, Claim | None] = {name: None for probe in probes for name in probe}
    for probe in probes:
        for name, score in probe.items():
            if score.low is not None:
                claims[name] = (redrawn(score.method) or frozenset({"generated"})) & every
    methods = {name: score.method for probe in probes for name, score in probe.items()}
    rows: dict[str, Row] = {
        name: {"draws": PROBES, "printed": 0.0, "method": methods[name]}
        for name, claim in claims.items()
        if claim is None
    }
    distinct = {claim for claim in claims.values() if claim is not None}
    count = min(draws, int(seconds / max(each, 1e-6) / max(1, len(distinct))))
    if distinct and count < min(LEAST, draws):
        raise TooSlowError(f"{each:.2g} s a draw")
    for claim in distinct:
        found = list(_drawn(metric, population, n, case, claim, count, seconds / len(distinct)))
        for name in (name for name, own in claims.items() if own == claim):
            own = [draw[name] for draw in found if name in draw]
            rows[name] = {"redrawn": sorted(claim), "method": methods[name]} | covered(own)
    return rows


def _drawn(
    metric: Metric,
    population: Population,
    n: int,
    case: Case,
    claim: Claim,
    count: int,
    seconds: float,
) -> Iterator[dict[str, Score]]:
    """So many draws, or as many as the time has, with fixed sets that may be larger than probes'.

    Raises:
        TooSlowError: at this pace there would not be `LEAST`.
    """
    began = time.monotonic()
    for seed in range(count):
        yield scores(metric, population, n, case, claim, seed)
        spent = time.monotonic() - began
        if spent > seconds and seed + 1 >= LEAST:
            return
        # Twice the time, as other work on the machine slows some draws down.
        if seed + 1 >= PROBES and spent / (seed + 1) > 2 * seconds / min(count, LEAST):
            raise TooSlowError(f"{spent / (seed + 1):.2g} s a draw")


def covered(found: list[Score]) -> Row:
    """Of an output's scores: the share of its intervals that hold their values' mean, and more.

    `ratio` is the mean half width over 1.96 standard deviations of the values; `below` and `above`
    are the shares of intervals wholly below or above the mean.
    """
    values = torch.tensor([score.value for score in found], dtype=torch.float64)
    shown = [score for score in found if score.low is not None]
    mean, deviation = float(values.mean()), float(values.std())
    low = torch.tensor([score.low for score in shown], dtype=torch.float64)
    high = torch.tensor([score.high for score in shown], dtype=torch.float64)
    row: Row = {
        "draws": len(found),
        "printed": len(shown) / len(found),
        "mean": mean,
        "deviation": deviation,
    }
    if not shown:
        return row
    half = float((high - low).mean()) / 2
    # Where all values are one, rounding of their mean is no miss.
    slack = 1e-12 * max(1.0, abs(mean))
    below, above = high < mean - slack, low > mean + slack
    return row | {
        "coverage": 1 - float((below | above).double().mean()),
        "below": float(below.double().mean()),
        "above": float(above.double().mean()),
        "ratio": half / (1.959964 * deviation) if deviation > 0 else None,
    }


def sources_of(metric: type[Metric]) -> list[Path]:
    """The files that decide its numbers and this benchmark's: its module, and what that imports.

    Within metrics and statistics, less what all metrics are made on.
    """
    start = ROOT / (metric.__module__.replace(".", "/") + ".py")
    found, due = set[Path](), [start]
    while due:
        path = due.pop()
        if path in found or path.name in ("__init__.py", "base.py"):
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            if module and module.startswith(("gandiag.metrics.", "gandiag.statistics.")):
                due.append(ROOT / (module.replace(".", "/") + ".py"))
    here = ROOT / "benchmarks"
    return sorted({*found, here / "coverage_draws.py", here / "coverage_populations.py"})


def setting(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a row is a row of."""
    return tuple(row[key] for key in ("metric", "population", "width", "n", "case"))


def half_width(coverage: float, draws: int) -> float:
    """Two standard errors of a coverage, in shares."""
    return 2 * math.sqrt(max(coverage * (1 - coverage), 0.05 * 0.95 / 4) / draws)
