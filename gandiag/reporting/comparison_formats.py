"""A comparison for other programs: each a function of it => text."""

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from gandiag.reporting.comparison import Comparison, Difference
from gandiag.reporting.formats import command, latex, latex_number, valid
from gandiag.reporting.report import number

COLUMNS = (
    *("first", "second", "asked", "name", "first_value", "second_value", "difference"),
    *("low", "high", "p", "better", "n_to_tell"),
)
"""Of `as_csv`; what is not known is empty."""


def as_csv(result: Comparison) -> str:
    """A line a difference, all digits; ``better`` is the letter of the better set, or empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(["" if each is None else each for each in line] for line in records(result))
    return text.getvalue().rstrip("\n")


def records(result: Comparison) -> Iterator[tuple[Any, ...]]:
    """The lines of `as_csv`, as values; None for what is not known."""
    for each in result.differences:
        better = {"first": each.first, "second": each.second}.get(each.verdict)
        known = (*each.values, each.difference, each.low, each.high, each.chance)
        cells = (None if e is None or not math.isfinite(e) else e for e in known)
        enough = None if each.enough is None else math.ceil(each.enough)
        yield (each.first, each.second, each.output, each.name, *cells, better, enough)


def as_latex(result: Comparison) -> str:
    """A tabular of values, differences and verdicts; needs no package."""
    lines = [
        r"\begin{tabular}{llrrrll}",
        r"sets & score & first & second & difference & interval & better \\",
        r"\hline",
    ]
    for each in result.differences:
        low, high = each.low, each.high
        ends = "--" if low is None or high is None else ", ".join(map(latex_number, (low, high)))
        better = {"first": each.first, "second": each.second}.get(each.verdict, "--")
        cells = [f"{each.first}, {each.second}", latex(each.name)]
        cells += [latex_number(value) for value in (*each.values, each.difference)]
        lines.append(" & ".join([*cells, ends if ends == "--" else f"[{ends}]", better]) + r" \\")
    return "\n".join([*lines, r"\end{tabular}"])


def as_github(result: Comparison) -> str:
    """A line a difference, then a workflow command where A is worse and for each warning."""
    lines = [f"{letter} = {name}" for letter, name in result.sets.items()]
    lines += [_line(each) for each in result.differences]
    lines += [command("error", f"A is worse by {e.name}", _line(e)) for e in result.worse("A")]
    lines += [command("warning", each.code, each.message) for each in result.warnings]
    return "\n".join(lines)


def as_junit(result: Comparison) -> str:
    """A test case for each difference of A: failed where A is worse, skipped where none is told."""
    cases = [each for each in result.differences if each.first == "A"]
    worse = result.worse("A")
    untold = [each for each in cases if each.verdict == "none"]
    suite = ElementTree.Element(
        "testsuite",
        name="gandiag",
        tests=str(len(cases)),
        failures=str(len(worse)),
        skipped=str(len(untold)),
    )
    for each in cases:
        name = f"{each.name}: A against {each.second}"
        case = ElementTree.SubElement(suite, "testcase", classname="gandiag", name=name)
        if each in worse:
            ElementTree.SubElement(case, "failure", message=valid(_line(each)))
        elif each in untold:
            ElementTree.SubElement(case, "skipped", message=valid(each.words))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, "unicode")


FORMATS: Mapping[str, Callable[[Comparison], str]] = {
    "csv": as_csv,
    "latex": as_latex,
    "github": as_github,
    "junit": as_junit,
}
"""What ``--output-format`` may name beside ``table``."""


def _line(each: Difference) -> str:
    one, other = map(number, each.values)
    ends = "no interval"
    if each.low is not None and each.high is not None:
        ends = f"{number(each.low)} to {number(each.high)}"
    return (
        f"{each.name}: {each.first} {one}, {each.second} {other}, "
        f"difference {number(each.difference)} ({ends}): {each.words}"
    )
