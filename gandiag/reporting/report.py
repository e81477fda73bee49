"""Scores with their uncertainty, provenance and warnings, for a terminal, a program or a reader."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from rich.console import Group, RenderableType
from rich.text import Text

from gandiag.errors import Warn
from gandiag.metrics.base import Better, Pair, Placed, Score
from gandiag.reporting import saved
from gandiag.reporting.notebook import as_html
from gandiag.reporting.per_sample import PerSample
from gandiag.reporting.tables import Sheet, as_text, table

if TYPE_CHECKING:
    import pandas as pd

    from gandiag.reporting.figures import Drawn

SCHEMA = saved.SCHEMA

COMMAND = "gandiag score --json"
"""Writes what `Report.from_json` reads."""

BESIDE = (
    *("of", "floor", "floor n", "value at floor n", "ceiling", "with a tenth of their share"),
    *("blur", "outside", "pairs", "of real images", "of equal sets", "exact", "z", "gap"),
    *("classes", "classes left out"),
)
"""What of `Score.extra` people are shown."""

CONFUSED = "asked "
"""What begins the keys of `Score.extra` that count samples of one class taken for another."""

MEAN = "intra_"
"""What begins the name of a mean over classes, as in intra-FID."""

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
    of_real: float | None = None
    """Of a class: the same number for some of its real images in the place of the generated ones,
    against the rest of them."""
    n_of_real: tuple[int, int] | None = None
    """How many stood for the generated ones, and how many were left; None for a mean."""

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
        if "std" in self.extra:
            return f"± {number(self.extra['std'])}"
        told = [f"{key} {number(self.extra[key])}" for key in BESIDE if key in self.extra]
        return ", ".join([*told, *self.confused[:1]])

    @property
    def confused(self) -> tuple[str, ...]:
        """Which classes are taken for which, the most frequent first: ``asked 4, seen 9: 12``."""
        return tuple(
            f"{key}: {number(count)}"
            for key, count in self.extra.items()
            if key.startswith(CONFUSED)
        )

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
        if self.of_real is not None:
            generated, real = self.n_of_real or (None, None)
            whole["of_real"] = {"value": self.of_real, "n_generated": generated, "n_real": real}
        if self.score.pairs:
            whole["pairs"] = [pair._asdict() for pair in self.score.pairs]
        if self.score.highest:
            whole["highest"] = [each._asdict() for each in self.score.highest]
            whole["lowest"] = [each._asdict() for each in self.score.lowest]
        return whole

    @classmethod
    def from_dict(cls, name: str, whole: Mapping[str, Any]) -> Self:
        """What `to_dict` gave, with its printed name.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        of_real = whole.get("of_real")
        parted = None
        if of_real is not None and of_real["n_generated"] is not None:
            parted = int(of_real["n_generated"]), int(of_real["n_real"])
        return cls(
            name=saved.text(name),
            output=saved.text(whole["asked"]),
            score=Score(
                value=saved.number(whole["value"]),
                low=saved.maybe(whole["low"]),
                high=saved.maybe(whole["high"]),
                confidence=saved.number(whole["confidence"]),
                method=saved.text(whole["interval_method"]),
                extra={key: saved.number(each) for key, each in whole.get("extra", {}).items()},
                pairs=tuple(Pair(**each) for each in whole.get("pairs", ())),
                highest=tuple(Placed(**each) for each in whole.get("highest", ())),
                lowest=tuple(Placed(**each) for each in whole.get("lowest", ())),
            ),
            better=saved.better(whole["better"]),
            n_generated=saved.count(whole["n_generated"]),
            n_real=saved.count(whole["n_real"]),
            layer=saved.text(whole["layer"]),
            parameters=saved.text(whole["parameters"]),
            heldout=saved.number(whole["heldout"]) if "heldout" in whole else None,
            of_real=None if of_real is None else saved.number(of_real["value"]),
            n_of_real=parted,
        )


@dataclass(frozen=True)
class Report:
    """What `gandiag.score` returns."""

    rows: tuple[Row, ...]
    warnings: tuple[Warn, ...]
    provenance: Mapping[str, Any]
    per_class: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    class_means: tuple[Row, ...] = ()
    """Of each number, the mean over the classes: ``intra_fid``."""
    per_sample: PerSample | None = None
    """Numbers of single generated images, where they were asked for; they are not in the JSON."""

    def __getitem__(self, name: str) -> Row:
        """A row by its printed name (``fd[lite0]``, ``fd``) or what was asked for (``fid``).

        Means over classes too, which no iteration gives: ``intra_fid``.
        """
        rows = (*self.rows, *self.class_means)
        for each in ("name", "output", "plain"):
            names = [getattr(row, each) for row in rows]
            if name in names:
                return rows[names.index(name)]
        raise KeyError(f"{name!r} was not computed; there are {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return (row.name for row in self.rows)

    def items(self) -> Iterator[tuple[str, Row]]:
        """Each printed name and its row."""
        return ((row.name, row) for row in self.rows)

    def __str__(self) -> str:
        """The table that the command line shows."""
        return as_text(self)

    def _repr_html_(self) -> str:
        """The same in a notebook."""
        return as_html(self)

    def __contains__(self, name: object) -> bool:
        rows = (*self.rows, *self.class_means)
        return any(name in (row.name, row.output, row.plain) for row in rows)

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
            whole["class_means"] = {row.name: row.to_dict() for row in self.class_means}
        cleaned: dict[str, Any] = finite(whole)
        return cleaned

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    @classmethod
    def from_dict(cls, whole: Mapping[str, Any]) -> Self:
        """What `to_dict` gave; infinities are NaN then, and `per_sample` is not there.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        classes = whole.get("per_class", {})
        return cls(
            rows=_rows_of(whole["scores"]),
            warnings=tuple(map(saved.warn, whole["warnings"])),
            provenance=saved.provenance(whole["provenance"]),
            per_class={label: _rows_of(rows) for label, rows in classes.items()},
            class_means=_rows_of(whole.get("class_means", {})),
        )

    @classmethod
    def from_json(cls, given: "str | PathLike[str]") -> Self:
        """A report from a file of ``gandiag score --json``, or from the text of `to_json`.

        Raises:
            GandiagError: it is neither.
        """
        name, whole = saved.parsed(given, COMMAND)
        with saved.understood(name, COMMAND):
            return cls.from_dict(whole)

    def to_pandas(self) -> "pd.DataFrame":
        """A row a score, and then one for each class; the columns are those of the CSV.

        Raises:
            GandiagError: pandas is not installed.
        """
        from gandiag.reporting.formats import COLUMNS, records
        from gandiag.reporting.frames import frame

        return frame(COLUMNS, records(self))

    def plot(self) -> "Drawn":
        """(figure, axes) of matplotlib: values with intervals, floors and held-out values.

        Raises:
            GandiagError: there is no score that is a number.
        """
        from gandiag.reporting.figures import plot_report

        return plot_report(self)

    def __rich__(self) -> RenderableType:
        return Group(*self._parts())

    def _parts(self) -> Iterator[RenderableType]:
        yield score_table(self.rows)
        if self.per_class:
            yield Text()
            yield class_table(self.per_class, self.class_means)
        if self.class_means:
            yield Text()
            yield score_table(self.class_means)
        yield Text(f"\n{headline(self.provenance)}", style="dim")
        if self.warnings:
            yield Text()
        yield from warning_lines(self.warnings)


def _rows_of(scores: Mapping[str, Any]) -> tuple[Row, ...]:
    return tuple(Row.from_dict(name, each) for name, each in scores.items())


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


def class_table(per_class: Mapping[str, Sequence[Row]], means: Sequence[Row] = ()) -> Sheet:
    """The values of each class beside how many images it has; a dash where there is none.

    In brackets: what some of its real images get in the place of the generated ones, against the
    rest; ``44:46`` says how many. The means come last.
    """
    names = dict.fromkeys(row.name for rows in per_class.values() for row in rows)
    real = {row.name for rows in per_class.values() for row in rows if row.of_real is not None}
    titles = (f">{name} (of real)" if name in real else f">{name}" for name in names)

    def numbers(rows: Sequence[Row], prefix: str = "") -> Iterator[str]:
        known = {row.name: row for row in rows}
        for row in (known.get(prefix + name) for name in names):
            value = "-" if row is None else number(row.value)
            beside = "" if row is None or row.of_real is None else f" ({number(row.of_real)})"
            yield value + beside

    counts = ["generated", "real", *["of real"] * bool(real)]
    lines = [
        (label, *_counts(rows)[: len(counts)], *numbers(rows)) for label, rows in per_class.items()
    ]
    if means:
        lines.append(("mean", *[""] * len(counts), *numbers(means, MEAN)))
    return table("class", *(f">{each}" for each in counts), *titles, rows=lines)


def _counts(rows: Sequence[Row]) -> list[str]:
    """Of the generated images, of the real ones, and of those that stood for each."""
    generated = {f"{row.n_generated:,}" for row in rows if row.n_generated is not None}
    real = {f"{row.n_real:,}" for row in rows if row.n_real is not None}
    parted = {":".join(f"{n:,}" for n in row.n_of_real) for row in rows if row.n_of_real}
    return [" or ".join(sorted(each)) or "-" for each in (generated, real, parted)]


def warning_lines(warnings: Sequence[Warn]) -> Iterator[Text]:
    """Warnings as a terminal shows them, and where their codes are explained."""
    yield from map(_warning_line, warnings)
    if warnings:
        yield Text("  what a code in brackets means: gandiag explain CODE", style="dim")


def _warning_line(warning: Warn) -> Text:
    line = Text("! ", style="yellow") + Text(warning.message)
    return line.append(f"  ({warning.code})", style="dim")


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
                    f"{key} {pins[key][:16] if key == 'weights' else pins[key]}"
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


def finite(value: Any) -> Any:
    """NaN and infinities become null: they are no JSON."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value
