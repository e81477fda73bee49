"""What ``--json`` and `to_json` wrote, read again."""

import contextlib
import json
import math
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from gandiag.errors import GandiagError, Warn

SCHEMA = 1
"""Of what is written; no other is read."""


def parsed(given: "str | PathLike[str]", command: str) -> tuple[str, Mapping[str, Any]]:
    """A file, or JSON itself => what to call it, and its object.

    Args:
        given: a path; a text that begins with ``{`` is no path.
        command: that writes such a file.

    Raises:
        GandiagError: it cannot be read, is no JSON, or of another schema.
    """
    name, text = "the JSON", str(given)
    if not (isinstance(given, str) and given.lstrip().startswith("{")):
        name = str(given)
        try:
            text = Path(given).expanduser().read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise GandiagError(f"{name} is no JSON; give what `{command}` wrote") from error
        except (OSError, ValueError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise GandiagError(
                f"cannot read {name}: {reason}; give what `{command}` wrote"
            ) from error
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GandiagError(f"{name} is no JSON; give what `{command}` wrote") from error
    schema = whole.get("schema") if isinstance(whole, dict) else None
    if schema != SCHEMA:
        raise GandiagError(
            f"{name} is of schema {schema} and this version reads {SCHEMA}; "
            f"make it again with `{command}`"
        )
    return name, whole


@contextlib.contextmanager
def understood(name: str, command: str) -> Iterator[None]:
    """Turn what is missing from `name`, or of another type, into a sentence."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GandiagError(
            f"{name} is nothing that `{command}` wrote ({type(error).__name__}: {error}); "
            "make it again"
        ) from error


def number(value: Any) -> float:
    """A number; NaN for null, which stands for what is none.

    Raises:
        TypeError: it is anything else.
    """
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return value


def maybe(value: Any) -> float | None:
    """The same; None for null."""
    return None if value is None else number(value)


def count(value: Any) -> int | None:
    """A whole number or null.

    Raises:
        TypeError: it is anything else.
    """
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise TypeError(f"{value!r} is no count")
    return value


def text(value: Any) -> str:
    """A text.

    Raises:
        TypeError: it is anything else.
    """
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def better(value: Any) -> Any:
    """``lower`` or ``higher``.

    Raises:
        ValueError: it is anything else.
    """
    if value not in ("lower", "higher"):
        raise ValueError(f"{value!r} is neither lower nor higher")
    return value


def warn(each: Mapping[str, Any]) -> Warn:
    """A warning."""
    return Warn(text(each["code"]), text(each["message"]))


def provenance(whole: Mapping[str, Any]) -> dict[str, Any]:
    """As it was: the range of values is a pair again, and not a list."""
    found = dict(whole)
    if isinstance(found.get("value_range"), list):
        found["value_range"] = tuple(found["value_range"])
    return found
