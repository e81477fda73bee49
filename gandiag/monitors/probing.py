"""Look at networks without leaving a trace."""

import contextlib
from collections.abc import Iterable, Iterator

import torch
from torch import nn


@contextlib.contextmanager
def undisturbed(networks: Iterable[nn.Module], seed: int) -> Iterator[None]:
    """Evaluation mode, no gradients, a random state of its own; all of it is put back.

    Put back are each module's training flag, the content of each buffer (running statistics, the
    vectors of spectral normalisation, also of code that updates them in evaluation mode) and the
    global random state of torch on the CPU and on the networks' CUDA devices. In the block that
    state is seeded, so that generators that draw noise themselves give the same samples each time.
    """
    networks = list(networks)
    modules = [module for network in networks for module in network.modules()]
    flags = [module.training for module in modules]
    buffers = [buffer for network in networks for buffer in network.buffers()]
    kept = [buffer.detach().clone() for buffer in buffers]
    tensors = [*(p for network in networks for p in network.parameters()), *buffers]
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
            for buffer, before in zip(buffers, kept, strict=True):
                buffer.copy_(before)
