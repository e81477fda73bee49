"""What a style's file says of its loop."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.loops.watching import Watch


@dataclass(frozen=True)
class Case:
    """A loop as it should be, or with one thing broken."""

    broken: str = ""
    """In words, for the table; empty for the loop as it should be."""
    also: tuple[str, ...] = ()
    """Pathologies that are so by what was broken, however the run turns out."""


@dataclass(frozen=True)
class Style:
    """A training loop and what can be broken in it."""

    train: Callable[[str, int, int, Watch], None]
    """(case, steps, seed, watch); it calls `watch` as a reader would call `gandiag.Monitor`."""
    cases: dict[str, Case]
    """By name; one of them is ``healthy``."""
    steps: int = 1500
    """Of the generator, after which the loop as it should be is healthy."""
