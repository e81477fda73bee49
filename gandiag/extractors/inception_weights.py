"""Reading the 2015 Inception's weights from each form that they are published in, running nothing.

- A state dict under torchvision's names: 566 entries as pytorch-fid writes it, 472 without the
  batch counters as torch-fidelity's converter does; ``.pth`` or ``.safetensors``.
- A TorchScript archive under TensorFlow's names, as NVIDIA's StyleGAN repositories and clean-fid
  use it.

`torch.jit.load` would run the archive's own code. Only its tensors are wanted, and they lie in the
zip as raw bytes beside a pickled tree of modules, so that tree is read here with an unpickler that
knows tensors and inert nodes and refuses everything else.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from gandiag.extractors.inception import LAYERS, convolutions
from gandiag.state_dicts import first_line, read_state, unfit

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
    state = _read(path)
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


def _read(path: Path) -> dict[str, Tensor]:
    try:
        members = _torchscript_members(path)
        if members is not None:
            return dict(_named_tensors(_read_tree(path, members)))
    # A damaged archive or pickle fails in as many ways as there are bytes to damage.
    except Exception as error:
        raise unfit(path, WHAT, first_line(error)) from error
    return read_state(path, WHAT)


# --- TorchScript archives, read as data ---


class _Node:
    """Stands for a module of the archive: a bag of attributes, with no code."""

    attributes: Mapping[str, object] = {}

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.attributes = state


class _Storage:
    """Stands for a type of storage."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


_STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "LongStorage": torch.int64,
}


def _rebuild(
    storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> Tensor:
    if offset < 0 or any(number < 0 for number in (*size, *stride)):
        raise pickle.UnpicklingError("a tensor has a negative size, stride or offset")
    reach = offset + 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if 0 not in size and reach > storage.numel():
        raise pickle.UnpicklingError("a tensor reaches beyond its storage")
    return storage.as_strided(size, stride, offset)


def _untagged(value: object, _: object) -> object:
    return value


class _TreeReader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(file)
        self._archive = archive
        self._root = root
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> object:
        if module == "__torch__" or module.startswith("__torch__."):
            return _Node
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in _STORAGES:
            return _Storage(_STORAGES[name])
        if module == "torch.jit._pickle" and name.startswith("build_"):
            return list
        if (module, name) == ("torch.jit._pickle", "restore_type_tag"):
            return _untagged
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which weights do not need")

    def persistent_load(self, pid: object) -> Tensor:
        match pid:
            case ("storage", _Storage(dtype=dtype), str(key), str(), int(count)):
                if key not in self._storages:
                    member = f"{self._root}/data/{key}"
                    if self._archive.getinfo(member).file_size != count * dtype.itemsize:
                        raise pickle.UnpicklingError(f"{member} is not {count} numbers long")
                    raw = bytearray(self._archive.read(member))
                    self._storages[key] = (
                        torch.frombuffer(raw, dtype=dtype) if count else torch.empty(0, dtype=dtype)
                    )
                return self._storages[key]
            case _:
                raise pickle.UnpicklingError("a storage is described in an unknown way")


def _torchscript_members(path: Path) -> list[str] | None:
    """The archive's members, or None if it is no TorchScript archive (those carry code)."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        members = archive.namelist()
    return members if any("/code/" in member for member in members) else None


def _read_tree(path: Path, members: list[str]) -> object:
    roots = [name.removesuffix("/data.pkl") for name in members if name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise pickle.UnpicklingError(f"it has {len(roots)} members data.pkl where one is due")
    (root,) = roots
    with zipfile.ZipFile(path) as archive:
        if f"{root}/byteorder" in members and archive.read(f"{root}/byteorder") != b"little":
            raise pickle.UnpicklingError("its numbers are big-endian")
        file = io.BytesIO(archive.read(f"{root}/data.pkl"))
        return _TreeReader(file, archive, root).load()


def _named_tensors(node: object, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    if not isinstance(node, _Node):
        return
    for name, value in node.attributes.items():
        if isinstance(value, Tensor):
            yield prefix + name, value
        else:
            yield from _named_tensors(value, f"{prefix}{name}.")
