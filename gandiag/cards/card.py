"""A card: a name, and what a person should know of it, for a terminal, a pipe or a notebook."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gandiag.reporting.tables import as_text

Kind = Literal["metric", "warning", "pathology"]
Body = str | tuple[str, ...] | Mapping[str, str]
"""A paragraph, a list, or terms with what they mean."""

WIDEST = 100
"""Columns: longer lines are hard to read."""
PLAIN = 80
"""Columns of a card that is printed without a terminal."""
INDENT = 2
LEAST = 30
"""Columns for what a term means; with fewer it stands below the term."""


@dataclass(frozen=True)
class Card:
    """What `gandiag explain` prints."""

    name: str
    kind: Kind
    title: str
    """A phrase: what the name stands for."""
    sections: Mapping[str, Body]
    """Heading => what is said under it, in order; empty ones are left out."""
    beside: tuple["Card", ...] = ()
    """Other cards of the same name: ``precision`` is a number and a warning."""

    def __str__(self) -> str:
        """As a pipe gets it: plain, wrapped at 80 columns."""
        return as_text(self, PLAIN)

    def __rich__(self) -> RenderableType:
        return Constrain(Group(*self._parts()), WIDEST)

    def _parts(self) -> Iterator[RenderableType]:
        yield Text.assemble((self.name, "bold"), (f"  {self.title} ({self.kind})", "dim"))
        for heading, body in self.sections.items():
            if body:
                yield Text()
                yield Text(heading, style="bold")
                yield Padding(_Shown(body), (0, 0, 0, INDENT))
        for each in self.beside:
            yield Text("\n")
            yield from each._parts()

    def _repr_markdown_(self) -> str:
        """As a notebook shows it."""
        return "\n\n".join(self._markdown())

    def _markdown(self) -> Iterator[str]:
        yield f"## {self.name}\n\n{_escaped(self.title)} ({self.kind})"
        for heading, body in self.sections.items():
            if not body:
                continue
            yield f"**{heading}**"
            if isinstance(body, str):
                yield _escaped(body)
            elif isinstance(body, Mapping):
                yield "\n".join(f"- `{term}`: {_escaped(text)}" for term, text in body.items())
            else:
                yield "\n".join(f"- {_escaped(each)}" for each in body)
        for each in self.beside:
            yield from each._markdown()


@dataclass(frozen=True)
class _Shown:
    """A body, laid out for the columns that there are."""

    body: Body

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if isinstance(self.body, str):
            yield Text(self.body)
        elif isinstance(self.body, Mapping):
            yield from _terms(self.body, options.max_width)
        else:
            yield _grid([("-", each) for each in self.body], gap=1)


def _terms(body: Mapping[str, str], width: int) -> Iterator[RenderableType]:
    longest = max(map(len, body))
    if width - longest - 2 >= LEAST:
        yield _grid(body.items())
        return
    for term, text in body.items():
        yield Text(term)
        yield Padding(Text(text), (0, 0, 0, INDENT))


def _grid(rows: Iterable[tuple[str, str]], gap: int = 2) -> Table:
    grid = Table.grid(padding=(0, gap, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for term, text in rows:
        grid.add_row(Text(term), Text(text))
    return grid


def _escaped(text: str) -> str:
    """Without what Markdown would take for its own: ``E |X - Y|^p`` or ``*``."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#$" else char for char in text)
