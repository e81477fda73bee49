"""A network on a batch, in the way that keeps a device busy."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

SLICE = 2
"""Images that a thread takes through the network at once.

The C library hands large blocks back to the kernel, to be cleared and mapped anew: in glibc those
above 32 MiB, and in a thread beside the first whole heaps of 64 MiB once they are empty. The
largest activation of Inception is 5.5 MiB an image. Two threads had up to 100 page faults an image
in slices of one, up to 850 in slices of two, and 1,900 to 3,600 in slices of four. Processor time
is least for two to four, since each slice reads all weights.
"""

Network = Callable[[Tensor], dict[str, Tensor]]

T = TypeVar("T")


def in_slices(network: Network, prepared: Tensor) -> dict[str, Tensor]:
    """Run a network on a batch: at once on an accelerator, in slices on a CPU.

    Each of torch's threads takes slices of its own through the whole network. Together on each
    operator they would wait for the slowest at its end, spinning: beside other work on the machine
    that takes several times the processor time. A slice is computed by one thread, however many
    there are (up to one a slice), so that their number does not move a number.
    """
    if prepared.device.type != "cpu":
        return network(prepared)
    slices = torch.split(prepared, SLICE)
    threads = min(torch.get_num_threads(), len(slices))
    if threads < 2:
        parts = [network(part) for part in slices]
    else:
        parts = _side_by_side(network, slices, threads)
    return {layer: torch.cat([part[layer] for part in parts]) for layer in parts[0]}


def _side_by_side(
    network: Network, slices: tuple[Tensor, ...], threads: int
) -> list[dict[str, Tensor]]:
    state = _state()

    def run(part: Tensor) -> dict[str, Tensor]:
        with state():
            return network(part)

    with workers(threads, each=torch.get_num_threads() // threads) as pool:
        return list(pool.map(run, slices))


@contextlib.contextmanager
def workers(count: int, each: int) -> Iterator[ThreadPoolExecutor]:
    """`count` threads that have each `each` of torch's threads for an operator.

    `torch.set_num_threads` sets the number of the calling thread, and that of threads yet to come,
    which is put back as soon as all are there.
    """
    pool = ThreadPoolExecutor(count, "gandiag-network", _begin, (each,))
    try:
        with _beginning:
            default = _aside(torch.get_num_threads)
            together = threading.Barrier(count)
            for _ in pool.map(lambda _: together.wait(), range(count)):
                pass
            _aside(lambda: torch.set_num_threads(default))
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_beginning = threading.Lock()


def _begin(threads: int) -> None:
    # Asked first, because torch sets a thread's number when it is first used there.
    torch.get_num_threads()
    torch.set_num_threads(threads)


def _aside(call: Callable[[], T]) -> T:
    """Call it in a thread of its own, which has no number yet."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call).result()


def _state() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """What the calling thread is set to, to be entered in another."""
    inference, gradients = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    autocast, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    @contextlib.contextmanager
    def entered() -> Iterator[None]:
        with (
            torch.inference_mode(inference),
            torch.set_grad_enabled(gradients),
            torch.autocast("cpu", dtype, enabled=autocast),
        ):
            yield

    return entered
