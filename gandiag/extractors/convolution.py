"""Convolution and ReLU in one step, with weights laid out once."""

from typing import Any

import torch
from torch import Tensor, nn


class ConvReLU(nn.Conv2d):
    """A convolution and a ReLU.

    On a CPU oneDNN wants the weights in blocks of its own, and torch's convolution puts them in
    that order at every call. Here they are put so once, and ReLU is applied while a result is still
    in the cache. `torch.compile` takes the same operators for a frozen network; nothing is compiled
    here. They have no gradient: where one is asked for, and wherever they are missing, this is
    torch's convolution, then ReLU.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._packed: dict[torch.dtype, tuple[tuple[int, int], Tensor]] = {}

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in, height, width) => (batch, out, height, width)."""
        if not self._goes_fast(x):
            return super().forward(x).relu_()
        # oneDNN's operators are not among those that autocast knows.
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        x = x.to(dtype)
        found: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self._weights_for(x), self.bias, *self._how(), "relu", [], ""
        )
        return found

    def _goes_fast(self, x: Tensor) -> bool:
        return (
            x.device.type == self.weight.device.type == "cpu"
            and x.dtype in (torch.float32, torch.bfloat16)
            and self.weight.dtype == torch.float32
            and len(x) > 0
            and not (torch.is_grad_enabled() and (x.requires_grad or self.weight.requires_grad))
            and not self.weight.is_inference()  # whether it changes could not be told
            and torch._C._get_tracing_state() is None
            and bool(torch.backends.mkldnn.enabled)
            and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
        )

    def _weights_for(self, x: Tensor) -> Tensor:
        # A parameter that is written to in place has another version.
        state = self.weight.data_ptr(), self.weight._version
        known = self._packed.get(x.dtype)
        if known is None or known[0] != state:
            weight = self.weight.detach().to(x.dtype)
            padding, *rest = self._how()
            packed = torch.ops.mkldnn._reorder_convolution_weight(
                weight, padding, *rest, list(x.shape)
            )
            known = self._packed[x.dtype] = state, packed
        return known[1]

    def _how(self) -> tuple[Any, ...]:
        return self.padding, self.stride, self.dilation, self.groups

    def __getstate__(self) -> dict[str, Any]:
        # Packed weights can be neither copied nor written.
        return {**self.__dict__, "_packed": {}}
