"""What every metric takes above its features, as `benchmarks.memory` measured it."""

import dataclasses
import gc
from pathlib import Path

import pytest
import torch

from gandiag.metrics import VendiScore

memory = pytest.importorskip("benchmarks.memory")

linux = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="Linux alone tells a process's memory"
)


@dataclasses.dataclass(frozen=True)
class Wasteful(VendiScore):
    """It takes 128 MiB and lets them go."""

    def __call__(self, **statistics):
        torch.ones(128 * 2**20, dtype=torch.uint8)
        return super().__call__(**statistics)


@linux
def test_what_is_let_go_counts_too(monkeypatch):
    monkeypatch.setattr(memory, "METRICS", {"vendi": Wasteful})
    gc.collect()  # else what earlier tests left may be let go in between, and hide it
    # The score itself takes 16 KiB a row, the allocator's rest some MiB.
    assert 0.12 < memory.measure("vendi", 500) < 0.3


def test_every_row_is_below_the_limit():
    rows = memory.read()
    assert rows, "made by other code: python -m benchmarks.memory"
    for row in rows:
        assert row["rows"] == memory.ROWS
        assert row["gib"] < memory.LIMIT, row["metric"]


def test_the_table_names_what_is_above():
    rows = [{"metric": "fid", "gib": 0.26}, {"metric": "emd", "gib": 4.5}]
    *_, first, second = memory.table(rows)
    assert first == "| `emd` | 4.5 (above the limit) |"
    assert second == "| `fid` | 0.3 |"
