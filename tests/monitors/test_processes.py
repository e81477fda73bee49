"""Two processes that train one model agree on rows, alerts and the wish to stop."""

import json
import os
import socket
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
sys.stdout.flush()
os._exit(0)  # torch's own threads may abort an orderly end
"""


ALONE = """
import os, sys, torch
from datetime import timedelta
sys.path.insert(0, sys.argv[1])
from small_gan import Loop, Rows
import gandiag
from gandiag.monitors import processes
processes.PATIENCE = timedelta(seconds=3)
torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
loop, sink = Loop(), Rows()
try:
    if rank == 0:  # the habit of logging on the first process alone
        loop.monitor()
except gandiag.GandiagError as error:
    print(error)
if rank == 1:
    with loop.monitor(alone=True, sinks=[sink], stop_on=["divergence"]) as monitor:
        loop.iterate(monitor, steps=20)
        monitor.step(loss_d=float("nan"))
    print([step for step, _ in sink.rows], monitor.should_stop)
torch.distributed.barrier()
torch.distributed.destroy_process_group()
sys.stdout.flush()
os._exit(0)  # torch's own threads may abort an orderly end
"""


def both(part, *arguments):
    """What two processes print, by rank."""
    here = str(Path(__file__).parent)
    environment = {
        **os.environ,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "0",
        "WORLD_SIZE": "2",
        "OMP_NUM_THREADS": "1",
    }
    # A free port, found by the system.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        environment["MASTER_PORT"] = str(probe.getsockname()[1])
    started = [
        subprocess.Popen(
            [sys.executable, "-c", part, here, *arguments],
            env={**environment, "RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        outputs = [each.communicate(timeout=240) for each in started]
    finally:
        for each in started:
            each.kill()
    for each, (_, error) in zip(started, outputs, strict=True):
        assert each.returncode == 0, error
    return [out.splitlines()[-1] for out, _ in outputs]


def test_two_processes_agree(tmp_path):
    first, second = map(json.loads, both(PART, str(tmp_path)))
    assert first[1] == second[1]
    assert [step for step, _ in first[1]] == [10, 20]
    # The largest of both: a batch that broke in one process has broken the run.
    assert first[1][1][1]["nonfinite"] == 1
    assert first[4] is second[4] is True
    # Only the first tells.
    assert (first[2], second[2]) == (2, 0)


def test_a_monitor_on_one_process_alone_is_refused_and_hangs_nothing():
    first, second = both(ALONE)
    assert first == (
        "process 0 makes a Monitor, and process 1 of 2 made none in 3 s; make one on every "
        "process, or give alone=True to watch this process alone"
    )
    # The other says that it is alone: it tells, though it is not the first, and waits for nobody,
    # so that a loss that is not finite is looked at once more at its step.
    assert second == "[10, 20, 20] True"
