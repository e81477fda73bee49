"""The card of a warning: what is written of its code."""

from typing import NamedTuple

from gandiag.cards.card import Card


class Remark(NamedTuple):
    """What is written of a code."""

    title: str
    seen: str
    why: str
    """Why it misleads, and how far it can move a score."""
    way: str
    """What to do."""
    fires: str
    """An example that brings it about."""
    quiet: str
    """One much like it that does not."""


def card_of(code: str, remark: Remark) -> Card:
    """The remark, laid out."""
    return Card(
        name=code,
        kind="warning",
        title=remark.title,
        sections={
            "What was seen": remark.seen,
            "Why it misleads": remark.why,
            "What to do": remark.way,
            "Examples": {"told of": remark.fires, "not of": remark.quiet},
        },
    )
