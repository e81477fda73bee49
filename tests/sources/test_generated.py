"""Samples of generators: number 17 is number 17, whoever makes it and however it is read."""

import json
import os

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from gandiag.errors import GandiagError
from gandiag.sources import GeneratedImages, checkpoints, generated, labelled, open_source
from gandiag.sources.generated import BLOCK, DEFAULT


def counted(numbers):
    """Image i is filled with i modulo 256."""
    values = torch.tensor([number % 256 for number in numbers], dtype=torch.uint8)
    return values[:, None, None, None].expand(-1, 3, 2, 2), tuple(str(n % 10) for n in numbers)


@pytest.mark.parametrize("size", [1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 1000])
@pytest.mark.parametrize("total", [1, BLOCK - 1, BLOCK, 150])
def test_samples_come_in_order_at_any_batch_size(total, size):
    batches = list(GeneratedImages("g", counted).limit(total, 0).batches(size))
    assert all(len(batch.names) == size for batch in batches[:-1])
    values = torch.cat([batch.images[:, 0, 0, 0] for batch in batches]).tolist()
    assert values == [number % 256 for number in range(total)]
    assert [name for batch in batches for name in batch.names] == [f"g[{i}]" for i in range(total)]
    assert [label for b in batches for label in b.labels] == [str(i % 10) for i in range(total)]


def test_a_block_is_made_once():
    asked = []

    def draw(numbers):
        asked.append(numbers)
        return counted(numbers)

    list(GeneratedImages("g", draw).limit(130, 0).batches(7))
    assert asked == [range(64), range(64, 128), range(128, 192)]


def test_unlimited_it_gives_as_many_as_papers_score():
    assert GeneratedImages("g", counted).count() == DEFAULT == 50_000


def test_fewer_samples_than_seeds():
    source = GeneratedImages("g", lambda numbers: (torch.zeros(5, 3, 2, 2), None))
    with pytest.raises(GandiagError, match="gave 5 samples for 64 seeds; give one for each"):
        next(source.batches(8))


# ------------------------------------------------------------------ a user's own generator


def linear(state, device):
    def sample(rngs):
        z = torch.stack([torch.randn(4, generator=rng) for rng in rngs])
        return torch.tanh(z @ state["weight"]).view(-1, 1, 2, 2)

    return sample


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "g.safetensors"
    save_file({"weight": torch.eye(4)}, path)
    return path


def values(source, count=100, size=32):
    return torch.cat([batch.images for batch in source.limit(count, 0).batches(size)])


def test_each_sample_has_a_seed_of_its_own(weights):
    whole = values(open_source(weights, generator=linear))
    assert whole.shape == (100, 3, 2, 2)
    assert whole.dtype == torch.uint8
    assert len(whole.flatten(1).unique(dim=0)) == 100
    assert torch.equal(whole, values(open_source(weights, generator=linear), size=9))
    other = values(open_source(weights, generator=linear, seed=1))
    # 100 of 8-bit pixels: equal by chance once in 256^4.
    assert not (whole == other).flatten(1).all(1).any()


def test_seeds_are_spread_like_the_distribution_they_seed(weights):
    # tanh(z) of standard normal z has mean 0: 4,000 numbers of sd < 80 levels, 5 sigma = 6.4.
    means = values(open_source(weights, generator=linear), 1000)[:, 0].float().mean()
    assert abs(means - 127.5) < 6.4


def test_floats_become_bytes_as_everywhere(weights):
    levels = torch.tensor([-1.0, 0.0, 1.0, 0.5]).view(1, 1, 2, 2)
    source = open_source(
        weights, generator=lambda state, device: lambda rngs: levels.expand(len(rngs), 1, 2, 2)
    )
    assert values(source, 1)[0, 0].flatten().tolist() == [0, 128, 255, 191]


def test_points_stay_as_they_are(weights):
    source = open_source(
        weights, generator=lambda state, device: lambda rngs: torch.full((len(rngs), 2), 7.5)
    )
    assert values(source, 3).tolist() == [[7.5, 7.5]] * 3


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            0.9 * torch.rand(64, 3, 4, 4),
            r"float32 from .* to 0.*; give floats in \[-1, 1\], .*, as value_range=\(0, 1\)",
        ),
        (torch.full((64, 3, 4, 4), -300.0), "float32 from -300 to -300"),
        (torch.full((64, 3, 4, 4), float("nan")), "float32 from nan to nan"),
        (torch.zeros(64, 3, 4, 4, dtype=torch.int64), "int64 from 0 to 0; give floats"),
        (torch.zeros(64, 3, 4, 4, dtype=torch.complex64), "gave a complex tensor"),
        (torch.zeros(64, 12).to_sparse(), "gave a sparse or empty tensor"),
        (torch.zeros(0, 3, 4, 4), "gave 0 x 3 x 4 x 4; give"),
        (torch.zeros(64, 0), "gave 64 x 0; give"),
        (None, "gave NoneType; give a tensor"),
        ((torch.zeros(()), [0]), "give .n, 3, height, width. or"),
        ((torch.zeros(64, 2), [0] * 64, 3), "gave tuple; give a tensor"),
        (torch.zeros(64, 5, 4, 4), r"gave 64 x 5 x 4 x 4; give \(n, 3, height, width\)"),
        ("words", "gave str; give a tensor"),
        ((torch.zeros(64, 3, 4, 4, dtype=torch.uint8), [1, 2]), "labels that are no classes"),
    ],
)
def test_what_is_no_sample(weights, given, sentence):
    source = open_source(weights, generator=lambda state, device: lambda rngs: given)
    with pytest.raises(GandiagError, match=sentence):
        next(source.batches(4))


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(GandiagError, match="is no file, and a generator needs one of weights"):
        open_source(tmp_path, generator=linear)


# ------------------------------------------------------------------------------ checkpoints


def write_head(folder, **head):
    folder.mkdir(parents=True)
    (folder / "checkpoint.json").write_text(json.dumps(head))
    return folder


def test_checkpoints_are_in_order_of_their_steps(tmp_path):
    for step in (200, 1000, 30):
        write_head(tmp_path / f"step-{step}", step=step, loader="x")
    write_head(tmp_path / ".half", step=5, loader="x")
    assert [step for step, _ in checkpoints(tmp_path)] == [30, 200, 1000]


def test_a_loader_that_is_not_installed(tmp_path):
    write_head(tmp_path / "step-1", step=1, loader="martian")
    with pytest.raises(GandiagError, match="read by 'martian', which no installed package"):
        open_source(tmp_path)


def test_a_head_that_says_nothing(tmp_path):
    write_head(tmp_path / "step-1", format=1)
    with pytest.raises(GandiagError, match="is no checkpoint's: it needs a step and a loader"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b'{"loader": "x", "step": 1e999}', b"[" * 100_000, b"\xff\xfe", b"[]", b'{"step": "a"}'],
)
def test_a_head_that_is_none(tmp_path, content):
    write_head(tmp_path / "step-1")
    (tmp_path / "step-1" / "checkpoint.json").write_bytes(content)
    with pytest.raises(GandiagError, match="is no checkpoint's: it needs a step and a loader"):
        open_source(tmp_path)


def test_a_pipe_in_the_place_of_a_head(tmp_path):
    write_head(tmp_path / "step-1", step=1, loader="martian")
    (tmp_path / "step-2").mkdir()
    os.mkfifo(tmp_path / "step-2" / "checkpoint.json")
    assert [step for step, _ in checkpoints(tmp_path)] == [1]


def test_a_module_in_a_head_is_not_imported(tmp_path):
    write_head(tmp_path / "step-1", step=1, loader="os:system")
    with pytest.raises(GandiagError, match="no installed package provides"):
        open_source(tmp_path)


# ----------------------------------------------------------------------- functions, modules


def drawn(rngs):
    return torch.stack([torch.rand(3, 4, 4, generator=rng) for rng in rngs]) * 2 - 1


def test_a_function_of_random_generators():
    source = open_source(drawn)
    assert source.name == "drawn"
    assert source.count() == DEFAULT
    assert source.fingerprint() is None
    assert source.stamp() is None
    assert labelled(source) is None
    first = values(source)
    assert torch.equal(first, values(open_source(drawn), size=7))
    assert not torch.equal(first, values(open_source(drawn, seed=1)))
    limited = source.limit(100, 0)
    assert len(list(limited.batches(100))) == 1
    assert limited.notes() == {}


def test_a_function_that_gives_labels():
    source = open_source(lambda rngs: (drawn(rngs), [i % 3 for i in range(len(rngs))]))
    (batch,) = source.limit(5, 0).batches(8)
    assert batch.labels == ("0", "1", "2", "0", "1")


class Network(nn.Module):
    z_dim = 6

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 48), nn.BatchNorm1d(48), nn.Dropout(0.5))
        self.layers[1].eval()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.layers[0].reset_parameters()

    def forward(self, z):
        return torch.tanh(self.layers(z)).view(-1, 3, 4, 4)


@pytest.fixture(autouse=True)
def initial_weights_leave_the_global_state():
    with torch.random.fork_rng():
        yield


def test_a_module_draws_in_evaluation_mode_and_is_put_back():
    network = Network()
    modes = [module.training for module in network.modules()]
    state = {key: value.clone() for key, value in network.state_dict().items()}
    source = open_source(network).limit(70, 0)
    images = torch.cat([batch.images for batch in source.batches(32)])
    assert [module.training for module in network.modules()] == modes
    assert sorted(set(modes)) == [False, True]
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert source.notes() == {}  # dropout alone would make it irreproducible
    rngs = [generated.rng_of(0, number) for number in range(64)]
    latents = torch.stack([torch.randn(6, generator=rng) for rng in rngs])
    with torch.no_grad():
        expected = network.eval()(latents)
    assert torch.equal(images[:64], (expected * 127.5 + 127.5).round().to(torch.uint8))


def test_a_module_is_put_back_when_it_raises():
    network = Network()
    network.z_dim = 5
    with pytest.raises(GandiagError, match="the generator of Network raised RuntimeError"):
        values(open_source(network))
    assert network.training


@pytest.mark.parametrize("attribute", ["z_dim", "latent_dim", "nz"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_module_that_begins_with_a_convolution(attribute, dtype):
    network = nn.Sequential(nn.ConvTranspose2d(5, 3, 4), nn.Tanh()).to(dtype)
    setattr(network, attribute, 5)
    assert values(open_source(network), 10).shape == (10, 3, 4, 4)


def test_a_module_in_a_wrapper():
    network = Network()
    whole = values(open_source(nn.DataParallel(network).cpu()), 10)
    assert torch.equal(whole, values(open_source(network), 10))


def test_a_module_that_does_not_say_its_latents():
    with pytest.raises(GandiagError, match="Linear does not say how many latents it takes"):
        open_source(nn.Linear(3, 12))


def test_a_generator_that_ignores_its_seeds():
    rng = torch.Generator().manual_seed(0)
    source = open_source(lambda rngs: torch.rand(len(rngs), 3, 4, 4, generator=rng) * 2 - 1)
    limited = source.limit(70, 0)
    list(limited.batches(32))
    note = limited.notes()["not-reproducible"]
    assert (note.count, note.example) == (1, "<lambda>[0]")
    points = open_source(lambda rngs: torch.rand(len(rngs), 2, generator=rng)).limit(70, 0)
    list(points.batches(32))
    assert "not-reproducible" in points.notes()


def test_one_level_of_rounding_is_no_difference():
    calls = []

    def sample(rngs):
        calls.append(rngs)
        return torch.full((len(rngs), 3, 2, 2), 100 + len(calls) % 2, dtype=torch.uint8)

    source = open_source(sample).limit(70, 0)
    list(source.batches(32))
    assert source.notes() == {}


@pytest.mark.parametrize("error", [ValueError("no\nway"), KeyError("x"), SystemExit(0)])
def test_a_generator_that_raises(error, weights):
    def sample(rngs):
        raise error

    with pytest.raises(GandiagError) as caught:
        values(open_source(sample))
    assert f"the generator of sample raised {type(error).__name__} (" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(GandiagError, match=f"raised {type(error).__name__}"):
        open_source(weights, generator=lambda state, device: sample(device))


def test_samples_of_changing_sizes():
    sizes = iter([4, 4, 5, 5, 5])

    def sample(rngs):
        size = next(sizes)
        return torch.zeros(len(rngs), 3, size, size, dtype=torch.uint8)

    with pytest.raises(GandiagError, match=r"samples of different sizes \(\(3, 4, 4\), \(3, 5"):
        values(open_source(sample), 100, size=100)


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8])
def test_weights_that_were_meddled_with(tmp_path, dtype):
    save_file(
        {"a": torch.ones(3), "weight": torch.ones(4, 4).to(dtype)}, tmp_path / "g.safetensors"
    )
    with pytest.raises(GandiagError, match=r"g\.safetensors holds weight as torch\.u?int8"):
        open_source(tmp_path / "g.safetensors", generator=linear)


def test_what_takes_no_argument_is_no_generator():
    for thing in (lambda: 1, dict, Network):
        with pytest.raises(GandiagError, match=r"images cannot be read from .*; call it"):
            open_source(thing)
