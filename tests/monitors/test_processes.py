"""Two processes that train one model agree on rows, alerts and the wish to stop."""

import json
import os
import subprocess
import sys
from pathlib import Path

PART = """
import json, os, sys, torch
sys.path.insert(0, sys.argv[1])
from small_gan import Loop, Rows
torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
loop, sink = Loop(), Rows()
if rank:  # another part of the data, and one broken batch
    loop.rng.manual_seed(9)
with loop.monitor(sinks=[sink], stop_on=["divergence"], run=sys.argv[2]) as monitor:
    rows = []
    spy = {"pathology": "spy", "over": None, "__call__": lambda self, *row: rows.append(row)}
    monitor._judging.detectors = (*monitor._judging.detectors, type("Spy", (), spy)())
    loop.iterate(monitor, steps=15)
    if rank:
        monitor.step(loss_d=float("nan"))
    loop.iterate(monitor, steps=5)
    print(json.dumps([rank, rows, len(sink.rows), len(monitor.alerts), monitor.should_stop]))
torch.distributed.destroy_process_group()
"""


def test_two_processes_agree(tmp_path):
    here = str(Path(__file__).parent)
    environment = {
        **os.environ,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "0",
        "WORLD_SIZE": "2",
        "OMP_NUM_THREADS": "1",
    }
    # A free port, found by the system.
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        environment["MASTER_PORT"] = str(probe.getsockname()[1])
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PART, here, str(tmp_path)],
            env={**environment, "RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [each.communicate(timeout=240) for each in started]
    for each, (_, error) in zip(started, outputs, strict=True):
        assert each.returncode == 0, error
    first, second = sorted(json.loads(out.splitlines()[-1]) for out, _ in outputs)
    assert first[1] == second[1]
    assert [step for step, _ in first[1]] == [10, 20]
    # The largest of both: a batch that broke in one process has broken the run.
    assert first[1][1][1]["nonfinite"] == 1
    assert first[4] is second[4] is True
    # Only the first tells.
    assert (first[2], second[2]) == (2, 0)
