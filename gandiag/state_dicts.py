"""Reading state dicts as data: nothing in the file runs."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from gandiag.errors import GandiagError


def read_state(path: Path, what: str) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` file or of a state dict that `torch.save` wrote, by name.

    Args:
        path: the file.
        what: what it should hold, for the error's sentence, as in "the vgg16 weights".

    Raises:
        GandiagError: the file is damaged, of another kind, holds more than tensors, or several
            state dicts.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for without end
        raise unfit(path, what, "it is no regular file")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle's dialects; what matters is raised
            state = torch.load(path, map_location="cpu", weights_only=True)
    # A damaged archive or pickle fails in as many ways as there are bytes to damage.
    except Exception as error:
        raise unfit(path, what, first_line(error)) from error
    if not isinstance(state, Mapping):
        raise unfit(path, what, f"it holds a {type(state).__name__}, not a state dict")
    found = {name: tensor for name, tensor in state.items() if isinstance(tensor, Tensor)}
    inner = [str(name) for name, value in state.items() if isinstance(value, Mapping) and value]
    if inner and not found:
        raise unfit(
            path, what, f"it holds several ({', '.join(inner[:5])}); save the one you mean alone"
        )
    return found


def unfit(path: Path, what: str, why: str) -> GandiagError:
    """The sentence for a file that is not what it should be."""
    return GandiagError(f"{path} does not hold {what}: {why}; get the published file again")


def first_line(error: Exception) -> str:
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
