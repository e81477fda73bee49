"""Samples beside reals in features of the user's: what they show, where pixels show blobs."""

import gzip
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from small_gan import Rows
from test_non_interference import everything
from torch import nn
from torch.nn.functional import avg_pool2d

import gandiag
from gandiag.errors import GandiagError
from gandiag.monitors.context import Context
from gandiag.monitors.extracting import as_bytes, extraction
from gandiag.monitors.pathologies.detector import Detector
from gandiag.monitors.pathologies.mode_collapse import MODE_COLLAPSE
from gandiag.monitors.signals import spread
from gandiag.monitors.space import Space
from gandiag.monitors.thresholds import Thresholds

DATA = Path("/usr/share/datasets/fashion-mnist")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(n, rng, symbols=4):
    """A small symbol, one of four, before a sky of any brightness and slope."""
    sky = torch.randn(n, 3, generator=rng)
    line = torch.linspace(-1, 1, 20)
    x = sky[:, :1, None] + sky[:, 1:2, None] * line[:, None] + sky[:, 2:, None] * line
    kinds = torch.randint(symbols, (n,), generator=rng)
    shapes = torch.eye(4).repeat_interleave(4, 1).reshape(4, 4, 4)
    x[:, 8:12, 8:12] += 0.3 * shapes[kinds] + 0.02 * torch.randn(n, 4, 4, generator=rng)
    return 0.2 * x[:, None]


def symbol(images):
    """What the middle of a picture shows, whatever is behind it."""
    x = images[:, 0, 8:12, 8:12].flatten(1)
    rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
    plane = torch.stack([torch.ones(16), rows.flatten(), columns.flatten()], 1)
    return x - x @ torch.linalg.pinv(plane).T @ plane.T


class Painter:
    """A loop whose generator paints the first of four symbols only."""

    def __init__(self, symbols=1):
        self.symbols = symbols
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            self.G, self.D = nn.Linear(2, 1), nn.Linear(400, 1)
        self.opt_g = torch.optim.Adam(self.G.parameters(), 1e-3)
        self.opt_d = torch.optim.Adam(self.D.parameters(), 1e-3)
        self.rng = seeded(3)

    def sampler(self, n, rng):
        z = torch.randn(n, 2, generator=rng)
        return pictures(n, rng, self.symbols) + 1e-3 * self.G(z)[:, :, None, None]

    def judge(self, x):
        return self.D(x.flatten(1))

    def train(self, steps, **arguments):
        sink = Rows()
        defaults = {
            "sampler": self.sampler,
            "real": pictures,
            "discriminator": self.judge,
            "every": 10,
            "overhead": None,
            "budget": 100,
            "sinks": [sink],
        }
        monitor = gandiag.Monitor(
            self.G, self.D, opt_g=self.opt_g, opt_d=self.opt_d, **(defaults | arguments)
        )
        with monitor:
            self.iterate(steps, monitor)
        return monitor, sink

    def iterate(self, steps, monitor=None):
        for _ in range(steps):
            fake = self.sampler(8, self.rng)
            loss_d = self.judge(fake.detach()).mean() - self.judge(pictures(8, self.rng)).mean()
            self.opt_d.zero_grad()
            loss_d.backward()
            self.opt_d.step()
            loss_g = -self.judge(fake).mean()
            self.opt_g.zero_grad()
            loss_g.backward()
            self.opt_g.step()
            if monitor is not None:
                monitor.step(loss_d=loss_d, loss_g=loss_g)


def alerts(monitor):
    return {(alert.pathology, alert.signal) for alert in monitor.alerts}


def test_one_symbol_of_four_is_told_with_features_and_not_without():
    told = ("mode-collapse", "feature_missing")
    with_features, sink = Painter().train(60, features=symbol)
    assert told in alerts(with_features)
    last = sink.rows[-1][1]
    assert last["missing_mass"] < 0.1
    assert last["feature_missing"] == pytest.approx(0.75, abs=0.05)
    without, sink = Painter().train(60)
    assert "mode-collapse" not in {name for name, _ in alerts(without)}
    assert "feature_missing" not in sink.rows[-1][1]
    healthy, sink = Painter(symbols=4).train(60, features=symbol)
    assert "mode-collapse" not in {name for name, _ in alerts(healthy)}
    assert sink.rows[-1][1]["feature_missing"] == 0


def test_training_is_the_same_with_features_to_the_last_bit():
    alone, watched = Painter(), Painter()
    alone.iterate(25)
    state = torch.get_rng_state()
    watched.train(25, features=symbol)
    assert torch.equal(torch.get_rng_state(), state)
    for a, b in zip(everything(alone), everything(watched), strict=True):
        assert torch.equal(a, b)


def test_features_that_fail_are_told_once_and_left_out(caplog):
    calls = []

    def failing(images):
        calls.append(len(images))
        if watched and sum(calls) > reals:
            raise ValueError("no such layer")
        return symbol(images)

    watched, alone, loop = False, Painter(), Painter()
    alone.iterate(35)
    loop.train(1, features=failing)
    # What the constructor and the last check take.
    watched, reals = True, sum(calls) - 256
    calls.clear()
    loop = Painter()
    with caplog.at_level(logging.WARNING, "gandiag"):
        monitor, sink = loop.train(35, features=failing)
    assert monitor._guard.failed == {"features": "ValueError: no such layer"}
    assert "features" in str(monitor.report())
    assert "missing_mass" in sink.rows[-1][1]
    assert "feature_missing" not in sink.rows[-1][1]
    assert sum(calls) < reals + 256  # it is not asked again
    for a, b in zip(everything(alone), everything(loop), strict=True):
        assert torch.equal(a, b)


def test_a_network_in_the_features_is_in_evaluation_mode_and_left_as_it_was():
    with torch.random.fork_rng(devices=[]):
        network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(400), nn.Dropout(0.5))
    seen = []

    def through(images):
        rows = network(images)
        seen.append((network.training, torch.is_grad_enabled(), len(images)))
        return rows

    Painter().train(10, features=through)
    assert {(training, grad) for training, grad, _ in seen} == {(False, False)}
    assert max(count for *_, count in seen) <= 128
    assert network.training
    assert int(network[1].num_batches_tracked) == 0


@pytest.mark.parametrize(
    ("features", "words"),
    [
        (3, "features is of type int"),
        (lambda x: x, r"features gives \(24, 1, 20, 20\) for 24 images"),
        (lambda x: x.missing, r"features fails \(AttributeError"),
        ("lite1", "lite1"),
    ],
)
def test_features_that_cannot_be_are_named(features, words):
    with pytest.raises(GandiagError, match=words):
        Painter().train(1, features=features)


def test_the_embedded_network_takes_grey_images_of_either_range():
    x = torch.rand(2, 1, 8, 8, generator=seeded())
    assert extraction("lite0", 2 * x - 1)(2 * x - 1).shape == (2, 1280)
    unit, signed = as_bytes(x, 0.0), as_bytes(2 * x - 1, -1.0)
    assert unit.shape == (2, 3, 8, 8)
    # Half a step of a byte may be rounded either way.
    assert int((unit.int() - signed.int()).abs().max()) <= 1


def test_energy_with_equal_weights_is_energy():
    a, b = torch.randn(80, 3, generator=seeded()), torch.randn(50, 3, generator=seeded(1)) + 1
    distances = spread.pairwise(a, b), spread.pairwise(a, a), spread.pairwise(b, b)
    whole = spread.energy(*distances)
    weighted = spread.energy_within(*distances, torch.full((80,), 1 / 80))
    assert float(weighted) == pytest.approx(float(whole), rel=1e-4)
    some = torch.zeros(80)
    some[:20] = 1 / 20
    part = spread.energy(spread.pairwise(a[:20], b), spread.pairwise(a[:20], a[:20]), distances[2])
    assert float(spread.energy_within(*distances, some)) == pytest.approx(float(part), rel=1e-4)


def test_what_is_left_of_the_distance_is_of_looks_and_not_of_modes():
    def modes(n, count, rng):
        centres = 6 * torch.eye(8)
        return centres[torch.randint(count, (n,), generator=rng)] + torch.randn(n, 8, generator=rng)

    space = Space.of(modes(500, 8, seeded()), 256, 0, alike=True)
    few = space.project(modes(256, 3, seeded(1)))
    moved = space.project(modes(256, 8, seeded(2)) + 2)
    for panel, low, high in ((few, -0.1, 0.1), (moved, 0.7, 1.1)):
        energy = float(space.beside(panel)["energy"])
        assert energy > 0.02
        assert low < float(space.unlike(panel)) / energy < high


def collapse_of(rows):
    detector = Detector(MODE_COLLAPSE, Context(budget=4000), Thresholds())
    pixels = {"missing_mass": 0.0, "diversity": 1.0, "energy": 0.0}
    return [detector(100 * i, pixels | row) for i, row in enumerate(rows)]


def test_blurred_samples_that_fall_into_few_bins_are_no_collapse():
    lacking = {"feature_missing": 0.5, "feature_energy": 0.1, "feature_unlike": 0.01}
    blurred = lacking | {"feature_unlike": 0.08}
    assert not any(collapse_of([blurred] * 40))
    found = [alert for alert in collapse_of([lacking] * 40) if alert]
    assert [(a.signal, a.level) for a in found] == [("feature_missing", "ERROR")]


def test_features_that_come_at_few_checks_are_enough():
    lacking = {"feature_missing": 0.3, "feature_energy": 0.1, "feature_unlike": 0.01}
    rows = [lacking if i % 16 == 0 else {} for i in range(160)]
    found = [alert for alert in collapse_of(rows) if alert]
    assert [(a.signal, a.level) for a in found] == [("feature_missing", "WARN")]


@pytest.mark.fashion
def test_classes_of_clothes_that_are_missing_are_told_from_blur():
    def read(name, start):
        with gzip.open(DATA / name) as file:
            return torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=start).copy())

    x = read("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28).float() / 255
    y = read("t10k-labels-idx1-ubyte.gz", 8)
    classes = extraction("fashion-mnist", x[:24], "sigmoid")
    space = Space.of(classes(x[:1024]), 256, 0, alike=True)

    def of(images):
        rows = space.project(classes(images))
        found = space.beside(rows)
        return float(found["missing_mass"]), float(space.unlike(rows) / found["energy"])

    fresh, shirts = x[2000:], x[2000:][y[2000:] == 6]
    moved = torch.stack([image.roll(i % 3 - 1, -1) for i, image in enumerate(shirts[:256])])
    missing, looks = of(moved)
    assert missing > 0.4
    assert looks < 0.33
    assert of(fresh[:256])[0] < 0.1
    assert of(avg_pool2d(fresh[:256], 5, 1, 2))[1] > 0.33
