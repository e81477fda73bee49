"""Statistics on disk, keyed by content: the same images through the same network are read once.

An entry is one statistic of one source. Its key is a digest of the source's content, of what pins
the extractor's numbers (weights, resize, normalisation, precision) and of the layer and kind. Only
sets that are scored against again and again are kept, that is real images: generated ones come and
go, and would fill the disk.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gandiag.errors import GandiagError
from gandiag.files import cache_folder
from gandiag.scoring.gathered import Gathered, described, description, name_of
from gandiag.scoring.plan import Want
from gandiag.statistics import SavedStatistics, Statistic, load_statistics, save_statistics

FORMAT = 2
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
                gathered = described(saved.meta, statistics)
                statistics[want] = saved.statistics[name_of(want)]
            except (GandiagError, OSError, KeyError):
                return None
        return gathered

    def store(
        self, fingerprint: str, pins: Mapping[str, Mapping[str, str]], gathered: Gathered
    ) -> None:
        """Write an entry for each statistic.

        Raises:
            GandiagError: the disk is full, or the folder cannot be written.

        """
        meta = description(replace(gathered, names=()))  # those of real images are not asked for
        for want, statistic in gathered.statistics.items():
            path = self.path(fingerprint, pins.get(want.extractor, {}), want)
            # Over what is there: it may be damaged, or this would not have been gathered.
            saved = SavedStatistics({name_of(want): statistic}, meta)
            save_statistics(path, saved)
