"""The card of a metric: what is written of it, and what its class and the protocols say."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gandiag.cards.card import Card
from gandiag.cards.papers import Paper


@dataclass(frozen=True)
class Note:
    """What is written of a metric."""

    title: str
    what: str
    how: str
    """In plain text: no symbol that a terminal lacks."""
    outputs: Mapping[str, str]
    """Each of its numbers => what it is, its unit and its range."""
    catches: str
    misses: str
    bias: str
    """What the number of images does to it."""
    interval: str
    """Which sets it takes as drawn anew, and when there is none."""
    read: str
    """What a perfect sampler has, and what to compare with."""
    papers: tuple[Paper, ...]
    also: tuple[str, ...] = ()
    """Further names that lead here: those on other features, of protocols, of single samples."""


def card_of(key: str, note: Note) -> Card:
    """The note, with which way is better, parameters and protocols as the code has them."""
    # Imported here, for torch takes seconds, and cards of warnings need none.
    from gandiag.metrics import METRICS

    kind = METRICS[key]
    better = {name: f"{note.outputs[name]} Better: {way}." for name, way in kind.outputs.items()}
    return Card(
        name=key,
        kind="metric",
        title=note.title,
        sections={
            "What it is": note.what,
            "How it is computed": note.how,
            "What it gives": better,
            "What it catches": note.catches,
            "What it misses": note.misses,
            "Bias": note.bias,
            "Interval": note.interval,
            "How to read it": note.read,
            "Parameters": dict(_parameters(kind)),
            "Protocols": _protocols(kind),
            "Literature": tuple(map(str, note.papers)),
        },
    )


def _parameters(kind: type) -> Iterator[tuple[str, str]]:
    """Name => default; those that a call sets for itself are left out."""
    for each in dataclasses.fields(kind):
        if each.repr:
            yield each.name, f"{each.default!r}"


def _protocols(kind: type) -> dict[str, str]:
    """As what it is computed => the protocols that do; the defaults first."""
    from gandiag.scoring.protocols import PROTOCOLS

    found: dict[str, list[str]] = {}
    for protocol in PROTOCOLS.values():
        for name, metric in protocol.metrics.items():
            if type(metric) is kind:
                changed = _changed(metric)
                found.setdefault(f"{name}({changed})" if changed else name, []).append(
                    protocol.name
                )
    return {spelt: ", ".join(protocols) for spelt, protocols in found.items()}


def _changed(metric: object) -> str:
    """The parameters that are not the defaults: ``k=3, tie='<'``."""
    assert dataclasses.is_dataclass(metric)
    return ", ".join(
        f"{each.name}={_spelt(getattr(metric, each.name))}"
        for each in dataclasses.fields(metric)
        if each.repr and getattr(metric, each.name) != each.default
    )


def _spelt(value: object) -> str:
    """Its repr without what is at its default: ``Subsets(seed=0)``."""
    if dataclasses.is_dataclass(value):
        return f"{type(value).__name__}({_changed(value)})"
    return repr(value)
