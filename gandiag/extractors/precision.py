"""What "float32" means while a network runs: said by the extractor, not by ambient switches."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor

from gandiag.extractors.base import Precision


def fast_format(device: torch.device) -> torch.memory_format:
    """The layout that convolutions run fastest in: channels last on CUDA and, by 1.4x, on CPUs."""
    return torch.channels_last if device.type in ("cuda", "cpu") else torch.contiguous_format


@contextlib.contextmanager
def running(precision: Precision, device: torch.device) -> Iterator[None]:
    """Run the block without gradients, at `precision` whatever the process is set to.

    ``fp32`` is true float32: no TensorFloat-32 on NVIDIA, no bfloat16 in the CPU's matrix products
    (`torch.set_float32_matmul_precision` allows both). ``tf32`` allows TensorFloat-32 and changes
    nothing elsewhere. ``bf16`` is autocast to bfloat16. The switches are the process's own and
    come back as they were.
    """
    with (
        _float32_as("tf32" if precision == "tf32" else "ieee"),
        torch.inference_mode(),
        autocast(device, enabled=precision == "bf16"),
    ):
        yield


def in_slices(
    network: Callable[[Tensor], dict[str, Tensor]], prepared: Tensor
) -> dict[str, Tensor]:
    """Run a network on a batch: at once on an accelerator, a few images at a time on a CPU.

    A large batch there asks the system for fresh memory at each layer, and EfficientNet-Lite0
    spends two fifths of its time on that (64 images on a core: 40 ms each; 4 images: 24 ms each).
    """
    if prepared.device.type != "cpu":
        return network(prepared)
    parts = [network(part) for part in torch.split(prepared, max(4, 2 * torch.get_num_threads()))]
    return {layer: torch.cat([part[layer] for part in parts]) for layer in parts[0]}


def autocast(device: torch.device, *, enabled: bool) -> contextlib.AbstractContextManager[None]:
    """Autocast to bfloat16, or none whatever the caller is in."""
    if not enabled and not torch.amp.autocast_mode.is_autocast_available(device.type):
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[None] = torch.autocast(
        device.type, torch.bfloat16, enabled=enabled
    )
    return context


@contextlib.contextmanager
def _float32_as(value: Literal["ieee", "tf32"]) -> Iterator[None]:
    backends = torch.backends
    cudnn: Any = backends.cudnn
    mkldnn: Any = backends.mkldnn
    if hasattr(backends.cuda.matmul, "fp32_precision"):  # since torch 2.9, which forbids mixing
        cuda = (backends.cuda.matmul, cudnn.conv)
        cpu = (mkldnn.matmul, mkldnn.conv)
        before = [(switch, switch.fp32_precision) for switch in (*cuda, *cpu)]
        try:
            for switch in cuda:
                switch.fp32_precision = value
            for switch in cpu:
                switch.fp32_precision = "ieee"
            yield
        finally:
            for switch, was in before:
                switch.fp32_precision = was
        return
    matmul, convolution = torch.get_float32_matmul_precision(), cudnn.allow_tf32
    try:
        torch.set_float32_matmul_precision("high" if value == "tf32" else "highest")
        cudnn.allow_tf32 = value == "tf32"
        yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        cudnn.allow_tf32 = convolution
