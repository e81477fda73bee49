import math

import pytest
import torch
import torch.nn.functional as F
import torchvision
from random_inception import TorchScriptInception, photographs

from gandiag.errors import GandiagError
from gandiag.extractors import TORCH_FIDELITY, open_extractor
from gandiag.extractors.inception import LAYERS, convolutions, network_of
from gandiag.extractors.inception_weights import load_state
from gandiag.extractors.weights import WEIGHTS, sha256

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def state(random_inception):
    return load_state(random_inception.full)


def test_the_table_is_torchvisions_inception_with_1008_classes(state):
    with torch.device("meta"):
        theirs = torchvision.models.inception_v3(
            num_classes=1008, aux_logits=False, init_weights=False
        )
    shapes = {
        name: tensor.shape
        for name, tensor in theirs.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    assert {name: tensor.shape for name, tensor in state.items()} == shapes
    assert len(convolutions()) == 94
    assert sum(math.prod(shape) for shape in shapes.values()) == 23_885_392  # floats in the file


def test_it_computes_what_the_graph_computes(state):
    """Against the tests' own copy of the graph, with its batch norms where they were."""
    images = photographs(2, 96, seed=1)
    x = (F.interpolate(images.float(), (299, 299)) - 128) / 128
    graph = TorchScriptInception({name: tensor.clone() for name, tensor in state.items()}).eval()
    with torch.inference_mode():
        maps = {}
        for name in ("mixed_3", "mixed_6", "mixed_7"):
            block = graph.layers.get_submodule(name)
            keep = block.conv if name == "mixed_6" else block
            keep.register_forward_hook(lambda _m, _i, out, name=name: maps.update({name: out}))
        expected = {"pool3": graph.layers(x).flatten(1)}
        # The first 7 channels of ADM's 1 x 1 branch, position by position, channels innermost.
        rows, columns = torch.arange(17).repeat_interleave(17 * 7), torch.arange(17 * 17 * 7) // 7
        channels = torch.arange(17 * 17 * 7) % 7
        expected["mixed_6d.branch1x1"] = maps["mixed_6"][:, channels, rows, columns % 17]
        # dgm-eval's sinception: the same of the whole next block, channels outermost.
        expected["mixed_6e"] = maps["mixed_7"][:, :7].reshape(2, -1)
        # IQA-PyTorch's sfid: likewise, of the block where the maps become 17 x 17.
        expected["mixed_6a"] = maps["mixed_3"][:, :7].reshape(2, -1)
        found = network_of(state)(x, list(expected))
    assert list(found) == list(expected)
    for layer, theirs in expected.items():
        assert found[layer].shape == theirs.shape == (2, LAYERS[layer])
        # Float32 through 94 random convolutions: each side is 2e-5 from the float64 result.
        assert ((found[layer] - theirs).norm(dim=1) / theirs.norm(dim=1)).max() < 1e-4, layer
    assert (found["mixed_6d.branch1x1"] >= 0).all()  # after the ReLU


def test_each_layer_is_the_same_alone_and_in_company(state):
    network = network_of(state)
    spatial = {"mixed_6a", "mixed_6d.branch1x1", "mixed_6e"}
    # The network is convolutional throughout: a smaller picture does for this, and is quick.
    x = torch.rand(2, 3, 107, 107, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        every = network(x, [*LAYERS])
        assert list(every) == list(LAYERS)
        for layer, width in LAYERS.items():
            alone = network(x, [layer])
            assert list(alone) == [layer]
            # 107 pixels leave 5 x 5 of the 17 x 17.
            assert alone[layer].shape == (2, 5 * 5 * 7 if layer in spatial else width)
            assert (alone[layer] == every[layer]).all()
        assert (every["logits"] == every["logits_unbiased"] + state["fc.bias"]).all()
        expected = F.linear(every["pool3"].double(), state["fc.weight"].double())
        # A float32 sum of 2,048 products.
        assert (every["logits_unbiased"] - expected).norm() < 1e-5 * expected.norm()


def test_the_canonical_name_needs_the_published_digest(random_inception, monkeypatch):
    path = random_inception.full
    with pytest.raises(GandiagError, match="--allow-unverified") as caught:
        open_extractor("inception", device=CPU, weights=path)
    assert str(path) in str(caught.value)
    assert WEIGHTS["inception"].sha256[:16] in str(caught.value)
    stranger = open_extractor("inception", device=CPU, weights=path, allow_unverified=True)
    assert (stranger.name, stranger.canonical) == ("inception-unverified", False)
    assert stranger.provenance()["verified"] == "no"
    row = WEIGHTS["inception"]
    monkeypatch.setitem(WEIGHTS, "inception", type(row)(**{**vars(row), "sha256": sha256(path)}))
    known = open_extractor("inception", device=CPU, weights=path)
    assert (known.name, known.canonical) == ("inception", True)
    assert known.provenance() == {
        "network": "Inception 2015-12-05",
        "weights": sha256(path)[:16],
        "weights_sha256": sha256(path),
        "verified": "yes",
        "input": "299 x 299",
        "resize": "pil-bicubic",
        "normalise": "(x - 128) / 128",
        "precision": "fp32",
    }


def test_bfloat16_is_near_float32_and_comes_back_as_float32(random_inception, monkeypatch):
    # It has to be right also where it is emulated, and would not be chosen.
    monkeypatch.setattr("gandiag.extractors.precision.multiplies_bfloat16", lambda _: True)
    images = photographs(1, 64, seed=2)
    rows = {}
    for precision in ("fp32", "bf16"):
        extractor = open_extractor(
            "inception",
            device=CPU,
            weights=random_inception.full,
            allow_unverified=True,
            precision=precision,
            preprocessing=TORCH_FIDELITY,
        )
        rows[precision] = extractor(extractor.prepare(images), ["pool3", "logits_unbiased"])
        assert extractor.provenance()["precision"] == precision
    for layer, exact in rows["fp32"].items():
        coarse = rows["bf16"][layer]
        assert coarse.dtype == torch.float32
        off = (coarse - exact).norm() / exact.norm()
        assert 1e-4 < off < 0.2, layer  # bfloat16 keeps 8 bits, and errors add up over 94 layers


def test_the_network_is_a_module_that_takes_hooks_and_moves(state):
    network = network_of(state)
    assert isinstance(network, torch.nn.Module)
    assert not any(each.requires_grad for each in network.parameters())
    seen = []
    name = "Mixed_6d.branch1x1"
    network.convolutions()[name].register_forward_hook(lambda _m, _i, out: seen.append(out))
    x = torch.rand(1, 3, 107, 107, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        found = network(x, ["mixed_6d.branch1x1"])["mixed_6d.branch1x1"]
    assert (seen[0][:, :7].permute(0, 2, 3, 1).flatten(1) == found).all()
    assert {each.dtype for each in network.to(torch.float64).parameters()} == {torch.float64}
