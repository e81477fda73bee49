"""One image after another => batches of one size."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from gandiag.sources.base import Batch

THREADS = min(8, os.cpu_count() or 1)
"""Threads that read and decode files. Both work outside the interpreter's lock."""

AHEAD_BYTES = 128 << 20
"""Reading ahead goes no further than one batch, and than this much decoded at a time."""

S = TypeVar("S")
T = TypeVar("T")


class Item(NamedTuple):
    """One image and what is known of it."""

    image: Tensor
    """(3, height, width) uint8."""
    name: str
    label: str | None


def in_batches(items: Generator[Item], size: int) -> Generator[Batch]:
    """At most `size` consecutive items of one height and width => (batch, 3, height, width) uint8.

    A batch has labels when each of its images has one.
    """
    waiting: list[Item] = []
    with closing(items):
        for item in items:
            if waiting and item.image.shape != waiting[0].image.shape:
                yield _stacked(waiting)
                waiting = []
            waiting.append(item)
            if len(waiting) == size:
                yield _stacked(waiting)
                waiting = []
    if waiting:
        yield _stacked(waiting)


def _stacked(items: list[Item]) -> Batch:
    labels = tuple(item.label for item in items if item.label is not None)
    return Batch(
        images=torch.stack([item.image for item in items]),
        names=tuple(item.name for item in items),
        labels=labels if len(labels) == len(items) else None,
    )


def read_ahead(
    read: Callable[[S], T],
    given: Iterable[S],
    threads: int,
    most: int,
    nbytes: Callable[[T], int],
    pool: ThreadPoolExecutor | None = None,
) -> Generator[T]:
    """``read(each)`` for each that is given, such as an index, in order, by `threads` threads.

    It is ahead of the consumer by `most` results, or by `AHEAD_BYTES` if that is less (judged by
    the largest so far), but at least by what keeps the threads busy. When the consumer stops early,
    what has not begun is dropped, and the threads have ended when the generator is closed; also
    those of `pool`, where that is given.
    """
    pool = pool or ThreadPoolExecutor(threads, thread_name_prefix="gandiag-read")
    ahead: deque[Future[T]] = deque()
    busy = window = 2 * threads
    largest = 1
    try:
        for each in given:
            ahead.append(pool.submit(read, each))
            while len(ahead) > window:
                result = ahead.popleft().result()
                largest = max(largest, nbytes(result))
                window = max(busy, min(most, AHEAD_BYTES // largest))
                yield result
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
