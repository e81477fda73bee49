"""Every published form of the file loads, and nothing in a file ever runs."""

import os
import pickle
import zipfile

import pytest
import safetensors.torch
import torch

from gandiag.errors import GandiagError
from gandiag.extractors.inception import convolutions
from gandiag.extractors.inception_weights import graph_names, load_state

FIRST = "Conv2d_1a_3x3.conv.weight"


@pytest.fixture(autouse=True)
def nothing_runs_from_a_file(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("TorchScript was run")

    monkeypatch.setattr(torch.jit, "load", refuse)


def test_the_three_forms_hold_the_same_network(random_inception, tmp_path):
    full = load_state(random_inception.full)
    assert len(full) == 94 * 5 + 2
    tensors = tmp_path / "inception.safetensors"
    safetensors.torch.save_file(full, tensors)
    for other in (random_inception.compact, random_inception.torchscript, tensors):
        state = load_state(other)
        assert list(state) == list(full)
        assert all((state[name] == full[name]).all() for name in full)


def test_the_fixtures_are_of_the_published_lengths(random_inception):
    """As many entries as pytorch-fid's own file has and as torch-fidelity's converter writes."""
    assert len(torch.load(random_inception.full, weights_only=True)) == 566
    assert len(torch.load(random_inception.compact, weights_only=True)) == 472


def test_each_convolution_has_a_place_of_its_own_in_the_graph():
    names = graph_names()
    assert list(names) == list(convolutions())
    assert len(set(names.values())) == 94


def refusal(path) -> str:
    with pytest.raises(GandiagError) as caught:
        load_state(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path} does not hold the 2015 Inception's weights: ")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({}, f"it lacks {FIRST}"),
        (
            {FIRST: torch.zeros(32, 3, 5, 5)},
            f"{FIRST} is of shape (32, 3, 5, 5), not (32, 3, 3, 3)",
        ),
        ({FIRST: torch.zeros(32, 3, 3, 3, dtype=torch.int64)}, "holds torch.int64, not floats"),
        ([torch.zeros(2)], "it holds a list, not a state dict"),
    ],
    ids=["empty", "shape", "integers", "list"],
)
def test_another_network_is_refused(tmp_path, content, why):
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    assert why in refusal(path)


def test_a_network_with_more_in_it_is_refused(tmp_path):
    state = {}
    for name, shape in convolutions().items():
        state[f"{name}.conv.weight"] = torch.zeros(1).expand(shape)
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{name}.bn.{part}"] = torch.zeros(1).expand(shape[:1])
    state |= {"fc.weight": torch.zeros(1).expand(1008, 2048), "fc.bias": torch.zeros(1008)}
    path = tmp_path / "weights.pth"
    torch.save(state, path)
    assert load_state(path).keys() == state.keys()
    torch.save(state | {"AuxLogits.fc.bias": torch.zeros(1000)}, path)
    assert "it also holds AuxLogits.fc.bias" in refusal(path)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    refusal(path)


class Bomb:
    """Unpickling it would make a folder."""

    def __init__(self, folder) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_pickle_with_code_is_refused_unrun(tmp_path):
    path, crater = tmp_path / "weights.pth", tmp_path / "crater"
    torch.save({FIRST: torch.zeros(32, 3, 3, 3), "bomb": Bomb(crater)}, path)
    refusal(path)
    path.write_bytes(pickle.dumps({"bomb": Bomb(crater)}))
    refusal(path)
    assert not crater.exists()


def archive(path, tree: bytes, **members: bytes):
    """A TorchScript archive, as far as its members go."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("net/code/__torch__.py", "raise SystemExit")
        file.writestr("net/data.pkl", tree)
        for name, content in members.items():
            file.writestr(f"net/{name}", content)
    return path


def test_an_archive_with_code_in_its_tree_is_refused_unrun(tmp_path):
    crater = tmp_path / "crater"
    path = archive(tmp_path / "net.pt", pickle.dumps({"bomb": Bomb(crater)}))
    sentence = refusal(path)
    assert "mkdir, which weights do not need" in sentence
    assert not crater.exists()


@pytest.mark.parametrize(
    "escape",
    [b"cbuiltins\neval\n(S'1'\ntR.", b"c__torch__\nmkdir\n.", b"ctorch._utils\n_rebuild_tensor\n."],
    ids=["eval", "module", "another rebuild"],
)
def test_the_tree_knows_tensors_and_inert_nodes_only(tmp_path, escape):
    refusal(archive(tmp_path / "net.pt", escape))


def tensor_tree(count: int, size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> bytes:
    """Pickle, by hand, of `_rebuild_tensor_v2(storage, offset, size, stride)`."""

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(b"I%d\n" % value for value in values) + b"t"

    storage = b"(Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI%d\ntQ" % count
    arguments = b"(" + storage + b"I%d\n" % offset + numbers(size) + numbers(stride) + b"t"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R."


@pytest.mark.parametrize(
    ("tree", "why"),
    [
        (tensor_tree(9, (2,), (1,), 0), "is not 9 numbers long"),
        (tensor_tree(4, (5,), (1,), 0), "reaches beyond its storage"),
        (tensor_tree(4, (2, 2), (3, 1), 0), "reaches beyond its storage"),
        (tensor_tree(4, (2,), (1,), 3), "reaches beyond its storage"),
        (tensor_tree(4, (2,), (-1,), 3), "negative"),
        (tensor_tree(4, (2,), (1, 1), 0), "does not hold"),
        (tensor_tree(4, (2, 2), (2, 1), 0), f"it lacks {FIRST}"),  # sound, but no Inception
    ],
)
def test_a_tensor_that_lies_about_its_bytes_is_refused(tmp_path, tree, why):
    path = archive(tmp_path / "net.pt", tree, **{"data/0": bytes(16)})
    assert why in refusal(path)


def test_big_endian_numbers_are_refused(tmp_path):
    assert "big-endian" in refusal(archive(tmp_path / "net.pt", b"N.", byteorder=b"big"))
