"""What every metric takes above its features, as `benchmarks.memory` measured it."""

import subprocess
import sys
from pathlib import Path

import pytest

memory = pytest.importorskip("benchmarks.memory")

linux = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="Linux alone tells a process's memory"
)

WASTEFUL = """
import torch
from benchmarks import memory
from gandiag.metrics import VendiScore

class Wasteful(VendiScore):
    def __call__(self, **statistics):
        torch.ones(128 * 2**20, dtype=torch.uint8)
        return super().__call__(**statistics)

memory.METRICS = {"vendi": Wasteful}
print(memory.measure("vendi", 500))
"""
"""A score that takes 128 MiB and lets them go."""


@linux
def test_what_is_let_go_counts_too():
    """In a process of its own, as scores are: what others let go is taken first, unseen."""
    ran = subprocess.run(
        [sys.executable, "-c", WASTEFUL], capture_output=True, text=True, cwd=memory.ROOT
    )
    # The score itself takes 16 KiB a row, the allocator's rest some MiB.
    assert 0.12 < float(ran.stdout) < 0.3, ran.stderr


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
