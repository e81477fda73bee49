"""Random states, other networks and the user's storage are left as they were."""

import random
import subprocess
import sys

import numpy as np
import torch
from small_gan import Loop, Rows
from torch import nn

from gandiag.monitors.probing import undisturbed

IMPORTS = """
import random, numpy as np, torch
random.seed(1); np.random.seed(2); torch.manual_seed(3)
before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
import gandiag
G, D = nn = torch.nn.Linear(2, 20, device="meta").to_empty(device="cpu"), torch.nn.Linear(20, 1)
state = torch.get_rng_state()
real = torch.rand(64, 20, generator=torch.Generator().manual_seed(0))
for p in G.parameters(): torch.nn.init.ones_(p)
monitor = gandiag.Monitor(
    G, D, opt_g=torch.optim.SGD(G.parameters(), 0.1), opt_d=torch.optim.SGD(D.parameters(), 0.1),
    sampler=lambda n, rng: G(torch.randn(n, 2, generator=rng)), real=real, heldout=real, sinks=())
monitor.report()
assert random.getstate() == before[0], "random"
assert np.random.get_state()[1].tolist() == before[1], "numpy"
assert torch.equal(torch.get_rng_state(), state), "torch"
"""


def test_a_first_monitor_draws_from_no_global_state():
    found = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_a_sampler_may_draw_from_numpy_and_random():
    loop, sink = Loop(), Rows()

    def sampler(n, rng):
        z = np.random.randn(n, 4) + random.random()  # noqa: NPY002
        return loop.G(torch.from_numpy(z).float())

    loop.opt_g = torch.optim.SGD(loop.G.parameters(), 0.0)
    loop.G[1].eval()  # its statistics stand still, too
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    with loop.monitor(sampler=sampler, every=50, sinks=[sink]) as monitor:
        loop.iterate(monitor, steps=150)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
    assert sink.rows[-1][1]["motion"] < 1e-3  # the same noise at every check


def test_other_networks_keep_their_mode_and_their_statistics():
    loop, sink = Loop(), Rows()
    with torch.random.fork_rng(devices=[]):
        encoder = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        average = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4, momentum=0.5))
    encoder[1].eval()
    modes = []

    def sampler(n, rng):
        modes.append(average.training)
        return loop.G(average(torch.randn(n, 4, generator=rng)))

    kept = [b.clone() for net in (encoder, average) for b in net.buffers()]
    with loop.monitor(
        sampler=sampler, discriminator=lambda x: loop.D(encoder(x)), sinks=[sink]
    ) as monitor:
        loop.iterate(monitor, steps=20)
    now = [b for net in (encoder, average) for b in net.buffers()]
    assert all(torch.equal(a, b) for a, b in zip(kept, now, strict=True))
    assert average.training
    assert average[1].training
    assert encoder.training
    assert not encoder[1].training
    # The first call is met in the middle of the sampler; in the others it is in evaluation mode.
    assert not any(modes[1:])
    assert not torch.nn.modules.module._global_forward_pre_hooks


def test_records_are_copies():
    loop, sink = Loop(), Rows()
    with loop.monitor(sinks=[sink], sampler=None, real=None, heldout=None) as monitor:
        scores, loss = torch.zeros(8), torch.zeros(())
        for step in range(10):
            loop.opt_g.step()
            scores.copy_(torch.arange(8.0) + step)
            loss.fill_(step)
            monitor.step(d_real=scores, d_fake=scores, loss_d=loss, penalty=loss)
            scores.fill_(1e6)
            loss.fill_(1e6)
    assert sink.rows[0][1]["d_loss"] == 4.5
    assert sink.rows[0][1]["score_max"] < 100


def test_a_sampler_may_give_the_same_storage_each_time():
    loop = Loop()
    held = {}

    def sampler(n, rng):
        x = loop.sampler(n, rng)
        return held.setdefault(n, torch.empty_like(x)).copy_(x)

    with loop.monitor(sampler=sampler) as monitor, undisturbed(monitor._panel.networks, 0):
        monitor._panel.rows = 100
        panel = monitor._panel._draw(400, whole=200)
    assert not torch.equal(panel.flat[:100], panel.flat[100:200])
    assert not torch.equal(panel.few.x[:100], panel.few.x[100:200])
