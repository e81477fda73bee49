"""Several pairs of networks in one loop: two generators with one optimizer, an encoder beside G."""

import itertools
import json

import pytest
import torch
from small_gan import Rows, ring
from torch import nn
from torch.nn.functional import softplus

import gandiag
from gandiag.monitors import Monitors

A, B = "a to b", "b to a"


def network(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, outputs))


class Cycle:
    """Two domains of points, two generators with one optimizer, and a discriminator for each."""

    def __init__(self):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            self.to_b, self.to_a = network(2, 2), network(2, 2)
            self.d_b, self.d_a = network(2, 1), network(2, 1)
        both = itertools.chain(self.to_b.parameters(), self.to_a.parameters())
        self.opt_g = torch.optim.Adam(both, 1e-3)
        self.opt_b = torch.optim.Adam(self.d_b.parameters(), 1e-3)
        self.opt_a = torch.optim.Adam(self.d_a.parameters(), 1e-3)
        self.rng = torch.Generator().manual_seed(0)

    def monitors(self, **more):
        def reals(n, rng):
            return ring(n, rng)

        kwargs = {"every": 5, "sinks": (), "real": reals}
        return Monitors(
            gandiag.Monitor(
                *(self.to_b, self.d_b),
                opt_g=self.opt_g,
                opt_d=self.opt_b,
                name=A,
                sampler=lambda n, rng: self.to_b(ring(n, rng)),
                **(kwargs | more.get(A, {})),
            ),
            gandiag.Monitor(
                *(self.to_a, self.d_a),
                opt_g=self.opt_g,
                opt_d=self.opt_a,
                name=B,
                sampler=lambda n, rng: self.to_a(ring(n, rng)),
                **(kwargs | more.get(B, {})),
            ),
        )

    def iterate(self, monitors=None, steps=10, bad=None):
        for step in range(steps):
            losses = {}
            x, y = ring(16, self.rng), ring(16, self.rng)
            for name, d, opt, real, fake in (
                (A, self.d_b, self.opt_b, y, self.to_b(x).detach()),
                (B, self.d_a, self.opt_a, x, self.to_a(y).detach()),
            ):
                loss = softplus(-d(real)).mean() + softplus(d(fake)).mean()
                opt.zero_grad()
                loss.backward()
                opt.step()
                losses[name] = {"loss_d": float("nan") if (name, step) == bad else loss}
            cycle = (self.to_a(self.to_b(x)) - x).abs().mean()
            loss_g = softplus(-self.d_b(self.to_b(x))).mean() + cycle
            loss_g = loss_g + softplus(-self.d_a(self.to_a(y))).mean()
            self.opt_g.zero_grad()
            loss_g.backward()
            self.opt_g.step()
            if monitors is not None:
                monitors.step(losses)

    def weights(self):
        return [p.clone() for net in (self.to_b, self.to_a) for p in net.parameters()]


def test_training_is_the_same_with_them():
    alone, watched = Cycle(), Cycle()
    alone.iterate(steps=12)
    with watched.monitors() as monitors:
        watched.iterate(monitors, steps=12)
    assert all(map(torch.equal, alone.weights(), watched.weights()))


def test_an_alert_says_whose_it_is():
    loop, rows = Cycle(), Rows()
    with loop.monitors(**{B: {"sinks": [rows], "stop_on": ["divergence"]}}) as monitors:
        loop.iterate(monitors, steps=10, bad=(B, 7))
    (alert,) = monitors.alerts
    assert (alert.of, alert.pathology, alert.step) == (B, "divergence", 8)
    assert alert.message.startswith("b to a: divergence at step 8")
    assert rows.alerts == [alert]
    assert monitors.should_stop
    report = monitors.report()
    assert {name: dict_of(each)["divergence"] for name, each in report.items()} == {
        A: "ok",
        B: "alerting",
    }
    assert monitors[A].alerts == []


def dict_of(report):
    return {line.pathology: line.status for line in report.lines}


def test_they_are_resumed_by_name():
    loop = Cycle()
    monitors = loop.monitors()
    loop.iterate(monitors, steps=10, bad=(A, 3))
    state = json.loads(json.dumps(monitors.state_dict()))
    monitors.close()
    again = loop.monitors()
    again.load_state_dict(state)
    assert [alert.of for alert in again.alerts] == [A]
    again.close()
    with pytest.raises(gandiag.GandiagError, match="the state is of x, the monitors are a to b"):
        again.load_state_dict({"x": state[A]})


def test_an_encoder_beside_the_generator():
    """As in BiGAN: one optimizer over both, and the monitor looks at G."""
    loop = Cycle()
    with torch.random.fork_rng(devices=[]):
        encoder = network(2, 2)
    opt = torch.optim.Adam([*loop.to_b.parameters(), *encoder.parameters()], 1e-3)
    monitor = gandiag.Monitor(loop.to_b, loop.d_b, opt_g=opt, opt_d=loop.opt_b, sinks=(), every=2)
    for _ in range(4):
        loss = (encoder(loop.to_b(ring(8, loop.rng))) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        monitor.step(loss_g=loss)
    assert monitor.steps == 4
    assert dict_of(monitor.report())["divergence"] == "ok"
    monitor.close()


def test_refuses():
    loop = Cycle()
    with loop.monitors() as monitors:
        with pytest.raises(
            gandiag.GandiagError, match="no monitor 'c'; choose from a to b, b to a"
        ):
            monitors.step({"c": {}})
        with pytest.raises(gandiag.GandiagError, match=r"give Monitor\(..., name=\) to each"):
            Monitors(monitors[A], monitors[A])
    with pytest.raises(gandiag.GandiagError, match="names are"):
        Monitors()
