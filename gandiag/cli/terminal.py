"""How the command line speaks: tables on standard output, long work on standard error."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def printer() -> Console:
    """Standard output: lines are wrapped for a person, and left whole in a file or a pipe."""
    terminal = Console().is_terminal
    return Console(soft_wrap=not terminal, width=None if terminal else 200, highlight=False)


@contextlib.contextmanager
def bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """``with bar("real: data/", 50_000) as advance: advance(64)``; without a total, a spinner."""
    console = Console(stderr=True)
    # A tuple of columns and not one list for both: a count of nothing (0/?) says nothing.
    counted = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) if total else ()
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), *counted)
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:
        task = progress.add_task(what, total=total)
        yield lambda n: progress.advance(task, n)
