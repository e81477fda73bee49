"""What is remembered of a set of images: values with `+`."""

from gandiag.statistics.bank import Bank
from gandiag.statistics.base import Statistic
from gandiag.statistics.checks import NonFiniteRow
from gandiag.statistics.hashes import Hashes
from gandiag.statistics.moments import Moments
from gandiag.statistics.storage import (
    STATISTICS,
    SavedStatistics,
    describe_statistics,
    load_statistics,
    save_statistics,
)

__all__ = [
    "STATISTICS",
    "Bank",
    "Hashes",
    "Moments",
    "NonFiniteRow",
    "SavedStatistics",
    "Statistic",
    "describe_statistics",
    "load_statistics",
    "save_statistics",
]
