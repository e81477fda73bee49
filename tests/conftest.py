"""Every test has a cache of its own, and leaves the global random state as it found it."""

import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import gandiag.scoring  # noqa: F401  (some of what it imports draws from `random`, once)

# Benchmarks are in the checkout alone, and so is what tests them.
if not (Path(__file__).parents[1] / "benchmarks").is_dir():
    collect_ignore = ["test_detection_benchmark.py", "test_loops_benchmark.py"]

# Under pytest-xdist the processes share the cores; alone, one process may use them all.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANDIAG_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GANDIAG_WEIGHTS", raising=False)
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def global_randomness_is_untouched():
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    yield
    assert random.getstate() == before[0]
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[2])


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command line in this process: ``code, out, err = run("score", ...)``."""
    from gandiag.cli import main

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["gandiag", *map(str, args)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return run
