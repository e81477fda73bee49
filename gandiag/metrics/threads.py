"""Decompositions that do not wait for each other's threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the matrix decompositions within on one CPU thread; a GPU does not notice.

    They are made of thousands of short parallel steps, and gain little from several threads but
    wait at each step when a core is busy elsewhere, as beside a data loader.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
