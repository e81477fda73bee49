"""Decompositions that do not wait for each other's threads."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

_lock = threading.Lock()
_within = 0
"""How many threads are within `one_thread`, with each block that they have entered."""
_default = 1
"""What new threads were given before the first of them came."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the matrix decompositions within on one CPU thread; a GPU does not notice.

    They are made of thousands of short parallel steps, and gain little from several threads but
    wait at each step when a core is busy elsewhere, as beside a data loader.

    `torch.set_num_threads` sets the calling thread's number, which no other thread sees, and that
    of threads yet to come. The first is put back when the block ends. The second is put back when
    the last of the threads within has left, unless another thread has set it in the meantime.
    """
    global _within, _default
    before = torch.get_num_threads()
    with _lock:
        if not _within:
            _default = _aside(torch.get_num_threads)
        _within += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _within -= 1
            meanwhile = _aside(torch.get_num_threads)
            torch.set_num_threads(before)
            default = meanwhile if meanwhile != 1 else 1 if _within else _default
            if default != before:
                _aside(lambda: torch.set_num_threads(default))


def _aside(call: Callable[[], int | None]) -> int:
    """Call it in a thread of its own, which has no number yet."""
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(call() or 0))
    thread.start()
    thread.join()
    return found[0]
