"""TorchScript archives read as data.

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

from gandiag.state_dicts import first_line, read_state, unfit


def read_weights(path: Path, what: str) -> dict[str, Tensor]:
    """The tensors of a TorchScript archive, by their dotted paths, or of any file of `read_state`.

    Args:
        path: the file.
        what: what it should hold, for the error's sentence, as in "the vgg16 weights".

    Raises:
        GandiagError: the file is damaged, of another kind, or holds more than tensors.
    """
    try:
        members = _torchscript_members(path)
        if members is not None:
            return dict(_named_tensors(_read_tree(path, members)))
    # A damaged archive or pickle fails in as many ways as there are bytes to damage.
    except Exception as error:
        raise unfit(path, what, first_line(error)) from error
    return read_state(path, what)


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
