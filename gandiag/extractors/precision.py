"""What "float32" means while a network runs: said by the extractor, not by ambient switches."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from gandiag.extractors.base import Precision


def fast_format(device: torch.device) -> torch.memory_format:
    """The layout that convolutions run fastest in: channels last on CUDA and, by 1.4x, on CPUs."""
    return torch.channels_last if device.type in ("cuda", "cpu") else torch.contiguous_format


def usable(precision: Precision, device: torch.device) -> Precision:
    """`precision`, or ``fp32`` where bfloat16 is asked of a processor that does not multiply it.

    Such a one converts each number there and back, and is slower than in float32.
    """
    return "fp32" if precision == "bf16" and not multiplies_bfloat16(device) else precision


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for products of bfloat16: AVX-512 BF16, AMX, Arm's BF16.

    Of processors alone this is asked; an accelerator is taken to have them.
    """
    if device.type != "cpu":
        return True
    asks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # since torch 2.6
    known = [getattr(torch.cpu, ask) for ask in asks if hasattr(torch.cpu, ask)]
    return any(ask() for ask in known) or _says_bfloat16(Path("/proc/cpuinfo"))


def _says_bfloat16(path: Path) -> bool:
    """Whether Linux lists such instructions for the first processor."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return False
    listed = (line.partition(":") for line in lines)
    flags = next((after for name, _, after in listed if name.strip() in ("flags", "Features")), "")
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags.split())


@contextlib.contextmanager
def running(precision: Precision, device: torch.device) -> Iterator[None]:
    """Run the block without gradients, at `precision` whatever the process is set to.

    ``fp32`` is true float32: no TensorFloat-32 on NVIDIA, no bfloat16 in the CPU's matrix products
    (`torch.set_float32_matmul_precision` allows both). ``tf32`` allows TensorFloat-32 and changes
    nothing elsewhere. ``bf16`` is autocast to bfloat16.

    The switches are the process's own: those of `device` alone are touched, and only where they say
    something else; they come back as they were when the last thread is done. A thread that wants
    another precision on the same kind of device waits; blocks inside each other in one thread must
    want the same.
    """
    with (
        _float32_as("tf32" if precision == "tf32" else "ieee", device),
        torch.inference_mode(),
        autocast(device, enabled=precision == "bf16"),
    ):
        yield


def autocast(device: torch.device, *, enabled: bool) -> contextlib.AbstractContextManager[None]:
    """Autocast to bfloat16, or none whatever the caller is in."""
    if not enabled and not torch.amp.autocast_mode.is_autocast_available(device.type):
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[None] = torch.autocast(
        device.type, torch.bfloat16, enabled=enabled
    )
    return context


class _Switches:
    """The process's switches of one kind of device, held at one value while any thread needs it.

    Threads that want the same value share it; one that wants another waits until they are done.
    What the process had comes back with the last of them.
    """

    def __init__(self, *switches: "Switch") -> None:
        self._switches = switches
        self._changed = threading.Condition()
        self._holders: list[int] = []
        self._value = ""
        self._before: list[tuple[Switch, str]] = []

    @contextlib.contextmanager
    def at(self, value: str) -> Iterator[None]:
        with self._changed:
            me = threading.get_ident()
            if me in self._holders and self._value != value:
                raise RuntimeError(f"this thread runs at {self._value} and would wait for itself")
            self._changed.wait_for(lambda: not self._holders or self._value == value)
            if not self._holders:
                self._value = value
                self._before = [
                    (switch, was) for switch in self._switches if (was := switch.get()) != value
                ]
                for switch, _ in self._before:
                    switch.set(value)
            self._holders.append(me)
        try:
            yield
        finally:
            with self._changed:
                self._holders.remove(me)
                if not self._holders:
                    for switch, was in self._before:
                        switch.set(was)
                    self._changed.notify_all()


class Switch(NamedTuple):
    """A setting of the process that is "ieee", "tf32" or what else torch knows."""

    get: Callable[[], str]
    set: Callable[[str], None]


def _attribute(owner: Any, name: str = "fp32_precision") -> Switch:
    return Switch(lambda: str(getattr(owner, name)), lambda value: setattr(owner, name, value))


def _switches() -> dict[str, _Switches]:
    """By kind of device; a kind that is absent has none."""
    backends: Any = torch.backends
    if hasattr(backends.cuda.matmul, "fp32_precision"):  # since torch 2.9, which forbids mixing
        return {
            "cuda": _Switches(_attribute(backends.cuda.matmul), _attribute(backends.cudnn.conv)),
            "cpu": _Switches(_attribute(backends.mkldnn.matmul), _attribute(backends.mkldnn.conv)),
        }
    # One switch there is for both, so that "cpu" and "cuda" must not hold it at different values.
    names = {"highest": "ieee", "high": "tf32"}
    matmul = Switch(
        lambda: names.get(torch.get_float32_matmul_precision(), "medium"),
        lambda value: torch.set_float32_matmul_precision(
            {ours: theirs for theirs, ours in names.items()}.get(value, value)
        ),
    )
    convolution = Switch(
        lambda: "tf32" if backends.cudnn.allow_tf32 else "ieee",
        lambda value: setattr(backends.cudnn, "allow_tf32", value == "tf32"),
    )
    both = _Switches(matmul, convolution)
    return {"cuda": both, "cpu": both}


_SWITCHES = _switches()


def _float32_as(
    value: Literal["ieee", "tf32"], device: torch.device
) -> contextlib.AbstractContextManager[None]:
    switches = _SWITCHES.get(device.type)
    if switches is None:
        return contextlib.nullcontext()
    return switches.at(value if device.type == "cuda" else "ieee")
