"""Reading the 2015 Inception's weights from each form that they are published in, running nothing.

- A state dict under torchvision's names: 566 entries as pytorch-fid writes it, 472 without the
  batch counters as torch-fidelity's converter does; ``.pth`` or ``.safetensors``.
- A TorchScript archive under TensorFlow's names, as NVIDIA's StyleGAN repositories and clean-fid
  use it.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from gandiag.extractors.inception import LAYERS, Inception, convolutions
from gandiag.extractors.preprocessing import CLEAN_FID
from gandiag.extractors.request import Request
from gandiag.extractors.torchscript import read_weights
from gandiag.state_dicts import unfit

WHAT = "the 2015 Inception's weights"

# torchvision's name of a branch => its path in the TensorFlow graph, by kind of block.
_TOWERS_A = {
    "branch1x1": "conv",
    "branch5x5_1": "tower.conv",
    "branch5x5_2": "tower.conv_1",
    "branch3x3dbl_1": "tower_1.conv",
    "branch3x3dbl_2": "tower_1.conv_1",
    "branch3x3dbl_3": "tower_1.conv_2",
    "branch_pool": "tower_2.conv",
}
_TOWERS_B = {
    "branch3x3": "conv",
    "branch3x3dbl_1": "tower.conv",
    "branch3x3dbl_2": "tower.conv_1",
    "branch3x3dbl_3": "tower.conv_2",
}
_TOWERS_C = {
    "branch1x1": "conv",
    "branch7x7_1": "tower.conv",
    "branch7x7_2": "tower.conv_1",
    "branch7x7_3": "tower.conv_2",
    "branch7x7dbl_1": "tower_1.conv",
    "branch7x7dbl_2": "tower_1.conv_1",
    "branch7x7dbl_3": "tower_1.conv_2",
    "branch7x7dbl_4": "tower_1.conv_3",
    "branch7x7dbl_5": "tower_1.conv_4",
    "branch_pool": "tower_2.conv",
}
_TOWERS_D = {
    "branch3x3_1": "tower.conv",
    "branch3x3_2": "tower.conv_1",
    "branch7x7x3_1": "tower_1.conv",
    "branch7x7x3_2": "tower_1.conv_1",
    "branch7x7x3_3": "tower_1.conv_2",
    "branch7x7x3_4": "tower_1.conv_3",
}
_TOWERS_E = {
    "branch1x1": "conv",
    "branch3x3_1": "tower_conv",
    "branch3x3_2a": "tower_mixed_conv",
    "branch3x3_2b": "tower_mixed_conv_1",
    "branch3x3dbl_1": "tower_1_conv",
    "branch3x3dbl_2": "tower_1_conv_1",
    "branch3x3dbl_3a": "tower_1_mixed_conv",
    "branch3x3dbl_3b": "tower_1_mixed_conv_1",
    "branch_pool": "tower_2_conv",
}
_BLOCKS = {
    "Mixed_5b": ("mixed", _TOWERS_A),
    "Mixed_5c": ("mixed_1", _TOWERS_A),
    "Mixed_5d": ("mixed_2", _TOWERS_A),
    "Mixed_6a": ("mixed_3", _TOWERS_B),
    "Mixed_6b": ("mixed_4", _TOWERS_C),
    "Mixed_6c": ("mixed_5", _TOWERS_C),
    "Mixed_6d": ("mixed_6", _TOWERS_C),
    "Mixed_6e": ("mixed_7", _TOWERS_C),
    "Mixed_7a": ("mixed_8", _TOWERS_D),
    "Mixed_7b": ("mixed_9", _TOWERS_E),
    "Mixed_7c": ("mixed_10", _TOWERS_E),
}
_STEM = {
    "Conv2d_1a_3x3": "conv",
    "Conv2d_2a_3x3": "conv_1",
    "Conv2d_2b_3x3": "conv_2",
    "Conv2d_3b_1x1": "conv_3",
    "Conv2d_4a_3x3": "conv_4",
}


def graph_names() -> dict[str, str]:
    """torchvision's name of each of the 94 convolutions => its path in the TorchScript archive."""
    mixed = {
        f"{block}.{branch}": f"layers.{path}.{tower}"
        for block, (path, towers) in _BLOCKS.items()
        for branch, tower in towers.items()
    }
    return {name: f"layers.{path}" for name, path in _STEM.items()} | mixed


def load_state(path: Path) -> dict[str, Tensor]:
    """The weights under torchvision's names, whatever the file's form, every shape checked.

    Raises:
        GandiagError: the file is of no known form, or a tensor is missing or of another shape.
    """
    state = read_weights(path, WHAT)
    if any(name.startswith("layers.") for name in state):
        state = _from_graph_names(state)
    expected = _shapes()
    for name, shape in expected.items():
        if name not in state:
            raise unfit(path, WHAT, f"it lacks {name}")
        if tuple(state[name].shape) != shape:
            raise unfit(path, WHAT, f"{name} is of shape {tuple(state[name].shape)}, not {shape}")
        if not state[name].is_floating_point():
            raise unfit(path, WHAT, f"{name} holds {state[name].dtype}, not floats")
    surplus = {name for name in state if not name.endswith("num_batches_tracked")} - {*expected}
    if surplus:
        raise unfit(path, WHAT, f"it also holds {min(surplus)}")
    return {name: state[name] for name in expected}


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in convolutions().items():
        shapes[f"{name}.conv.weight"] = shape
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.bn.{part}"] = shape[:1]
    logits = LAYERS["logits"]
    return shapes | {"fc.weight": (logits, LAYERS["pool3"]), "fc.bias": (logits,)}


def _from_graph_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    renamed = {}
    parts = {"conv.weight": "weight", "bn.bias": "beta", "bn.running_mean": "mean"}
    for name, path in graph_names().items():
        for ours, theirs in (parts | {"bn.running_var": "var"}).items():
            if f"{path}.{theirs}" in state:
                renamed[f"{name}.{ours}"] = state[f"{path}.{theirs}"]
        if f"{path}.beta" in state:
            # The graph normalises without a gain.
            renamed[f"{name}.bn.weight"] = torch.ones_like(state[f"{path}.beta"])
    for ours, theirs in {"fc.weight": "output.weight", "fc.bias": "output.bias"}.items():
        if theirs in state:
            renamed[ours] = state[theirs]
    return renamed


def open_inception(request: Request) -> Inception:
    """The 2015 Inception.

    Raises:
        GandiagError: the weights are not there, or the file holds something else.
    """
    found = request.find_weights()
    return Inception(
        load_state(found.path),
        digest=found.sha256,
        verified=found.verified,
        device=request.device,
        precision=request.precision,
        preprocessing=request.preprocessing or CLEAN_FID,
    )
