"""Alerts and reports of the monitor as HTML for a notebook: no scripts, any theme."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gandiag.monitors.alerts import Alert
    from gandiag.monitors.report import Line

COLOURS = {
    "INFO": "#2f7fd1",
    "WARN": "#b7791f",
    "ERROR": "#dc2626",
    "ok": "#15883e",
    "alerting": "#dc2626",
    "inactive": "#808080",
}
"""Of the line below a word, seen on white and on black; no colour of words is read on both."""
CELL = "text-align:left;padding:.2em .8em .2em 0;border-bottom:1px solid #8888;background:none"


def of_alert(alert: "Alert") -> str:
    """What set in and when, its numbers, its causes and all that may be tried; escaped."""
    numbers = {alert.signal: alert.value, "threshold": alert.threshold, **alert.evidence}
    colour = COLOURS.get(alert.level, COLOURS["inactive"])
    when = f"at step {alert.step:,}, since {alert.since:,}"
    parts = [
        f"<div>{_word(alert.level)} <b>{escape(alert.pathology)}</b> {when}</div>",
        f"<div>{', '.join(f'{escape(name)} {value:.3g}' for name, value in numbers.items())}</div>",
        *_listed("Usual causes", alert.causes),
        *_listed("What to try", alert.remedies),
    ]
    style = f"border-left:4px solid {colour};padding:.1em .8em;margin:.4em 0"
    return f'<div style="{style}">{"".join(parts)}</div>'


def of_report(lines: "Sequence[Line]", notes: Sequence[str]) -> str:
    """A row for each pathology, and the notes below; escaped."""
    head = "".join(f'<th style="{CELL}">{each}</th>' for each in ("pathology", "status", "detail"))
    rows = "".join(
        f'<tr><td style="{CELL}">{escape(line.pathology)}</td>'
        f'<td style="{CELL}">{_word(line.status)}</td>'
        f'<td style="{CELL}">{escape(line.detail)}</td></tr>'
        for line in lines
    )
    told = "".join(f'<p style="margin:.4em 0">note: {escape(note)}</p>' for note in notes)
    return (
        '<div><div style="overflow-x:auto"><table style="border-collapse:collapse">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{told}</div>"
    )


def _word(of: str) -> str:
    colour = COLOURS.get(of, COLOURS["inactive"])
    return f'<span style="border-bottom:2px solid {colour};font-weight:bold">{escape(of)}</span>'


def _listed(title: str, entries: Sequence[str]) -> Iterable[str]:
    if entries:
        items = "".join(f"<li>{escape(each)}</li>" for each in entries)
        yield f'<div>{title}:</div><ul style="margin:.1em 0">{items}</ul>'
