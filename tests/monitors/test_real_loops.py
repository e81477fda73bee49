"""Loops as people train: compiled, sharded, in half precision, grown, packed."""

import json

import pytest
import torch
from parallel import together
from small_gan import Loop, Rows, ring
from torch import nn
from torch.nn.functional import softplus

WATCHED = {"energy", "auc_fresh", "auc_real_fake", "g_grad_norm", "g_update_ratio"}


def weights(loop):
    return [v.clone() for net in (loop.G, loop.D) for v in net.state_dict().values()]


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def watched(prepare, steps=25, **arguments):
    """Trains one loop alone and one with a monitor; the rows of the second."""
    alone, loop, sink = Loop(), Loop(), Rows()
    for each in (alone, loop):
        prepare(each)
    alone.iterate(steps=steps)
    with loop.monitor(sinks=[sink], **arguments) as monitor:
        loop.iterate(monitor, steps=steps)
    assert monitor._guard.failed == {}
    assert same(weights(alone), weights(loop))
    return loop, sink.rows


def compile_both(loop):
    loop.G = torch.compile(loop.G, backend="eager")
    loop.D = torch.compile(loop.D, backend="eager")


def test_compiled_networks():
    torch._dynamo.reset()
    _, rows = watched(compile_both)
    assert set(rows[1][1]) >= WATCHED


def compile_in_place(loop):
    loop.G.compile(backend="aot_eager")


def test_a_network_that_is_compiled_in_place():
    torch._dynamo.reset()
    _, rows = watched(compile_in_place)
    assert set(rows[1][1]) >= WATCHED


class Half(Loop):
    """Losses under bfloat16 autocast, gradients of two batches added up."""

    def _steps(self, monitor, steps, n_critic):
        for _ in range(steps):
            self.opt_d.zero_grad()
            for _ in range(2):
                x, z = ring(16, self.rng), torch.randn(16, 4, generator=self.rng)
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    a, b = self.D(x), self.D(self.G(z).detach())
                    loss_d = softplus(-a).mean() + softplus(b).mean()
                (loss_d / 2).backward()
            self.opt_d.step()
            self.opt_g.zero_grad()
            for _ in range(2):
                z = torch.randn(16, 4, generator=self.rng)
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    loss_g = softplus(-self.D(self.G(z))).mean()
                (loss_g / 2).backward()
            self.opt_g.step()
            if monitor is not None:
                monitor.step(d_real=a, d_fake=b, loss_d=loss_d, loss_g=loss_g)

    def sampler(self, n, rng):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.G(torch.randn(n, 4, generator=rng))

    def judge(self, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.D(x)


def test_half_precision_and_gradients_of_several_batches():
    alone, loop, sink = Half(), Half(), Rows()
    alone.iterate(steps=25)
    with loop.monitor(sinks=[sink], discriminator=loop.judge) as monitor:
        loop.iterate(monitor, steps=25)
        assert monitor.steps == 25
    assert monitor._guard.failed == {}
    assert same(weights(alone), weights(loop))
    assert set(sink.rows[1][1]) >= WATCHED


def test_an_average_of_the_generator_is_put_into_evaluation_and_back():
    seen = []

    def add(loop):
        loop.average = torch.optim.swa_utils.AveragedModel(
            loop.G, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9), use_buffers=True
        )
        loop.average.train()

    loop, sink = Loop(), Rows()
    add(loop)

    def sampler(n, rng):
        x = loop.average(torch.randn(n, 4, generator=rng))
        seen.append(loop.average.module[1].training)
        return x

    before = {name: value.clone() for name, value in loop.average.state_dict().items()}
    with loop.monitor(sampler=sampler, sinks=[sink]) as monitor:
        for _ in range(20):
            loop.iterate(monitor)
            loop.average.update_parameters(loop.G)
            before = {name: value.clone() for name, value in loop.average.state_dict().items()}
        monitor._check()
    assert monitor._guard.failed == {}
    assert seen
    assert not any(seen)
    assert all(module.training for module in loop.average.modules())
    after = loop.average.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert set(sink.rows[1][1]) >= WATCHED


def test_parameters_that_are_added_later():
    class Grown(nn.Module):
        def __init__(self, old):
            super().__init__()
            self.old, self.new = old, None

        def forward(self, z):
            x = self.old(z)
            return x if self.new is None else x + self.new(x)

    loop, sink = Loop(), Rows()
    loop.G = Grown(loop.G)
    with loop.monitor(sinks=[sink]) as monitor:
        loop.iterate(monitor, steps=15)
        with torch.random.fork_rng(devices=[]):
            loop.G.new = nn.Linear(2, 2)
        loop.opt_g.add_param_group({"params": loop.G.new.parameters()})
        before = sink.rows[-1][1]["g_weight_norm"]
        with torch.no_grad():
            loop.G.new.weight.fill_(30.0)
        loop.iterate(monitor, steps=25)
    assert monitor._guard.failed == {}
    assert sink.rows[1][1]["g_weight_norm"] > before + 50
    assert set(sink.rows[3][1]) >= WATCHED


class Groups(nn.Module):
    """The standard deviation within groups of four, beside each sample (Karras et al. 2018)."""

    def __init__(self, D):
        super().__init__()
        self.D, self.last = D, nn.Linear(1, 1, device="meta").to_empty(device="cpu")
        nn.init.constant_(self.last.weight, 0.1)
        nn.init.zeros_(self.last.bias)

    def forward(self, x):
        groups = x.reshape(4, len(x) // 4, -1)
        spread = groups.std(0).mean(1).repeat(4)
        return self.D(x) + self.last(spread[:, None])


@pytest.mark.parametrize("reals", [250, 101, 17])
@pytest.mark.parametrize("labelled", [False, True])
def test_a_discriminator_that_looks_at_groups(reals, labelled):
    loop, sink = Loop(), Rows()
    loop.D = Groups(loop.D)
    x = ring(reals, torch.Generator().manual_seed(5))
    y = torch.arange(reals) % 3

    def sampler(n, rng):
        fake = loop.sampler(n, rng)
        return (fake, torch.arange(n) % 3) if labelled else fake

    real = (x, y) if labelled else x
    with loop.monitor(
        sampler=sampler,
        real=real,
        heldout=real,
        sinks=[sink],
        discriminator=lambda x, y=None: loop.D(x),
    ) as monitor:
        loop.iterate(monitor, steps=20)
    assert monitor._guard.failed == {}
    assert set(sink.rows[1][1]) >= WATCHED | {"lipschitz_median"}
    assert ("label_auc" in sink.rows[1][1]) is labelled


class Packed(Loop):
    """A discriminator of packs of two (Lin et al. 2018)."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            self.D = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
        self.opt_d = torch.optim.Adam(self.D.parameters(), 1e-3)

    def judge(self, x):
        return self.D(x.reshape(len(x) // 2, 4))

    def _steps(self, monitor, steps, n_critic):
        for _ in range(steps):
            x, z = ring(32, self.rng), torch.randn(32, 4, generator=self.rng)
            a, b = self.judge(x), self.judge(self.G(z).detach())
            loss_d = softplus(-a).mean() + softplus(b).mean()
            self.opt_d.zero_grad()
            loss_d.backward()
            self.opt_d.step()
            loss_g = softplus(-self.judge(self.G(z))).mean()
            self.opt_g.zero_grad()
            loss_g.backward()
            self.opt_g.step()
            if monitor is not None:
                monitor.step(d_real=a, d_fake=b, loss_d=loss_d, loss_g=loss_g)


def test_a_discriminator_of_packs():
    alone, loop, sink = Packed(), Packed(), Rows()
    alone.iterate(steps=20)
    with loop.monitor(discriminator=loop.judge, sinks=[sink]) as monitor:
        loop.iterate(monitor, steps=20)
    assert monitor._guard.failed == {}
    assert same(weights(alone), weights(loop))
    assert set(sink.rows[1][1]) >= WATCHED | {"lipschitz_median"}


def test_the_slope_of_a_pack_is_that_of_all_its_samples():
    loop, sink = Packed(), Rows()
    loop.D = nn.Linear(4, 1, bias=False, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        loop.D.weight.copy_(torch.tensor([[1.0, 2.0, 2.0, 4.0]]))
    loop.opt_d = torch.optim.SGD(loop.D.parameters(), 0.0)
    with loop.monitor(discriminator=loop.judge, sinks=[sink]) as monitor:
        loop.iterate(monitor, steps=10)
    assert sink.rows[0][1]["lipschitz_median"] == pytest.approx(5.0)


PARTS = """
import json, os, sys, torch
from torch import distributed
from small_gan import Loop, Rows
distributed.init_process_group("gloo")
rank = distributed.get_rank()
kind, sink, loop = sys.argv[1], Rows(), Loop()
loop.D = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
G = loop.G
with torch.no_grad():
    for p in loop.D.parameters():
        p.copy_(torch.linspace(-1, 1, p.numel()).reshape(p.shape))
if kind == "ddp":
    wrap = torch.nn.parallel.DistributedDataParallel
    loop.G, loop.D = wrap(loop.G, broadcast_buffers=False), wrap(loop.D)
else:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    mesh = init_device_mesh("cpu", (2,))
    for net in (loop.G, loop.D):
        fully_shard(net, mesh=mesh)
loop.opt_g = torch.optim.Adam(loop.G.parameters(), 1e-3)
loop.opt_d = torch.optim.Adam(loop.D.parameters(), 1e-3)
loop.rng.manual_seed(rank)
watched = sys.argv[2] == "watched"
monitor = loop.monitor(sinks=[sink], overhead=0.02) if watched else None
loop.iterate(monitor, steps=25)
if watched:
    state = json.dumps(monitor.state_dict())
    failed = monitor._guard.failed
    monitor.close()
else:
    failed = {}
full = [p for net in (loop.G, loop.D) for p in net.parameters()]
full = [getattr(p, "full_tensor", lambda p=p: p)() for p in full]
told = sorted(sink.rows[0][1]) if sink.rows else []
print(json.dumps([rank, failed, told, [p.detach().tolist() for p in full]]))
sys.stdout.flush()
distributed.barrier()
distributed.destroy_process_group()
os._exit(0)  # torch's own threads may abort an orderly end
"""


@pytest.mark.parametrize("kind", ["ddp", "fsdp2"])
def test_two_processes_share_the_networks(kind):
    first, second = sorted(json.loads(line) for line in together(PARTS, kind, "watched"))
    alone, _ = sorted(json.loads(line) for line in together(PARTS, kind, "alone"))
    assert first[1] == second[1] == {}
    assert set(first[2]) >= WATCHED | {"g_weight_norm", "d_weight_norm"}
    assert first[3] == second[3] == alone[3]
