"""Units that never fire, seen without hooks on any module."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

RELUS = {F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu6}


class Rectified(TorchFunctionMode):
    """While it is entered: notes which units of each ReLU fired, in the order of the calls.

    A unit is a channel, that is an entry of dimension 1. A leaky ReLU of slope 0 counts. Calls in
    compiled code are not seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fired: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call as without this, then look at what a ReLU gave."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        slope = kwargs.get("negative_slope", args[1] if len(args) > 1 else 0.01)
        flat_leaky = func is F.leaky_relu and slope == 0
        if (func in RELUS or flat_leaky) and isinstance(out, Tensor) and out.ndim > 1:
            others = [d for d in range(out.ndim) if d != 1]
            self.fired.append(out.detach().amax(others) > 0)
        return out


def in_any(fired: list[Tensor], parts: int) -> list[Tensor]:
    """Units that fired in any of as many passes through the same layers, one after the other.

    A unit that is silent on a part of the samples is not dead.
    """
    layers = len(fired) // parts
    if layers * parts != len(fired):
        return []
    passes = [fired[i * layers : (i + 1) * layers] for i in range(parts)]
    return [torch.stack(same).any(0) for same in zip(*passes, strict=True) if _alike(same)]


def _alike(same: tuple[Tensor, ...]) -> bool:
    return len({each.shape for each in same}) == 1


def either(first: Iterable[Tensor], second: Iterable[Tensor]) -> list[Tensor]:
    """Units that fired in one of two passes through the same layers."""
    return [a | b for a, b in zip(first, second, strict=True) if a.shape == b.shape]


def dead_share(fired: list[Tensor]) -> Tensor | None:
    """Largest share over layers of units that never fired; None without layers."""
    if not fired:
        return None
    return torch.stack([1 - each.double().mean() for each in fired]).max()
