"""How the command line speaks: tables on standard output, long work on standard error."""

import codecs
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from time import monotonic

import click
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from gandiag.errors import GandiagError

WIDE = 100_000
"""Columns of a file or a pipe: no line is wrapped, no table is split."""

PATIENCE = 10.0
"""Seconds after which work is long, and is told of where there is no terminal to show a bar."""

PLAIN = str.maketrans("↓↑…±–▁▂▃▄▅▆▇█", "v^~~-_.:-=+*#")
"""What stands for a sign that a code page lacks."""

ERRORS = "gandiag-plain"


def _plainly(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    there = error.object[error.start : error.end].translate(PLAIN)
    return there.encode("ascii", "replace").decode(), error.end


def speak_plainly() -> None:
    """Have standard output write what its code page lacks by signs that every one has."""
    codecs.register_error(ERRORS, _plainly)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=ERRORS)


class Printer(Console):
    """A console that leaves it to `main` what becomes of a closed pipe; rich's own exits with 1."""

    def on_broken_pipe(self) -> None:
        """Called where the error was caught."""
        raise BrokenPipeError


def printer() -> Console:
    """Standard output: lines are wrapped for a person, and left whole in a file or a pipe."""
    terminal = Console().is_terminal
    return Printer(soft_wrap=not terminal, width=None if terminal else WIDE, highlight=False)


def say(*what: RenderableType) -> None:
    """Print on standard output, each on a line of its own; text is printed as it is.

    Raises:
        GandiagError: standard output is closed, or takes no more.
    """
    if sys.stdout is None:
        raise GandiagError("standard output is closed; leave it open, or name a file")
    console = printer()
    try:
        for each in what:
            if isinstance(each, str):
                click.echo(each)
            else:
                console.print(each, crop=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        mute()
        raise GandiagError(
            f"standard output cannot be written: {error.strerror or error}; send it elsewhere"
        ) from error


def mute() -> None:
    """Keep what standard output still holds from being written, and complained of, at the end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """``with bar("real: data/", 50_000) as advance: advance(64)``; without a total, a spinner.

    Where standard error is no terminal, long work of known length is told of in plain lines: one
    when it turns out to be long, and then one at each tenth.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        with _lines(what, total) as advance:
            yield advance
        return
    # A tuple of columns and not one list for both: a count of nothing (0/?) says nothing.
    counted = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) if total else ()
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), *counted)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda n: progress.advance(task, n)


@contextlib.contextmanager
def _lines(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    begun = monotonic()
    done = told = 0

    def advance(n: int) -> None:
        nonlocal done, told
        done += n
        if not total or monotonic() - begun < PATIENCE:
            return
        tenth = 1 + 10 * done // total
        if tenth > told:
            told = tenth
            with contextlib.suppress(OSError):
                click.echo(f"{what}: {done:,} of {total:,}", err=True)

    yield advance
