"""How the command line speaks: tables on standard output, long work on standard error."""

import codecs
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any, TypeVar

import click
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from gandiag.errors import GandiagError

WIDE = 100_000
"""Columns of a file or a pipe: no line is wrapped, no table is split."""

PATIENCE = 10.0
"""Seconds after which work is long, and is told of where there is no terminal to show a bar."""

PLAIN = str.maketrans("↓↑…±–▁▂▃▄▅▆▇█", "v^~~-_.:-=+*#")
"""What stands for a sign that a code page lacks."""

ERRORS = "gandiag-plain"

QUIET = "gandiag.quiet"
"""Where a context keeps that progress is not wanted."""

F = TypeVar("F", bound=Callable[..., Any])


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


def quietly() -> Callable[[F], F]:
    """Add ``--quiet``."""
    return click.option(
        "-q",
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=_be_quiet,
        help="Show no progress; warnings and errors are told all the same.",
    )


def _be_quiet(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    ctx.meta[QUIET] = value


def is_quiet() -> bool:
    """Whether the command was asked to show no progress."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(QUIET))


class Rate(ProgressColumn):
    """``35/s``, or ``12/min`` of what is slow."""

    def render(self, task: Task) -> Text:
        """Of the last half minute, as rich has it."""
        return Text("" if task.speed is None else rate(task.speed), style="progress.data.speed")


def rate(speed: float) -> str:
    """Of so many a second: ``1,234/s``, ``3.5/s``, ``12/min``."""
    if speed >= 10:
        return f"{speed:,.0f}/s"
    return f"{speed:.1f}/s" if speed >= 1 else f"{60 * speed:.3g}/min"


@contextlib.contextmanager
def bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """``with bar("real: data/", 50_000) as advance: advance(64)``; without a total, a spinner.

    Where standard error is no terminal, long work of known length is told of in plain lines: one
    when it turns out to be long, and then one at each tenth. With ``--quiet`` there is nothing.
    """
    console = Console(stderr=True)
    if is_quiet():
        yield lambda n: None
        return
    if not console.is_terminal:
        with _lines(what, total) as advance:
            yield advance
        return
    # A tuple of columns and not one list for both: a count of nothing (0/?) says nothing.
    counted = (BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn()) if total else ()
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), *counted)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda n: progress.advance(task, n)


@contextlib.contextmanager
def transfer(what: str) -> Iterator[Callable[[int, int], None]]:
    """``with transfer("inception") as tell: tell(bytes_so_far, bytes_in_all)``, as `bar` does."""
    console = Console(stderr=True)
    if is_quiet():
        yield lambda done, total: None
        return
    if not console.is_terminal:
        told = _Lines(what)
        yield lambda done, total: told.at(done >> 20, total >> 20, " MiB")
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    speed = (TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, *speed, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextlib.contextmanager
def _lines(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    told = _Lines(what)
    done = 0

    def advance(n: int) -> None:
        nonlocal done
        done += n
        told.at(done, total)

    yield advance


class _Lines:
    """A line when work turns out to be long, and then at each tenth."""

    def __init__(self, what: str):
        self.what, self.begun, self.tenth = what, monotonic(), 0

    def at(self, done: int, total: int | None, unit: str = "") -> None:
        """So much is done."""
        spent = monotonic() - self.begun
        if not total or not done or spent < PATIENCE:
            return
        tenth = 1 + 10 * done // total
        if tenth <= self.tenth:
            return
        self.tenth = tenth
        left = spent * (total - done) / done
        with contextlib.suppress(OSError):
            click.echo(
                f"{self.what}: {done:,} of {total:,}{unit}, {rate(done / spent)}, "
                f"{duration(left)} left",
                err=True,
            )


def duration(seconds: float) -> str:
    """``45s``, ``3min``, ``2.5h``: a word, so that no line ends within it."""
    if seconds < 120:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}min" if seconds < 7200 else f"{seconds / 3600:.1f}h"
