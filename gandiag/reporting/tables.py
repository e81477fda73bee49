"""Tables as a terminal shows them."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

RIGHT = ">"
"""A title that begins with it has its column ranged right; one with `WRAPS` may be wrapped."""
WRAPS = "~"

LEAST = 16
"""Columns of the terminal that a wrapped column has at least."""

Cells = tuple[Text, ...]


@dataclass(frozen=True)
class Sheet:
    """A table without lines whose cells are never cut.

    Where it is wider than the terminal its columns stand in several blocks, one below the other,
    each with the first column before it.
    """

    titles: tuple[str, ...]
    rows: tuple[Cells, ...]
    gap: int = 2

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for index, columns in enumerate(self.blocks(options.max_width)):
            if index:
                yield Text()
            yield self._table(columns, options.max_width)

    def blocks(self, width: int) -> Iterator[Sequence[int]]:
        """The columns that stand beside one another in so wide a terminal."""
        block = [0]
        for column in range(1, len(self.titles)):
            if len(block) > 1 and self._width([*block, column]) > width:
                yield block
                block = [0]
            block.append(column)
        yield block

    def _width(self, columns: Sequence[int]) -> int:
        return sum(map(self._least, columns)) + self.gap * (len(columns) - 1)

    def _least(self, column: int) -> int:
        whole = self._whole(column)
        return min(whole, LEAST) if self.titles[column].startswith(WRAPS) else whole

    def _whole(self, column: int) -> int:
        cells = (Text(_name(self.titles[column])), *(row[column] for row in self.rows))
        return max(cell.cell_len for cell in cells)

    def _table(self, columns: Sequence[int], width: int) -> Table:
        made = Table(box=None, pad_edge=False, padding=(0, self.gap, 0, 0))
        # The first column yields to the numbers of a very narrow terminal.
        narrow = self._width(columns) > width
        for column in columns:
            title = self.titles[column]
            wraps = title.startswith(WRAPS) or (narrow and column == 0)
            made.add_column(
                Text(_name(title)),
                justify="right" if title.startswith(RIGHT) else "left",
                no_wrap=not wraps,
                min_width=None if wraps else self._whole(column),
                overflow="fold",
            )
        for row in self.rows:
            made.add_row(*(row[column] for column in columns))
        return made


def table(*titles: str, rows: Iterable[Iterable[str | Text]] = (), gap: int = 2) -> Sheet:
    """A table without lines.

    Args:
        titles: of the columns; ``>value`` is ranged right, ``~purpose`` may be wrapped.
        rows: the cells, text for text: rich's own markup is not read, for names such as
            ``fd[lite0]`` would be.
        gap: spaces between columns.
    """
    texts = (
        tuple(cell if isinstance(cell, Text) else Text(cell) for cell in cells) for cells in rows
    )
    return Sheet(titles, tuple(texts), gap)


def as_text(shown: RenderableType, width: int = 100) -> str:
    """What a terminal of `width` columns without colours shows."""
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(shown, crop=False)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _name(title: str) -> str:
    return title[1:] if title.startswith((RIGHT, WRAPS)) else title
