"""Whether reals lie where a generator that ends in a tanh or a sigmoid can reach them."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gandiag.errors import GandiagError

BOUNDS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}
TANH = {torch.tanh, Tensor.tanh, torch.nn.functional.tanh}
SIGMOID = {torch.sigmoid, Tensor.sigmoid, torch.nn.functional.sigmoid}
FEW = 8
"""Of samples with at most so many values, points as a rule, the range says nothing."""


class LastCall(TorchFunctionMode):
    """While it is entered: what each tanh and sigmoid gave; calls in compiled code are not seen."""

    def __init__(self) -> None:
        super().__init__()
        self._given: dict[int, tuple[str, Tensor]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call as without this, then note what a bounded function gave."""
        out = func(*args, **(kwargs or {}))
        if func in TANH | SIGMOID and isinstance(out, Tensor):
            self._given[out.data_ptr()] = ("tanh" if func in TANH else "sigmoid", out)
        return out

    def of(self, samples: Tensor) -> str | None:
        """The function that gave these samples, reshaped at most; else None."""
        name, out = self._given.get(samples.data_ptr(), (None, samples))
        return name if out.numel() == samples.numel() else None


def check_range(real: Tensor, ending: str | None, source: str) -> None:
    """Reals of a generator that ends so must fill about the range that it has.

    Raises:
        GandiagError: they lie in [0, 1] beside a tanh, or far outside of the range.
    """
    if ending is None or real[0].numel() <= FEW:
        return
    low, high = BOUNDS[ending]
    found = float(real.min()), float(real.max())
    # Half a range more: a few outliers clamp nothing.
    outside = found[0] < low - 0.5 or found[1] > high + 0.5
    if outside or (ending == "tanh" and found[0] >= 0):
        raise GandiagError(
            f"{source} lies in [{found[0]:.3g}, {found[1]:.3g}] and the generator ends in a "
            f"{ending}, [{low:g}, {high:g}]; give reals as the discriminator sees them, "
            f"{'2 * x - 1' if ending == 'tanh' else 'x'} of images in [0, 1]"
        )
