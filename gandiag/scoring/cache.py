"""Statistics on disk, keyed by content: the same images through the same network are read once.

An entry is one statistic of one source. Its key is a digest of the source's content, of what pins
the extractor's numbers (weights, resize, normalisation, precision) and of the layer and kind. Only
sets that are scored against again and again are kept, that is real images: generated ones come and
go, and would fill the disk. Of these as many as have room; those that were not used for longest
go first.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gandiag.errors import GandiagError
from gandiag.files import cache_folder
from gandiag.scoring.gathered import Gathered, described, description, name_of
from gandiag.scoring.plan import Want
from gandiag.statistics import SavedStatistics, Statistic, load_statistics, save_statistics

FORMAT = 2
"""Raise it when a statistic's meaning changes, so that no stale entry is read."""


LIMIT = 20.0
"""GiB that all entries may take, unless ``GANDIAG_CACHE_GIB`` says another number."""


@dataclass(frozen=True)
class Entry:
    """One statistic of one source, in a file of its own."""

    path: Path
    size: int
    """Bytes."""
    used: float
    """When it was last stored or read, in seconds since 1970."""


def limit() -> float:
    """Bytes that all entries may take.

    Raises:
        GandiagError: ``GANDIAG_CACHE_GIB`` is no number of at least 0.
    """
    said = os.environ.get("GANDIAG_CACHE_GIB", "")
    try:
        gib = float(said or LIMIT)
    except ValueError:
        gib = -1.0
    if not gib >= 0:
        raise GandiagError(
            f"GANDIAG_CACHE_GIB is {said!r}; it must be a number of GiB, 0 to keep nothing"
        )
    return gib * 2**30


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
                path.touch()
                gathered = described(saved.meta, statistics)
                statistics[want] = saved.statistics[name_of(want)]
            except (GandiagError, OSError, KeyError):
                return None
        return gathered

    def store(
        self, fingerprint: str, pins: Mapping[str, Mapping[str, str]], gathered: Gathered
    ) -> None:
        """Write an entry for each statistic, and let go what there is no more room for.

        Raises:
            GandiagError: the disk is full, or the folder cannot be written.

        """
        room = limit()
        meta = description(replace(gathered, names=()))  # those of real images are not asked for
        for want, statistic in gathered.statistics.items():
            path = self.path(fingerprint, pins.get(want.extractor, {}), want)
            # Over what is there: it may be damaged, or this would not have been gathered.
            saved = SavedStatistics({name_of(want): statistic}, meta)
            save_statistics(path, saved)
        self.shrink(room)

    def entries(self) -> list[Entry]:
        """All there are, the one that was used last first."""
        return sorted(self._entries(), key=lambda entry: -entry.used)

    def shrink(self, room: float) -> list[Entry]:
        """Remove entries, those first that were not used for longest, until all take `room` bytes.

        Another process may be at the same: what is gone already is as good as removed.

        Returns:
            What was removed.
        """
        entries = self.entries()
        total, gone = sum(entry.size for entry in entries), []
        while entries and total > room:
            entry = entries.pop()
            entry.path.unlink(missing_ok=True)
            total -= entry.size
            gone.append(entry)
        return gone

    def _entries(self) -> Iterator[Entry]:
        for path in self.folder.glob("*.npz"):
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                yield Entry(path, stat.st_size, stat.st_mtime)
