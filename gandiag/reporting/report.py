"""Scores with their uncertainty, provenance and warnings, for a terminal, a program or a reader."""

import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from gandiag.errors import Warn
from gandiag.metrics.base import Better, Score
from gandiag.reporting.per_sample import PerSample
from gandiag.reporting.tables import Sheet, table

SCHEMA = 1

BESIDE = (
    "of",
    "floor",
    "with a tenth of their share",
    "outside",
    "pairs",
    "of real images",
    "of equal sets",
)
"""What of `Score.extra` people are shown."""

ARROWS: Mapping[Better, str] = {"lower": "↓", "higher": "↑"}
"""Which way is better."""


@dataclass(frozen=True)
class Row:
    """One number of a report: a score, and what it is of."""

    name: str
    """As it may be printed: ``fid``, or ``fd[lite0]`` on other features."""
    output: str
    """As it was asked for: ``fid``, ``precision``."""
    score: Score
    better: Better
    n_generated: int | None
    n_real: int | None
    layer: str
    """``EXTRACTOR/LAYER``."""
    parameters: str
    """The metric's repr: every parameter that moves the number."""
    heldout: float | None = None
    """The same number for held-out real images in the place of the generated ones."""

    def __float__(self) -> float:
        return float(self.score.value)

    def __format__(self, spec: str) -> str:
        """``f"{row:.2f}"``: the number; without a format, as `str`."""
        return format(float(self), spec) if spec else str(self)

    @property
    def plain(self) -> str:
        """The printed name without the network: ``fd``."""
        return self.name.partition("[")[0]

    @property
    def value(self) -> float:
        """The number."""
        return self.score.value

    @property
    def low(self) -> float | None:
        """The lower end of the interval, where there is one."""
        return self.score.low

    @property
    def high(self) -> float | None:
        """The upper end."""
        return self.score.high

    @property
    def confidence(self) -> float:
        """Of the interval: 0.95."""
        return self.score.confidence

    @property
    def interval_method(self) -> str:
        """Where the interval comes from and what it covers."""
        return self.score.method

    @property
    def extra(self) -> Mapping[str, float]:
        """Numbers to read beside the value."""
        return self.score.extra

    @property
    def beside(self) -> str:
        """What is read together with the value: ``floor 0.0014``; empty for most."""
        told = ", ".join(f"{key} {number(self.extra[key])}" for key in BESIDE if key in self.extra)
        return f"± {number(self.extra['std'])}" if "std" in self.extra else told

    @property
    def interval(self) -> tuple[float, float] | None:
        """(low, high), or None where no interval can be given."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        whole: dict[str, Any] = {
            "asked": self.output,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "confidence": self.confidence,
            "interval_method": self.interval_method,
            "better": self.better,
            "n_generated": self.n_generated,
            "n_real": self.n_real,
            "layer": self.layer,
            "parameters": self.parameters,
        }
        if self.extra:
            whole["extra"] = dict(self.extra)
        if self.heldout is not None:
            whole["heldout"] = self.heldout
        return whole


@dataclass(frozen=True)
class Report:
    """What `gandiag.score` returns."""

    rows: tuple[Row, ...]
    warnings: tuple[Warn, ...]
    provenance: Mapping[str, Any]
    per_class: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    per_sample: PerSample | None = None
    """Numbers of single generated images, where they were asked for; they are not in the JSON."""

    def __getitem__(self, name: str) -> Row:
        """A row by its printed name (``fd[lite0]``, ``fd``) or what was asked for (``fid``)."""
        for each in ("name", "output", "plain"):
            names = [getattr(row, each) for row in self.rows]
            if name in names:
                return self.rows[names.index(name)]
        raise KeyError(f"{name!r} was not computed; there are {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return (row.name for row in self.rows)

    def items(self) -> Iterator[tuple[str, Row]]:
        """Each printed name and its row."""
        return ((row.name, row) for row in self.rows)

    def __str__(self) -> str:
        """The table that the command line shows."""
        return as_text(self)

    def __contains__(self, name: object) -> bool:
        return any(name in (row.name, row.output, row.plain) for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of the command line: plain values, no NaN, no infinity."""
        whole: dict[str, Any] = {
            "schema": SCHEMA,
            "scores": {row.name: row.to_dict() for row in self.rows},
            "warnings": [{"code": each.code, "message": each.message} for each in self.warnings],
            "provenance": dict(self.provenance),
        }
        if self.per_class:
            whole["per_class"] = {
                label: {row.name: row.to_dict() for row in rows}
                for label, rows in self.per_class.items()
            }
        cleaned: dict[str, Any] = _finite(whole)
        return cleaned

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __rich__(self) -> RenderableType:
        return Group(*self._parts())

    def _parts(self) -> Iterator[RenderableType]:
        yield score_table(self.rows)
        if self.per_class:
            yield Text()
            yield class_table(self.per_class)
        yield Text(f"\n{headline(self.provenance)}", style="dim")
        if self.warnings:
            yield Text()
        yield from map(warning_line, self.warnings)


def score_table(rows: Sequence[Row]) -> Sheet:
    """Rows with interval, and what else some of them have."""
    confidence = {row.confidence for row in rows if row.interval}
    share = f"{100 * confidence.pop():g} % interval" if len(confidence) == 1 else "interval"
    heldout = any(row.heldout is not None for row in rows)
    beside = any(row.beside and "std" not in row.extra for row in rows)
    titles = ["score", "", ">value", share, *[">held-out"] * heldout, *["~beside it"] * beside]

    def cells(row: Row) -> Iterator[str]:
        yield row.name
        yield ARROWS[row.better]
        yield f"{number(row.value)} {row.beside}" if "std" in row.extra else number(row.value)
        yield "-" if row.interval is None else " … ".join(map(number, row.interval))
        if heldout:
            yield "-" if row.heldout is None else number(row.heldout)
        if beside:
            yield "" if "std" in row.extra else row.beside

    return table(*titles, rows=map(cells, rows))


def class_table(per_class: Mapping[str, Sequence[Row]]) -> Sheet:
    """The values of each class; a dash where one was not computed."""
    names = dict.fromkeys(row.name for rows in per_class.values() for row in rows)
    of = {label: {row.name: number(row.value) for row in rows} for label, rows in per_class.items()}
    return table(
        "class",
        *(f">{name}" for name in names),
        rows=((label, *(of[label].get(name, "-") for name in names)) for label in per_class),
    )


def warning_line(warning: Warn) -> Text:
    """A warning as a terminal shows it."""
    line = Text("! ", style="yellow") + Text(warning.message)
    return line.append(f"  ({warning.code})", style="dim")


def as_text(shown: RenderableType, width: int = 100) -> str:
    """What a terminal of `width` columns without colours shows."""
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(shown, crop=False)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def number(value: float) -> str:
    """Six significant digits, as all reports print a score; a dash for what is not a number."""
    return f"{value:.6g}" if math.isfinite(value) else "-"


def headline(facts: Mapping[str, Any]) -> str:
    """The provenance in a line: protocol, networks with what pins them, counts."""
    networks = "; ".join(
        ", ".join(
            (
                name,
                *(
                    f"{key} {pins[key]}"
                    for key in ("weights", "resize", "precision", "accuracy")
                    if pins.get(key, "none") != "none"
                ),
            )
        )
        for name, pins in facts.get("extractors", {}).items()
    )
    counts = " against ".join(
        f"{each['n']:,} {role}"
        for role, each in facts.get("sources", {}).items()
        if each["n"] is not None and role != "heldout"
    )
    return f"protocol {facts.get('protocol')}: {networks}" + (
        f"; {counts} {facts.get('things', 'images')}" if counts else ""
    )


def _finite(value: Any) -> Any:
    """NaN and infinities become null: they are no JSON."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
