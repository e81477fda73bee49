"""Two processes are one, with half of each batch."""

import os
import socket
import subprocess
import sys

import torch

from reference_models import checkpoints
from reference_models.generator import load
from reference_models.recipe import Recipe, replace, to_json
from reference_models.train import train
from reference_models.trainer import prepare

SCRIPT = """
import sys, torch
torch.set_num_threads(1)
from reference_models.recipe import from_json
from reference_models.train import train

recipe = from_json(open(sys.argv[1]).read(), "recipe")
train(recipe, out=sys.argv[2], checkpoint_every=10, resume=True)
"""


def test_two_processes_train_as_one(tmp_path):
    # Without batch norm a batch has no statistics that its halves lack. SGD, since Adam makes an
    # update out of the rounding of a gradient near 0.
    recipe = replace(
        Recipe("shared", "ring8"),
        latent=4,
        width_g=16,
        width_d=16,
        norm_d="spectral",
        loss="hinge",
        optimizer="sgd",
        beta1=0.0,
        lr_g=0.05,
        lr_d=0.05,
        batch=32,
        accumulate=2,
        steps=20,
    )
    (tmp_path / "recipe.json").write_text(to_json(recipe))
    (tmp_path / "script.py").write_text(SCRIPT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--nnodes=1"]
    launch += [f"--master_port={port}", "--master_addr=127.0.0.1", str(tmp_path / "script.py")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])}
    environment |= {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [*launch, str(tmp_path / "recipe.json"), str(tmp_path / "two")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(checkpoints.find(tmp_path / "two")) == 2
    train(recipe, out=tmp_path / "one")
    one, two = (load(tmp_path / name).network.state_dict() for name in ("one", "two"))
    start = prepare(recipe).generator.state_dict()
    for name, value in one.items():
        # Sums in another order: rounding of 1e-7, through 20 steps.
        torch.testing.assert_close(value, two[name], rtol=1e-4, atol=1e-5, msg=name)
    moved = max(float((one[name] - start[name]).abs().max()) for name in one)
    assert moved > 0.01  # far more than the tolerance
