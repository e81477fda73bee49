"""Statistics on disk, keyed by content: the same images through the same network are read once.

An entry is one statistic of one source. Its key is a digest of the source's content, of what pins
the extractor's numbers (weights, resize, normalisation, precision) and of the layer and kind. Only
sets that are scored against again and again are kept, that is real images: generated ones come and
go, and would fill the disk.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gandiag.errors import GandiagError
from gandiag.files import cache_folder
from gandiag.scoring.gather import Gathered, Want
from gandiag.sources.base import Note
from gandiag.statistics import SavedStatistics, Statistic, load_statistics, save_statistics

FORMAT = 1
"""Raise it when a statistic's meaning changes, so that no stale entry is read."""


@dataclass(frozen=True)
class StatisticsCache:
    """A folder of statistics."""

    folder: Path

    @classmethod
    def default(cls) -> "StatisticsCache":
        """In the user's cache folder (``GANDIAG_CACHE`` moves it)."""
        return cls(cache_folder() / "statistics")

    def path(self, fingerprint: str, pins: Mapping[str, str], want: Want) -> Path:
        """Where the entry for `want` of the source with `fingerprint` lies."""
        key = json.dumps(
            [FORMAT, fingerprint, dict(sorted(pins.items())), want.layer, want.kind],
            sort_keys=True,
        )
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.npz"

    def load(
        self, fingerprint: str, pins: Mapping[str, Mapping[str, str]], wants: Collection[Want]
    ) -> Gathered | None:
        """All of `wants`, or None when one is missing or cannot be read."""
        gathered: Gathered | None = None
        statistics: dict[Want, Statistic] = {}
        for want in wants:
            path = self.path(fingerprint, pins.get(want.extractor, {}), want)
            try:
                saved = load_statistics(path)
            except (GandiagError, OSError):
                return None
            gathered = described(saved.meta, statistics)
            statistics[want] = next(iter(saved.statistics.values()))
        return gathered

    def store(
        self, fingerprint: str, pins: Mapping[str, Mapping[str, str]], gathered: Gathered
    ) -> None:
        """Write an entry for each statistic.

        Raises:
            GandiagError: the disk is full, or the folder cannot be written.

        """
        for want, statistic in gathered.statistics.items():
            path = self.path(fingerprint, pins.get(want.extractor, {}), want)
            if not path.exists():
                key = f"{want.extractor}/{want.layer}/{want.kind}"
                save_statistics(path, SavedStatistics({key: statistic}, description(gathered)))


def description(gathered: Gathered) -> dict[str, Any]:
    """All of `gathered` but its statistics, as JSON values."""
    return {
        "name": gathered.name,
        "n": gathered.n,
        "labels": gathered.labels,
        "notes": {
            code: [note.count, note.example, *note.names] for code, note in gathered.notes.items()
        },
        "sizes": dict(gathered.sizes),
    }


def described(meta: Mapping[str, Any], statistics: Mapping[Want, Statistic]) -> Gathered:
    """The inverse of `description`.

    Raises:
        GandiagError: `meta` does not come from `description`.

    """
    try:
        labels = meta["labels"]
        return Gathered(
            name=str(meta["name"]),
            n=None if meta["n"] is None else int(meta["n"]),
            statistics=statistics,
            labels=None if labels is None else tuple(str(label) for label in labels),
            notes={
                code: Note(int(n), str(example), tuple(str(name) for name in names))
                for code, (n, example, *names) in meta["notes"].items()
            },
            sizes={str(size): int(n) for size, n in meta["sizes"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GandiagError(
            "the statistics carry no description that this version of gandiag reads; "
            "make them again with `gandiag stats`"
        ) from error
