"""Training is the same with the monitor as without it."""

import copy
import gc
import io
import weakref

import pytest
import torch
from small_gan import Loop, Rows
from torch.utils._python_dispatch import TorchDispatchMode

import gandiag


def everything(loop):
    """All tensors of both networks and optimizers."""
    found = [*loop.G.state_dict().values(), *loop.D.state_dict().values(), loop.rng.get_state()]
    for optimizer in (loop.opt_g, loop.opt_d):
        for state in optimizer.state.values():
            found += state.values()
    return found


def test_training_is_the_same_to_the_last_bit():
    plain, watched = Loop(), Loop()
    plain.iterate(steps=45, n_critic=2)
    sink = Rows()
    with watched.monitor(lipschitz="sn", sinks=[sink]) as monitor:
        watched.iterate(monitor, steps=45, n_critic=2)
    assert [step for step, _ in sink.rows] == [10, 20, 30, 40, 45]
    for a, b in zip(everything(plain), everything(watched), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(plain.rng_state, watched.rng_state)


def test_a_check_restores_flags_buffers_and_gradients():
    loop = Loop()
    loop.iterate(steps=1)
    loop.G[1].eval()  # as someone who freezes one batch norm
    modules = [*loop.G.modules(), *loop.D.modules()]
    flags = [module.training for module in modules]
    buffers = [b.clone() for net in (loop.G, loop.D) for b in net.buffers()]
    gradients = [p.grad.clone() for net in (loop.G, loop.D) for p in net.parameters()]
    needs = [p.requires_grad for net in (loop.G, loop.D) for p in net.parameters()]
    with loop.monitor(lipschitz="sn") as monitor:
        monitor._check()
    assert [module.training for module in modules] == flags
    for before, now in zip(buffers, [*loop.G.buffers(), *loop.D.buffers()], strict=True):
        assert torch.equal(before, now)
    for before, p in zip(gradients, [*loop.G.parameters(), *loop.D.parameters()], strict=True):
        assert torch.equal(before, p.grad)
    assert needs == [p.requires_grad for net in (loop.G, loop.D) for p in net.parameters()]


def test_flags_are_restored_when_a_sampler_fails():
    loop = Loop()
    calls = []

    def sampler(n, rng):
        calls.append(n)
        if len(calls) > 3:  # the constructor draws three times
            raise ValueError("no more")
        return loop.sampler(n, rng)

    with loop.monitor(sampler=sampler) as monitor:
        loop.iterate(monitor, steps=10)
        assert monitor._guard.failed == {"panel": "ValueError: no more"}
    assert all(module.training for module in (*loop.G.modules(), *loop.D.modules()))


def test_noise_of_the_generator_itself_is_the_same_at_each_check():
    class Noisy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(4, 2, device="meta").to_empty(device="cpu")
            torch.nn.init.ones_(self.linear.weight)
            torch.nn.init.zeros_(self.linear.bias)

        def forward(self, z):
            return self.linear(z) + torch.randn(len(z), 2)

    loop, sink = Loop(), Rows()
    loop.G = Noisy()
    loop.opt_g = torch.optim.SGD(loop.G.parameters(), 0.0)
    with loop.monitor(sinks=[sink]) as monitor:
        loop.iterate(monitor, steps=120)
    # The generator has learning rate 0, so that its panel stands still.
    assert sink.rows[-1][1]["churn"] == 0


def test_hooks_are_gone_after_close():
    loop = Loop()
    monitor = loop.monitor()
    assert loop.opt_g._optimizer_step_pre_hooks
    monitor.close()
    monitor.close()
    for optimizer in (loop.opt_g, loop.opt_d):
        assert not optimizer._optimizer_step_pre_hooks
        assert not optimizer._optimizer_step_post_hooks
    for network in (loop.G, loop.D):
        for module in network.modules():
            assert not module._forward_hooks
            assert not module._forward_pre_hooks
    loop.iterate(monitor, steps=12)
    assert monitor.steps == 0


def test_copies_and_pickles_carry_nothing():
    loop = Loop()
    with loop.monitor() as monitor:
        loop.iterate(monitor, steps=3)
        twin = copy.deepcopy((loop.G, loop.D, loop.opt_g, loop.opt_d))
        buffer = io.BytesIO()
        torch.save([loop.G, loop.opt_g], buffer)
        assert b"gandiag" not in buffer.getvalue()
        for optimizer in twin[2:]:
            assert not optimizer._optimizer_step_pre_hooks
            assert not optimizer._optimizer_step_post_hooks
            optimizer.step()
        assert monitor.steps == 3


def test_a_forgotten_monitor_is_freed_and_training_goes_on():
    loop = Loop()
    gone = weakref.ref(loop.monitor())
    gc.collect()
    assert gone() is None
    loop.iterate(steps=12)


def test_nothing_is_read_from_the_device_between_checks():
    class Reads(TorchDispatchMode):
        """On a GPU these operations wait for it."""

        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.count += func.overloadpacket in (
                torch.ops.aten._local_scalar_dense,
                torch.ops.aten.nonzero,
                torch.ops.aten.is_nonzero,
                torch.ops.aten.equal,
            )
            return func(*args, **(kwargs or {}))

    plain, watched = Loop(), Loop()
    with Reads() as without:
        plain.iterate(steps=9)
    with watched.monitor() as monitor:
        with Reads() as reads:
            watched.iterate(monitor, steps=9)
        # Adam itself reads its step count, which lives on the host; so do the two losses here.
        assert reads.count == without.count + 2 * 9
        with Reads() as reads:
            watched.iterate(monitor, steps=1)
        assert reads.count > without.count // 9


def test_losses_on_an_accelerator_are_not_read_between_checks():
    loop = Loop()
    with loop.monitor() as monitor:
        elsewhere = torch.ones((), device="meta")
        with pytest.raises(RuntimeError):
            float(elsewhere)
        monitor.step(loss_d=elsewhere, loss_g=elsewhere)


def test_memory_is_bounded_without_checks():
    loop = Loop()
    with loop.monitor(every=10**6) as monitor:
        monitor._heard.window.add("d_loss", 1.0)
        for _ in range(5000):
            monitor._heard.window.add("d_loss", 1.0)
        assert len(monitor._heard.window.peek()["d_loss"][1]) == 4096


def test_wrong_arguments_are_named():
    loop = Loop()
    for changes, words in (
        ({"loss": "bce"}, "loss is 'bce'"),
        ({"lipschitz": "wgan"}, "lipschitz is 'wgan'"),
        ({"real": None}, "sampler was given without real"),
        ({"real": torch.zeros(3, 2)}, "real has 3 samples"),
        ({"real": torch.zeros(99, 3)}, r"samples of shape \(2,\) and real of shape \(3,\)"),
        ({"real": (torch.zeros(99, 2), torch.zeros(9))}, r"labels of shape \(9,\)"),
        ({"sampler": lambda n, rng: None}, "sampler gave NoneType"),
        ({"real": (torch.zeros(99, 2), torch.zeros(99))}, "only one of real and heldout"),
        (
            {"real": (torch.zeros(99, 2), torch.zeros(99)), "heldout": None},
            "real gives labels and sampler does not",
        ),
        ({"stop_on": ["collapse"]}, "stop_on has 'collapse'"),
        ({"every": 0}, "every is 0"),
    ):
        with pytest.raises(gandiag.GandiagError, match=words):
            loop.monitor(**changes)
        assert not loop.opt_g._optimizer_step_pre_hooks
