"""What a monitor holds of large images, counted in bytes."""

import weakref
from collections import Counter

import pytest
import torch
from small_gan import Rows
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.data import DataLoader, Dataset

import gandiag

SIDE = 256
MIB = 1 << 20


class Held(TorchDispatchMode):
    """Bytes of the tensors that operations gave and somebody still holds."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self._sizes, self._holders = {}, Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for each in tree_leaves(out):
            if isinstance(each, Tensor):
                self._take(each)
        return out

    def _take(self, tensor):
        storage = tensor.untyped_storage()
        key = storage.data_ptr()
        if not self._holders[key]:
            self._sizes[key] = storage.nbytes()
            self.now += storage.nbytes()
        self._holders[key] += 1
        weakref.finalize(tensor, self._drop, key)
        self.peak = max(self.peak, self.now)

    def _drop(self, key):
        self._holders[key] -= 1
        if not self._holders[key]:
            self.now -= self._sizes[key]


class Photographs(Dataset):
    """Large images that are made when they are read."""

    def __init__(self, count):
        self.count, self.read = count, []

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        self.read.append(i)
        return torch.full((3, SIDE, SIDE), 2 * (i % 97) / 97 - 1)


class Small:
    """Networks of next to nothing, for images of 256 x 256."""

    def __init__(self):
        with torch.random.fork_rng(devices=[]):
            self.G, self.D = nn.Linear(2, 3), nn.Linear(3, 1)
        self.opt_g = torch.optim.SGD(self.G.parameters(), 0.1)
        self.opt_d = torch.optim.SGD(self.D.parameters(), 0.1)

    def sampler(self, n, rng):
        x = self.G(torch.randn(n, 2, generator=rng)).tanh()
        return x[:, :, None, None].expand(-1, -1, SIDE, SIDE)

    def judge(self, x):
        return self.D(x.mean((2, 3)))


KINDS = {
    "loader": lambda n: DataLoader(Photographs(n), 32, shuffle=True),
    "function": lambda n: (
        lambda k, rng: torch.rand(k, 3, 1, 1, generator=rng).expand(-1, -1, SIDE, SIDE).clone()
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_large_images_are_held_a_few_at_once(kind):
    small, sink = Small(), Rows()
    with Held() as held:
        monitor = gandiag.Monitor(
            small.G,
            small.D,
            opt_g=small.opt_g,
            opt_d=small.opt_d,
            sampler=small.sampler,
            real=KINDS[kind](2000),
            heldout=KINDS[kind](2000),
            discriminator=small.judge,
            every=1,
            sinks=[sink],
        )
        constructed = held.peak
        for _ in range(2):
            small.opt_d.step()
            small.opt_g.step()
            scores = torch.zeros(8)
            monitor.step(d_real=scores, d_fake=scores)
    # 4,000 images are 2.9 GiB.
    assert constructed < 256 * MIB
    # A check makes a few more, and keeps few of them.
    assert held.peak < 320 * MIB
    assert held.now < 160 * MIB
    assert "auc_train_heldout" in sink.rows[0][1]
    monitor.close()


def test_no_image_is_read_that_is_not_needed():
    small, data = Small(), Photographs(5000)
    gandiag.Monitor(
        small.G,
        small.D,
        opt_g=small.opt_g,
        opt_d=small.opt_d,
        sampler=small.sampler,
        real=data,
        discriminator=small.judge,
        sinks=(),
    ).close()
    assert len(data.read) == len(set(data.read)) == 1024
