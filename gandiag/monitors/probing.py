"""Look at networks without leaving a trace."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import cast

import torch
from torch import Tensor, nn

Slots = dict[str, Tensor | None]


@contextlib.contextmanager
def undisturbed(networks: Iterable[nn.Module], seed: int) -> Iterator[None]:
    """Evaluation mode, no gradients, a random state of its own; all of it is put back.

    Put back are each module's training flag, each buffer and each parameter that takes no gradient
    (running statistics, the vectors of spectral normalisation, also of code that replaces them in
    each forward) and the global random state of torch on the CPU and on the networks' CUDA devices.
    In the block that state is seeded, so that generators that draw noise themselves give the same
    samples each time.
    """
    networks = list(networks)
    modules = [module for network in networks for module in network.modules()]
    flags = [module.training for module in modules]
    kept = [
        (names, name, tensor, tensor.detach().clone())
        for module in modules
        for names in (module._buffers, cast(Slots, module._parameters))
        for name, tensor in names.items()
        if tensor is not None and not tensor.requires_grad
    ]
    tensors = [t for network in networks for t in (*network.parameters(), *network.buffers())]
    devices = sorted({t.device.index for t in tensors if t.device.type == "cuda"})
    try:
        for network in networks:
            network.eval()
        with torch.random.fork_rng(devices=devices), torch.no_grad():
            # One generator after the other: torch.manual_seed would also seed devices not put back.
            torch.default_generator.manual_seed(seed)
            for device in devices:
                torch.cuda.default_generators[device].manual_seed(seed)
            yield
    finally:
        for module, flag in zip(modules, flags, strict=True):
            module.training = flag
        with torch.no_grad():
            for names, name, tensor, before in kept:
                names[name] = tensor
                tensor.data.copy_(before)
