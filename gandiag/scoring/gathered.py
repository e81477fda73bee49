"""What is remembered of a set of images: a record, and what it says of itself on disk."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from gandiag.errors import GandiagError, Warn
from gandiag.scoring.looks import Looks
from gandiag.scoring.plan import Want
from gandiag.sources.base import Note
from gandiag.statistics import Bank, Moments, Statistic

Size = tuple[int, ...]
"""(height, width) of an image, (d,) of a point."""


@dataclass(frozen=True)
class Gathered:
    """What a pass over a source remembers."""

    name: str
    n: int | None
    """Images seen; None for published statistics that do not say."""
    statistics: Mapping[Want, Statistic]
    labels: tuple[str, ...] | None = None
    """Class of each row, where the source has them."""
    names: tuple[str, ...] = ()
    """Of each row's image; empty where that is not known."""
    notes: Mapping[str, Note] = field(default_factory=dict)
    sizes: Mapping[Size, int] = field(default_factory=dict)
    """Of an image or a point -> how many there are."""
    looks: Looks | None = None
    """What its pixels amount to; None for points, and where only statistics are known."""
    warnings: tuple[Warn, ...] = ()
    """What was said while it was gathered; not kept on disk."""

    def serve(
        self, extractor: str, layer: str, accepted: Sequence[type[Statistic]]
    ) -> Statistic | None:
        """The first of the accepted kinds that is here, or can be had from the bank of features."""
        for kind in accepted:
            if (found := self.statistics.get(Want(extractor, layer, kind.kind))) is not None:
                return found.labelled(self.labels) if isinstance(found, Bank) else found
        bank = self.statistics.get(Want(extractor, layer, Bank.kind))
        return bank.moments() if Moments in accepted and isinstance(bank, Bank) else None

    def of_class(self, label: str) -> "Gathered":
        """The part with one label, from the banks of features."""
        assert self.labels is not None
        return self.part(torch.tensor([i for i, e in enumerate(self.labels) if e == label]))

    def part(self, index: Tensor) -> "Gathered":
        """Some of the rows, from the banks of features.

        Args:
            index: (count,) int64, which.
        """
        banks = {
            want: Bank.of(bank.rows[index.to(bank.rows.device)])
            for want, bank in self.statistics.items()
            if isinstance(bank, Bank)
        }
        labels = None if self.labels is None else tuple(self.labels[i] for i in index.tolist())
        names = tuple(self.names[i] for i in index.tolist()) if self.names else ()
        some = replace(self, n=len(index), statistics=banks, labels=labels, names=names)
        return replace(some, notes={}, sizes={}, looks=None)

    def to(self, device: torch.device) -> "Gathered":
        """The same on another device."""
        return replace(
            self, statistics={want: each.to(device) for want, each in self.statistics.items()}
        )

    def __add__(self, other: "Gathered") -> "Gathered":
        """Of both sets of images together, under this one's name."""
        assert self.n is not None
        assert other.n is not None
        mine, theirs = _with_moments(self, other), _with_moments(other, self)
        both = self.labels is not None and other.labels is not None
        notes = {
            code: merged(self.notes.get(code), other.notes.get(code))
            for code in {**self.notes, **other.notes}
        }
        return Gathered(
            name=self.name,
            n=self.n + other.n,
            statistics={want: mine[want] + theirs[want] for want in mine if want in theirs},
            labels=(self.labels or ()) + (other.labels or ()) if both else None,
            names=_named(self) + _named(other) if self.names or other.names else (),
            notes=notes,
            sizes=dict(Counter(self.sizes) + Counter(other.sizes)),
            looks=self.looks + other.looks if self.looks and other.looks else None,
        )


def _named(gathered: Gathered) -> tuple[str, ...]:
    """A name a row, and be it none."""
    return gathered.names or ("",) * (gathered.n or 0)


def _with_moments(one: Gathered, other: Gathered) -> dict[Want, Statistic]:
    """Those of `one`, and from its rows the moments that `other` has in the place of rows."""
    found = dict(one.statistics)
    for want in other.statistics:
        bank = one.statistics.get(replace(want, kind=Bank.kind))
        if want.kind == Moments.kind and want not in found and isinstance(bank, Bank):
            found[want] = bank.moments()
    return found


def merged(a: Note | None, b: Note | None) -> Note:
    """What holds of the images of both."""
    if a is None or b is None:
        found = a or b
        assert found is not None
        return found
    return Note(a.count + b.count, a.example, (*a.names, *b.names))


def name_of(want: Want) -> str:
    """The name of a statistic in a file."""
    return f"{want.extractor}/{want.layer}/{want.kind}"


def description(gathered: Gathered) -> dict[str, Any]:
    """All of `gathered` but its statistics, as JSON values."""
    return {
        "name": gathered.name,
        "n": gathered.n,
        "labels": gathered.labels,
        # Of no use without rows.
        "names": gathered.names if any(w.kind == Bank.kind for w in gathered.statistics) else (),
        "notes": {
            code: [note.count, note.example, *note.names] for code, note in gathered.notes.items()
        },
        "sizes": [[*size, count] for size, count in gathered.sizes.items()],
        "looks": gathered.looks.to_list() if gathered.looks is not None else None,
    }


def described(meta: Mapping[str, Any], statistics: Mapping[Want, Statistic]) -> Gathered:
    """The inverse of `description`.

    Raises:
        GandiagError: `meta` does not come from `description`.

    """
    try:
        labels, looks = meta["labels"], meta.get("looks")
        return Gathered(
            name=str(meta["name"]),
            n=None if meta["n"] is None else int(meta["n"]),
            statistics=statistics,
            labels=None if labels is None else tuple(str(label) for label in labels),
            names=tuple(str(each) for each in meta.get("names", ())),
            notes={
                code: Note(int(n), str(example), tuple(str(name) for name in names))
                for code, (n, example, *names) in meta["notes"].items()
            },
            sizes={tuple(map(int, size)): int(n) for *size, n in meta["sizes"]},
            looks=None if looks is None else Looks.restore(looks),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GandiagError(
            "the statistics carry no description that this version of gandiag reads; "
            "make them again with `gandiag stats`"
        ) from error
