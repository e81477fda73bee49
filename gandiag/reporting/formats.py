"""Scores for other programs: each a function of a report and its gates => text."""

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from gandiag.reporting.curve import Curve
from gandiag.reporting.gates import Verdict
from gandiag.reporting.report import Report, Row, number

Format = Callable[[Report | Curve, Sequence[Verdict]], str]

COLUMNS = (
    *("step", "class", "asked", "name", "value", "low", "high"),
    *("n_generated", "n_real", "heldout", "of_real"),
)
"""Of `as_csv`; what is not known is empty, as is the class of a mean over classes."""

ESCAPES = str.maketrans(
    {char: f"\\{char}" for char in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


def as_csv(result: Report | Curve, verdicts: Sequence[Verdict] = ()) -> str:
    """A line a score, of each class and each checkpoint; all digits. See `COLUMNS`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(["" if each is None else each for each in line] for line in records(result))
    return text.getvalue().rstrip("\n")


def records(result: Report | Curve) -> Iterator[tuple[Any, ...]]:
    """The lines of `as_csv`, as values; None for what is not known."""
    for step, label, row in _rows(result):
        counts = (row.n_generated, row.n_real)
        numbers = (row.value, row.low, row.high, *counts, row.heldout, row.of_real)
        known = (None if each is None or not math.isfinite(each) else each for each in numbers)
        yield (None if step == "" else step, label or None, row.output, row.name, *known)


def as_latex(result: Report | Curve, verdicts: Sequence[Verdict] = ()) -> str:
    """A tabular of values and intervals; needs no package."""
    found = list(_rows(result))
    ahead = [
        title for title, at in (("step", 0), ("class", 1)) if any(each[at] != "" for each in found)
    ]
    lines = [
        rf"\begin{{tabular}}{{{'l' * len(ahead)}lrl}}",
        " & ".join([*ahead, "score", "value", "interval"]) + r" \\",
        r"\hline",
    ]
    for step, label, row in found:
        cells = [str(step)] * ("step" in ahead) + [latex(label)] * ("class" in ahead)
        cells += [latex(row.name), latex_number(row.value)]
        ends = () if row.interval is None else row.interval
        cells.append(f"[{', '.join(map(latex_number, ends))}]" if ends else "--")
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\end{tabular}"])


def as_github(result: Report | Curve, verdicts: Sequence[Verdict] = ()) -> str:
    """A line a score, then a workflow command for each broken gate and each warning."""
    last = result.last if isinstance(result, Curve) else result
    lines = [f"{row.name} = {number(row.value)}" for row in last.rows]
    broken = [each for each in verdicts if not each.holds]
    lines += [command("error", each.gate.option, each.sentence) for each in broken]
    lines += [command("warning", each.code, each.message) for each in result.warnings]
    return "\n".join(lines)


def as_junit(result: Report | Curve, verdicts: Sequence[Verdict] = ()) -> str:
    """A test case for each gate: passed, failed, or an error where the score is no number."""
    suite = ElementTree.Element(
        "testsuite",
        name="gandiag",
        tests=str(len(verdicts)),
        failures=str(sum(each.holds is False for each in verdicts)),
        errors=str(sum(each.holds is None for each in verdicts)),
    )
    for each in verdicts:
        case = ElementTree.SubElement(suite, "testcase", classname="gandiag", name=each.gate.option)
        if not each.holds:
            kind = "failure" if each.holds is False else "error"
            ElementTree.SubElement(case, kind, message=valid(each.sentence))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, "unicode")


FORMATS: Mapping[str, Format] = {
    "csv": as_csv,
    "latex": as_latex,
    "github": as_github,
    "junit": as_junit,
}
"""What ``--output-format`` may name beside ``table``."""


def _rows(result: Report | Curve) -> Iterator[tuple[int | str, str, Row]]:
    """Step and class, empty where there is none, and the score."""
    if isinstance(result, Curve):
        for step, report in result.points:
            yield from ((step, label, row) for _, label, row in _rows(report))
        return
    yield from (("", "", row) for row in result.rows)
    for label, rows in result.per_class.items():
        yield from (("", label, row) for row in rows)
    yield from (("", "", row) for row in result.class_means)


def latex(text: str) -> str:
    """Text as LaTeX prints it."""
    return text.translate(ESCAPES)


def latex_number(value: float) -> str:
    r"""``$-1.5 \times 10^{-7}$``; a dash for what is no number."""
    if not math.isfinite(value):
        return "--"
    digits, _, exponent = number(value).partition("e")
    power = rf" \times 10^{{{int(exponent)}}}" if exponent else ""
    return f"${digits}{power}$"


def command(kind: str, title: str, message: str) -> str:
    """A workflow command of GitHub's: ``::error title=...::...``."""
    return f"::{kind} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    """A workflow command is one line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def valid(text: str) -> str:
    """Less the control characters that XML has no way to write."""
    return "".join(char for char in text if char >= " " or char in "\t\n")
