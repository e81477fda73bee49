"""Look at networks without leaving a trace."""

import contextlib
import random
from collections.abc import Iterable, Iterator
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

Slots = dict[str, Tensor | None]


@contextlib.contextmanager
def undisturbed(
    networks: Iterable[nn.Module], seed: int, *, search: bool = False
) -> Iterator[list[nn.Module]]:
    """Evaluation mode, no gradients, random states of its own; all of it is put back.

    Put back are each module's training flag, each buffer and each parameter that takes no gradient
    (running statistics, the vectors of spectral normalisation, also of code that replaces them in
    each forward) and the global random states of Python, numpy and torch, on the CPU and on the
    networks' CUDA devices. In the block they are seeded, so that generators that draw noise
    themselves give the same samples each time.

    Args:
        networks: that are called in the block.
        seed: of the block.
        search: treat any other network that is called in the block alike, as an average of the
            generator or an encoder that a sampler uses.

    Yields:
        The networks, those that were found so far included.
    """
    kept = _Kept()
    for network in networks:
        kept.take(network)
    hook = register_module_forward_pre_hook(kept.meet) if search else None
    devices = kept.devices()
    try:
        with _kept_states(devices), torch.no_grad():
            reseed(seed, devices)
            yield kept.networks
    finally:
        if hook is not None:
            hook.remove()
        kept.put_back()


def reseed(seed: int, devices: Iterable[int] = ()) -> None:
    """Seed the global random states of Python, numpy and torch, in an `undisturbed` block only."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    # One generator after the other: torch.manual_seed would also seed devices not put back.
    torch.default_generator.manual_seed(seed)
    for device in devices:
        torch.cuda.default_generators[device].manual_seed(seed)


@contextlib.contextmanager
def random_states() -> Iterator[None]:
    """The global random states are afterwards what they were: imports draw from them, too."""
    started = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    with _kept_states(range(torch.cuda.device_count() if started else 0)):
        yield


@contextlib.contextmanager
def _kept_states(devices: Iterable[int]) -> Iterator[None]:
    python, others = random.getstate(), np.random.get_state()  # noqa: NPY002  (users draw from it)
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(others)  # noqa: NPY002


class _Kept:
    """What networks were before they were looked at."""

    def __init__(self) -> None:
        self.networks: list[nn.Module] = []
        self._flags: list[tuple[nn.Module, bool]] = []
        self._tensors: list[tuple[Slots, str, Tensor, Tensor]] = []
        self._known: set[int] = set()

    def take(self, network: nn.Module) -> None:
        """Note all of a network, and put it into evaluation mode."""
        self.networks.append(network)
        for module in network.modules():
            if id(module) in self._known:
                continue
            self._known.add(id(module))
            self._flags.append((module, module.training))
            self._tensors += [
                (names, name, tensor, tensor.detach().clone())
                for names in (module._buffers, cast(Slots, module._parameters))
                for name, tensor in names.items()
                if tensor is not None and not tensor.requires_grad
            ]
        network.eval()

    def meet(self, module: nn.Module, args: Any) -> None:
        """Before a module's forward: the outermost of a network comes first."""
        if id(module) not in self._known:
            self.take(module)

    def devices(self) -> list[int]:
        """CUDA devices of the networks."""
        tensors = [t for each in self.networks for t in (*each.parameters(), *each.buffers())]
        return sorted({t.device.index for t in tensors if t.device.type == "cuda"})

    def put_back(self) -> None:
        """All as it was."""
        for module, flag in self._flags:
            module.training = flag
        with torch.no_grad():
            for names, name, tensor, before in self._tensors:
                names[name] = tensor
                tensor.data.copy_(before)
