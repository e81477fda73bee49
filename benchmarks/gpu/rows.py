"""What a check found: a row, and also where it failed."""

from collections.abc import Callable, Mapping
from typing import Any

Row = dict[str, Any]


def tried(facts: Mapping[str, Any], measure: Callable[[], Row]) -> Row:
    """`facts` with what `measure` finds, or with the error that it ends in.

    A card is lent for minutes: what one check runs into does not take the others along.
    """
    try:
        return {**facts, **measure()}
    except Exception as error:  # whatever a device does not do
        text = str(error).strip() or "no message"
        return {**facts, "error": f"{type(error).__name__}: {text.splitlines()[0]}"}


def judged(facts: Mapping[str, Any], difference: float, tolerance: float) -> Row:
    """A difference and whether it is one that was declared."""
    return {
        **facts,
        "difference": difference,
        "tolerance": tolerance,
        "within": difference <= tolerance,
    }


def failed(row: Row) -> bool:
    """Whether it ended in an error, or is outside its tolerance."""
    return "error" in row or row.get("within") is False
