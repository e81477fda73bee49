"""One tool's turn at a work, in this process."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.memory import held
from benchmarks.speed.works import WORKS


def measure(work: str, tool: str) -> dict[str, Any]:
    """Seconds and GiB of the work itself, and what came out.

    Processor seconds are those of this process and of the processes that it made and waited for.
    """
    given = WORKS[work].given()
    run = WORKS[work].tools[tool]()
    Path("/proc/self/clear_refs").write_text("5")  # the most is counted from here
    before = held("VmRSS")
    clocks = tuple(_clocks())
    values = run(*given)
    wall, processor = (b - a for a, b in zip(clocks, _clocks(), strict=True))
    peak = held("VmHWM")
    return {
        "wall": round(wall, 3),
        "processor": round(processor, 3),
        "peak": round(peak, 3),
        "above": round(peak - before, 3),
        "values": dict(values),
    }


def _clocks() -> Iterator[float]:
    times = os.times()
    yield time.perf_counter()
    yield times.user + times.system + times.children_user + times.children_system
