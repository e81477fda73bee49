"""What a monitor is given is looked at before anything is drawn."""

import random

import numpy as np
import pytest
import torch
from small_gan import Loop, Rows
from torch import nn
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    SubsetRandomSampler,
    TensorDataset,
)

import gandiag
from gandiag.errors import GandiagError
from gandiag.monitors.arguments import unwrapped
from gandiag.monitors.probing import random_states
from gandiag.monitors.ranges import LastCall
from gandiag.monitors.reals import portions
from gandiag.monitors.samples import joined


class Images(Loop):
    """The same of images that a tanh gives."""

    def __init__(self, ending=nn.Tanh, **arguments):
        super().__init__(**arguments)
        with torch.random.fork_rng(devices=[]):
            self.G = nn.Sequential(
                nn.Linear(4, 48), *([ending()] if ending else []), nn.Unflatten(1, (3, 4, 4))
            )
            self.D = nn.Sequential(nn.Flatten(), nn.Linear(48, 1))
        self.opt_g = torch.optim.SGD(self.G.parameters(), 0.1)
        self.opt_d = torch.optim.SGD(self.D.parameters(), 0.1)
        noise = torch.Generator().manual_seed(5)
        self.real = 2 * torch.rand(96, 3, 4, 4, generator=noise) - 1
        self.heldout = 2 * torch.rand(96, 3, 4, 4, generator=noise) - 1


def never(n, rng):
    raise AssertionError("drawn too early")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (lambda a: {"opt_d": a.opt_g}, "opt_g and opt_d are the same optimizer"),
        (lambda a: {"opt_g": a.opt_d, "opt_d": a.opt_g}, "swap opt_g and opt_d"),
        (
            lambda a: {"opt_g": torch.optim.SGD([nn.Parameter(torch.ones(2))], 0.1)},
            r"opt_g holds no parameter of G; give the optimizer",
        ),
        (
            lambda a: {"opt_d": torch.optim.SGD([nn.Parameter(torch.ones(2))], 0.1)},
            r"opt_d holds no parameter of D",
        ),
        (lambda a: {"opt_g": a.G}, "opt_g is of type Sequential; give a torch.optim.Optimizer"),
        (lambda a: {"opt_d": None}, "opt_d is None"),
        (lambda a: {"every": 0}, "every is 0"),
        (lambda a: {"every": 2.5}, "every is 2.5"),
        (lambda a: {"every": "100"}, "every is '100'"),
    ],
)
def test_what_does_not_fit_is_named_before_anything_is_drawn(changes, words):
    loop = Loop()
    with pytest.raises(GandiagError, match=words):
        loop.monitor(sampler=never, **changes(loop))


def test_lists_of_networks_are_named():
    loop = Loop()
    with pytest.raises(GandiagError, match=r"G is of type list; give one torch.nn.Module"):
        gandiag.Monitor([loop.G], loop.D, opt_g=loop.opt_g, opt_d=loop.opt_d)


def test_copies_of_the_weights_will_do():
    loop = Loop()
    flat = nn.Parameter(torch.cat([p.detach().flatten() for p in loop.G.parameters()]))
    loop.monitor(opt_g=torch.optim.SGD([flat], 0.1)).close()


class Wrapper(torch.optim.Optimizer):
    """As accelerate's: an optimizer that never calls its class's constructor."""

    def __init__(self, optimizer):
        self.optimizer = optimizer


def test_wrapped_optimizers_are_unwrapped():
    loop, sink = Loop(), Rows()
    assert unwrapped(Wrapper(Wrapper(loop.opt_g)), "opt_g") is loop.opt_g
    changes = {"opt_g": Wrapper(loop.opt_g), "opt_d": Wrapper(loop.opt_d)}
    with loop.monitor(sinks=[sink], **changes) as monitor:
        loop.iterate(monitor, steps=10)
    assert [step for step, _ in sink.rows] == [10]


@pytest.mark.parametrize(
    ("ending", "real", "words"),
    [
        (nn.Tanh, lambda x: (x + 1) / 2, r"real lies in \[.*\] and the generator ends in a tanh"),
        (nn.Tanh, lambda x: 127.5 * (x + 1), "real lies in"),
        (nn.Sigmoid, lambda x: 127.5 * (x + 1), "ends in a sigmoid"),
        (nn.Sigmoid, lambda x: x, "ends in a sigmoid"),
        (nn.Tanh, lambda x: (127.5 * (x + 1)).byte(), "real gives torch.uint8 and sampler"),
        (None, lambda x: (127.5 * (x + 1)).byte(), "real gives torch.uint8 and sampler"),
        (nn.Tanh, lambda x: x, None),
        (nn.Tanh, lambda x: x.double(), None),
        (nn.Sigmoid, lambda x: (x + 1) / 2, None),
        (None, lambda x: (x + 1) / 2, None),
    ],
)
def test_reals_that_are_not_as_the_discriminator_sees_them_are_told(ending, real, words):
    loop = Images(ending)
    if words is None:
        loop.monitor(real=real(loop.real), heldout=None).close()
        return
    with pytest.raises(GandiagError, match=words):
        loop.monitor(real=real(loop.real), heldout=None)


def test_a_sampler_that_goes_on_after_the_tanh_has_another_range():
    with LastCall() as calls:
        x = torch.tanh(torch.ones(2, 3))
        assert calls.of(x.reshape(3, 2)) == "tanh"
        assert calls.of((x + 1) / 2) is None


@pytest.mark.parametrize(
    ("judge", "words"),
    [
        (lambda x: (x, torch.ones(len(x), 8)), "as many numbers as a sample has"),
        (lambda x: (torch.ones(len(x), 1), torch.ones(len(x), 8, 2, 2)), "maps of 8 channels"),
        (lambda x: {"score": torch.ones(len(x))}, "gives dict, no scores"),
        (lambda x: None, "gives NoneType, no scores"),
        (lambda x: x.mean(), "gives 1 scores for 24"),
        (lambda x, other: torch.ones(len(x)), r"the discriminator fails on reals \(TypeError"),
    ],
)
def test_a_discriminator_gives_scores(judge, words):
    with pytest.raises(GandiagError, match=words):
        Images().monitor(discriminator=judge)


def test_a_sampler_that_fails_is_named():
    def sampler(n):
        return None

    with pytest.raises(GandiagError, match=r"sampler fails \(TypeError"):
        Loop().monitor(sampler=sampler)


class Flipping(Dataset):
    """Images of a folder, as it were: items that draw from all global random states."""

    def __init__(self, x, labelled):
        self.x, self.labelled, self.read = x, labelled, []

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        self.read.append(i)
        turn = random.random() + np.random.rand() + torch.rand(())  # noqa: NPY002
        x = self.x[i].flip(-1) if turn > 1.5 else self.x[i]
        return (x, i % 3) if self.labelled else x


class Stream(IterableDataset):
    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


def states():
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002


LOADED = {
    "data set": lambda x, y: Flipping(x, y),
    "tensors": lambda x, y: TensorDataset(x, torch.arange(len(x)) % 3) if y else TensorDataset(x),
    "loader": lambda x, y: DataLoader(Flipping(x, y), 32, shuffle=True),
    "loader of items": lambda x, y: DataLoader(Flipping(x, y), batch_size=None),
    "stream": lambda x, y: Stream([(a, i % 3) if y else a for i, a in enumerate(x)]),
    "loader of a stream": lambda x, y: DataLoader(
        Stream([(a, i % 3) if y else a for i, a in enumerate(x)]), 32
    ),
    "tensor": lambda x, y: (x, torch.arange(len(x)) % 3) if y else x,
    "function": lambda x, y: lambda n, rng: (x[:n], torch.arange(len(x[:n])) % 3) if y else x[:n],
}


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("kind", LOADED)
def test_reals_may_be(kind, labelled):
    loop, sink = Images(), Rows()

    def sampler(n, rng):
        x = loop.sampler(n, rng)
        return (x, torch.arange(n) % 3) if labelled else x

    real = LOADED[kind](loop.real, labelled)
    heldout = LOADED[kind](loop.heldout, labelled)
    before = states()
    with loop.monitor(
        sampler=sampler,
        real=real,
        heldout=heldout,
        discriminator=lambda x, y=None: loop.D(x),
        sinks=[sink],
    ) as monitor:
        assert states() == before
        assert monitor.context.conditional is labelled
        assert len(monitor._panel.reference.train.x) == 96


def test_labels_of_a_data_set_are_left_out_where_the_sampler_has_none():
    loop = Images()
    with loop.monitor(real=Flipping(loop.real, labelled=True), heldout=None) as monitor:
        assert not monitor.context.conditional


def test_only_as_many_as_are_needed_are_read():
    with random_states():  # as the monitor does
        check_a_few()


def seeded():
    return torch.Generator().manual_seed(0)


def check_a_few():
    x = torch.arange(5000.0)[:, None]
    data = Flipping(x, labelled=False)
    found = joined(list(portions(data, 100, seeded(), "real", x, False)))
    assert len(found.x) == len(data.read) == len(set(data.read)) == 100
    assert max(data.read) > 4000  # not the first: they may all be of one class
    own = torch.Generator().manual_seed(3)
    state = own.get_state()
    loader = DataLoader(data, 8, sampler=SubsetRandomSampler(range(50), own))
    found = joined(list(portions(loader, 100, seeded(), "real", x, False)))
    assert sorted(found.x[:, 0].tolist()) == list(range(50))
    assert torch.equal(own.get_state(), state)


@pytest.mark.parametrize(
    ("real", "words"),
    [
        (Stream([]), "real has 0 samples"),
        (Stream(["a"] * 20), "real cannot be read"),
        (DataLoader(Stream(["a"] * 20)), "real has items that begin with str"),
        ([1, 2, 3], "real gave list"),
        ("cifar10", "real gave str"),
    ],
)
def test_what_is_no_data_is_named(real, words):
    with pytest.raises(GandiagError, match=words):
        Images().monitor(real=real, heldout=None)


def test_nothing_is_written_for_a_monitor_that_cannot_be(tmp_path):
    with pytest.raises(GandiagError):
        Loop().monitor(real=torch.zeros(3, 2), run=tmp_path / "run")
    assert not (tmp_path / "run").exists()
