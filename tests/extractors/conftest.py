import shutil

import pytest
import torch
import torchvision
from random_inception import write_random_inception


@pytest.fixture(scope="session")
def random_inception(tmp_path_factory):
    """The three forms of one random Inception network, 95 MB each, gone at the end."""
    folder = tmp_path_factory.mktemp("random-inception")
    yield write_random_inception(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def random_vgg16():
    """He weights; the first fully connected layer, 100 million numbers, is one row repeated."""
    with torch.device("meta"):
        shapes = torchvision.models.vgg16().state_dict()
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, like in shapes.items():
        fan_in = like[0].numel()
        if like.numel() > 50_000_000:
            row = torch.randn(1, fan_in, generator=generator) * (2 / fan_in) ** 0.5
            state[name] = row.expand(like.shape)
        else:
            state[name] = torch.randn(like.shape, generator=generator) * (2 / fan_in) ** 0.5
    return state


@pytest.fixture(autouse=True)
def no_weights_of_this_machine(tmp_path, monkeypatch):
    """Whoever has the real weights in torch hub's folder runs the same tests."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
