import shutil

import pytest
import torch
from random_inception import write_random_inception


@pytest.fixture(scope="session")
def random_inception(tmp_path_factory):
    """The three forms of one random Inception network, 95 MB each, gone at the end."""
    folder = tmp_path_factory.mktemp("random-inception")
    yield write_random_inception(folder)
    shutil.rmtree(folder)


@pytest.fixture
def cpu():
    return torch.device("cpu")


@pytest.fixture(autouse=True)
def no_weights_of_this_machine(tmp_path, monkeypatch):
    """Whoever has the real weights in torch hub's folder runs the same tests."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
