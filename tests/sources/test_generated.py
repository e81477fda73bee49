"""Samples of generators: number 17 is number 17, whoever makes it and however it is read."""

import json

import pytest
import torch
from safetensors.torch import save_file

from gandiag.errors import GandiagError
from gandiag.sources import GeneratedImages, checkpoints, open_source
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


def test_a_module_in_a_head_is_not_imported(tmp_path):
    write_head(tmp_path / "step-1", step=1, loader="os:system")
    with pytest.raises(GandiagError, match="no installed package provides"):
        open_source(tmp_path)
