"""What a person is told: that something is wrong, or that a number could mislead."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class GandiagError(Exception):
    """Bad usage or bad input.

    The message is one sentence that names the file or the argument, says what came, and the way
    out. The command line prints it and exits with code 2; a library user catches it.
    """


@dataclass(frozen=True)
class Warn:
    """Something that could mislead a reader of the numbers."""

    code: str
    """Short and stable, for programs: ``small-sample``."""
    message: str
    """A sentence for people."""


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, if any is; of equals one with the same letters."""
    near = difflib.get_close_matches(name, list(known), n=5)
    turned = (each for each in near if sorted(each.lower()) == sorted(name.lower()))
    return next(turned, next(iter(near), None))


def unknown(what: str, name: object, known: Iterable[str]) -> GandiagError:
    """The sentence for a name that is none of those known: ``there is no metric 'fdi'; ...``."""
    names = list(known)
    near = closest(str(name), names)
    hint = f"did you mean {near}?" if near else f"choose from {', '.join(names)}"
    return GandiagError(f"there is no {what} {name!r}; {hint}")
