"""Tables as a terminal shows them."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

RIGHT = ">"
"""A title that begins with it has its column ranged right; one with `WRAPS` may be wrapped."""
WRAPS = "~"


def table(*titles: str, rows: Iterable[Iterable[str | Text]] = (), gap: int = 2) -> Table:
    """A table without lines.

    Args:
        titles: of the columns; ``>value`` is ranged right, ``~purpose`` may be wrapped.
        rows: the cells, text for text: rich's own markup is not read, for names such as
            ``fd[lite0]`` would be.
        gap: spaces between columns.
    """
    made = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0))
    for title in titles:
        right, wraps = title.startswith(RIGHT), title.startswith(WRAPS)
        name = title[1:] if right or wraps else title
        made.add_column(Text(name), justify="right" if right else "left", no_wrap=not wraps)
    for cells in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
    return made
