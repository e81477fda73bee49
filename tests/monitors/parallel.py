"""Runs a program in two processes that talk by gloo."""

import os
import socket
import subprocess
import sys
from pathlib import Path


def together(program, *arguments, timeout=240):
    """What each of the processes printed last; the program finds `tests/monitors` on its path."""
    with socket.socket() as probe:  # a free port, found by the system
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    here = str(Path(__file__).parent)
    path = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    world = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            env={
                **os.environ,
                **world,
                "PYTHONPATH": path,
                "OMP_NUM_THREADS": "1",
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [each.communicate(timeout=timeout) for each in started]
    for each, (_, error) in zip(started, outputs, strict=True):
        assert each.returncode == 0, error
    return [out.splitlines()[-1] for out, _ in outputs]
