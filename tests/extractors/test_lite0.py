import numpy as np
import pytest
import timm
import torch
from random_inception import photographs
from sklearn.datasets import load_sample_image

from gandiag.errors import GandiagError
from gandiag.extractors import find_weights, open_extractor
from gandiag.extractors.lite0 import NETWORK
from gandiag.extractors.timm_models import undrawn

CPU = torch.device("cpu")
PALACE = 698  # of ImageNet's thousand


def test_it_calls_the_sample_photograph_a_palace():
    """The middle square: lite0 takes the whole picture, and this one is half as wide again."""
    picture = load_sample_image("china.jpg")
    left = (picture.shape[1] - picture.shape[0]) // 2
    square = picture[:, left : left + picture.shape[0]]
    images = torch.from_numpy(np.array(square)).permute(2, 0, 1)[None]
    extractor = open_extractor("lite0", device=CPU)
    logits = extractor(extractor.prepare(images), ["logits"])["logits"]
    assert logits.argmax(1).tolist() == [PALACE]


def test_its_tensors_are_timms_one_to_one():
    """Each by name, where the loader goes by order."""
    theirs = torch.load(find_weights("lite0").path, weights_only=True)
    stages = [1, 2, 2, 3, 3, 4, 1]
    flat = {
        f"blocks.{i}.{j}": n
        for n, (i, j) in enumerate(
            (stage, block) for stage, count in enumerate(stages) for block in range(count)
        )
    }
    head = {
        "conv_stem": "_conv_stem",
        "bn1": "_bn0",
        "conv_head": "_conv_head",
        "bn2": "_bn1",
        "classifier": "_fc",
    }
    first = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    later = {
        "conv_pw": "_expand_conv",
        "bn1": "_bn0",
        "conv_dw": "_depthwise_conv",
        "bn2": "_bn1",
        "conv_pwl": "_project_conv",
        "bn3": "_bn2",
    }
    model = undrawn(lambda: timm.create_model(NETWORK))
    assert len(model.state_dict()) == len(theirs) == 296
    seen = set()
    for name in model.state_dict():
        module, part = name.rsplit(".", 1)
        if module in head:
            given = f"{head[module]}.{part}"
        else:
            block, inner = module.rsplit(".", 1)
            table = first if block == "blocks.0.0" else later
            given = f"_blocks.{flat[block]}.{table[inner]}.{part}"
        seen.add(given)
        assert given in theirs
        model.state_dict()[name].copy_(theirs[given])
    assert seen == set(theirs)
    extractor = open_extractor("lite0", device=CPU)
    prepared = extractor.prepare(photographs(2, 224, seed=0))
    with torch.inference_mode():
        expected = model.eval()(prepared)
    found = extractor(prepared, ["logits"])["logits"]
    # Batch norms are folded in the one and not in the other: float32 rounding of 49 layers.
    assert (found - expected).norm() < 1e-5 * expected.norm()


def test_the_weights_are_pinned(tmp_path):
    path = find_weights("lite0").path
    state = torch.load(path, weights_only=True)
    state["_fc.bias"][0] += 1
    changed = tmp_path / "changed.pth"
    torch.save(state, changed)
    with pytest.raises(GandiagError, match="--allow-unverified"):
        open_extractor("lite0", device=CPU, weights=changed)
    stranger = open_extractor("lite0", device=CPU, weights=changed, allow_unverified=True)
    assert stranger.name == "lite0-unverified"
    assert stranger.provenance()["verified"] == "no"
    assert open_extractor("lite0", device=CPU).provenance()["verified"] == "yes"


def test_tensors_in_another_order_are_refused(tmp_path):
    state = torch.load(find_weights("lite0").path, weights_only=True)
    names = list(state)
    path = tmp_path / "turned.pth"
    torch.save({name: state[name] for name in [*names[1:], names[0]]}, path)
    with pytest.raises(GandiagError, match=r"_bn0.weight \(32,\) stands where conv_stem.weight"):
        open_extractor("lite0", device=CPU, weights=path, allow_unverified=True)
    torch.save({name: state[name] for name in names[:-1]}, path)
    with pytest.raises(GandiagError, match="it has 295 tensors where 296 are due"):
        open_extractor("lite0", device=CPU, weights=path, allow_unverified=True)
