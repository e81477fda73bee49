"""Scores with their uncertainty, provenance and warnings, for a terminal, a program or a reader."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

SCHEMA = 1

BESIDE = ("of", "floor", "with a tenth of their share", "outside", "pairs", "of real images")
"""What of `Row.extra` people are shown."""

ARROWS = {"lower": "↓", "higher": "↑"}
"""Which way is better."""


@dataclass(frozen=True)
class Warn:
    """Something that could mislead a reader of the numbers."""

    code: str
    """Short and stable, for programs: ``small-sample``."""
    message: str
    """A sentence for people."""


@dataclass(frozen=True)
class Row:
    """One number of a report."""

    name: str
    """As it may be printed: ``fid``, or ``fd[lite0]`` on other features."""
    output: str
    """As it was asked for: ``fid``, ``precision``."""
    value: float
    low: float | None
    high: float | None
    confidence: float
    interval_method: str
    better: Literal["lower", "higher"]
    n_generated: int | None
    n_real: int | None
    layer: str
    parameters: str
    """The metric's repr: every parameter that moves the number."""
    extra: Mapping[str, float] = field(default_factory=dict)
    heldout: float | None = None
    """The same number for held-out real images in the place of the generated ones."""

    @property
    def beside(self) -> str:
        """What is read together with the value: ``floor 0.0014``; empty for most."""
        told = ", ".join(f"{key} {number(self.extra[key])}" for key in BESIDE if key in self.extra)
        return f"± {number(self.extra['std'])}" if "std" in self.extra else told

    @property
    def interval(self) -> tuple[float, float] | None:
        """(low, high), or None where no interval can be given."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True)
class Report:
    """What `gandiag.score` returns."""

    rows: tuple[Row, ...]
    warnings: tuple[Warn, ...]
    provenance: Mapping[str, Any]
    per_class: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Row:
        """A row by its printed name (``fd[lite0]``) or by what was asked for (``fid``)."""
        for row in self.rows:
            if name in (row.name, row.output):
                return row
        raise KeyError(f"{name!r} was not computed; there are {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return (row.name for row in self.rows)

    def __contains__(self, name: object) -> bool:
        return any(name in (row.name, row.output) for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of the command line: plain values, no NaN, no infinity."""
        whole: dict[str, Any] = {
            "schema": SCHEMA,
            "scores": {row.name: _plain(row) for row in self.rows},
            "warnings": [{"code": each.code, "message": each.message} for each in self.warnings],
            "provenance": _finite(dict(self.provenance)),
        }
        if self.per_class:
            whole["per_class"] = {
                label: {row.name: _plain(row) for row in rows}
                for label, rows in self.per_class.items()
            }
        return whole

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __rich__(self) -> RenderableType:
        return Group(*self._parts())

    def _parts(self) -> Iterator[RenderableType]:
        yield self._table(self.rows)
        if self.per_class:
            yield Text()
            yield self._class_table()
        yield Text(f"\n{_headline(self.provenance)}", style="dim")
        if self.warnings:
            yield Text()
        for each in self.warnings:
            line = Text("! ", style="yellow") + Text(each.message)
            line.append(f"  ({each.code})", style="dim")
            yield line

    def _table(self, rows: tuple[Row, ...]) -> Table:
        table = _columns()
        table.add_column("score", no_wrap=True)
        table.add_column("", no_wrap=True, style="dim")
        table.add_column("value", justify="right", no_wrap=True)
        confidence = {row.confidence for row in rows if row.interval}
        share = f"{100 * confidence.pop():g} % interval" if len(confidence) == 1 else "interval"
        table.add_column(share, no_wrap=True)
        heldout = any(row.heldout is not None for row in rows)
        if heldout:
            table.add_column("held-out", justify="right", no_wrap=True)
        beside = any(row.beside and "std" not in row.extra for row in rows)
        if beside:
            table.add_column("beside it")
        for row in rows:
            value = f"{number(row.value)} {row.beside}" if "std" in row.extra else number(row.value)
            interval = "-" if row.interval is None else " … ".join(map(number, row.interval))
            cells = [row.name, ARROWS[row.better], value, interval]
            if heldout:
                cells.append("-" if row.heldout is None else number(row.heldout))
            if beside:
                cells.append("" if "std" in row.extra else row.beside)
            table.add_row(*map(_cell, cells))
        return table

    def _class_table(self) -> Table:
        table = _columns()
        table.add_column("class", no_wrap=True)
        first = next(iter(self.per_class.values()))
        for row in first:
            table.add_column(_cell(row.name), justify="right", no_wrap=True)
        for label, rows in self.per_class.items():
            table.add_row(_cell(label), *(number(row.value) for row in rows))
        return table


def number(value: float) -> str:
    """Six significant digits, as all reports print a score; a dash for what is not a number."""
    return f"{value:.6g}" if math.isfinite(value) else "-"


def _cell(text: str) -> Text:
    # Names such as fd[lite0] would be read as rich's own markup.
    return Text(text)


def _columns() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))


def _headline(facts: Mapping[str, Any]) -> str:
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
    sizes = [size for each in facts.get("sources", {}).values() for size in each.get("sizes", ())]
    what = "points" if any(size.endswith("points") for size in sizes) else "images"
    return f"protocol {facts.get('protocol')}: {networks}" + (
        f"; {counts} {what}" if counts else ""
    )


def _plain(row: Row) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "value": row.value,
        "low": row.low,
        "high": row.high,
        "confidence": row.confidence,
        "interval_method": row.interval_method,
        "better": row.better,
        "n_generated": row.n_generated,
        "n_real": row.n_real,
        "layer": row.layer,
        "parameters": row.parameters,
    }
    if row.extra:
        whole["extra"] = dict(row.extra)
    if row.heldout is not None:
        whole["heldout"] = row.heldout
    cleaned: dict[str, Any] = _finite(whole)
    return cleaned


def _finite(value: Any) -> Any:
    """NaN and infinities become null: they are no JSON."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return value
