"""What a terminal shows, as HTML for a notebook: no scripts, no styles but its own, any theme."""

from collections.abc import Iterator
from html import escape

from rich.console import Console, Group, RenderableType
from rich.style import Style
from rich.text import Text

from gandiag.reporting.tables import RIGHT, WRAPS, Sheet

COLOURS = {"green": "#15883e", "red": "#dc2626", "yellow": "#b7791f", "cyan": "#0e86a4"}
"""Of lines below words, seen on white and on black; no colour of words would be read on both."""
CELL = "padding:.2em .8em .2em 0;border-bottom:1px solid #8888;background:none"


def as_html(shown: RenderableType) -> str:
    """Tables as tables and text as paragraphs; all of it is escaped.

    Args:
        shown: a table, a text, a group of these, or what has one of them as its ``__rich__``.

    Raises:
        TypeError: it is anything else.
    """
    return f"<div>{''.join(_parts(shown))}</div>"


def _parts(shown: RenderableType) -> Iterator[str]:
    if isinstance(shown, Sheet):
        yield _table(shown)
    elif isinstance(shown, Text):
        if shown.plain.strip():
            yield f'<p style="margin:.4em 0;white-space:pre-line">{_text(shown).strip()}</p>'
    elif isinstance(shown, Group):
        for each in shown.renderables:
            yield from _parts(each)
    elif hasattr(shown, "__rich__"):
        yield from _parts(shown.__rich__())
    else:
        raise TypeError(f"{type(shown).__name__} is no table and no text")


def _table(sheet: Sheet) -> str:
    sides = ["right" if each.startswith(RIGHT) else "left" for each in sheet.titles]
    titles = [escape(each.lstrip(RIGHT + WRAPS)) for each in sheet.titles]
    head = "".join(
        f'<th style="text-align:{side};{CELL}">{title}</th>'
        for side, title in zip(sides, titles, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align:{side};{CELL}">{_text(cell)}</td>'
            for side, cell in zip(sides, row, strict=True)
        )
        + "</tr>"
        for row in sheet.rows
    )
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _text(text: Text) -> str:
    segments = text.render(Console(color_system=None))
    return "".join(_styled(segment.text, segment.style) for segment in segments)


def _styled(text: str, style: Style | None) -> str:
    rules = []
    if style is not None and style.color is not None:
        rules.append(f"border-bottom:2px solid {COLOURS[style.color.name]}")
    if style is not None and style.bold:
        rules.append("font-weight:bold")
    if style is not None and style.dim:
        rules.append("opacity:.75")
    inside = escape(text)
    return f'<span style="{";".join(rules)}">{inside}</span>' if rules else inside
