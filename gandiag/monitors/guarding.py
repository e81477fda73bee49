"""Whatever fails in here, training goes on: the one place where errors of the monitor end."""

import traceback
from collections.abc import Callable
from typing import NamedTuple, ParamSpec, TypeVar

import torch

from gandiag.monitors.overhead import Stopwatch

Given = ParamSpec("Given")
Out = TypeVar("Out")

LONGEST = 300
"""Letters of an error that a person is shown; the traceback is in the file."""
FEWEST = 2
"""Samples at once at which a probe gives up for want of memory: one has no batch statistics."""


class Failure(NamedTuple):
    """A part of the monitor that is not asked any more.

    Attributes:
        part: its name, as ``detector plateau``.
        reason: the error, in one line.
        trace: where it came from.
    """

    part: str
    reason: str
    trace: str


class Guard:
    """Calls parts of the monitor; one that raises is told once and never called again.

    KeyboardInterrupt and SystemExit pass: they are meant for the training loop.

    Args:
        tell: what is done with a failure; it must not raise.
        watch: measures what each part takes.
    """

    def __init__(self, tell: Callable[[Failure], None], watch: Stopwatch | None = None):
        self._tell = tell
        self.watch = watch or Stopwatch()
        self.failed: dict[str, str] = {}

    def __call__(
        self,
        part: str,
        work: Callable[Given, Out],
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Out | None:
        """What `work` returns; None if it raises, or if the part has failed before."""
        if part in self.failed:
            return None
        self.watch.enter(part)
        try:
            return work(*args, **kwargs)
        except Exception as error:
            failure = Failure(part, in_a_line(error), traceback.format_exc())
        finally:
            self.watch.leave()
        # Out of the block: the error holds the frames, and they hold tensors.
        self.failed[part] = failure.reason
        self._tell(failure)
        return None


def in_a_line(error: BaseException) -> str:
    """``ValueError: no more``, in at most 300 letters."""
    text = " ".join("".join(traceback.format_exception_only(error)).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def halving(work: Callable[[int], Out], rows: int) -> tuple[Out, int]:
    """`work(rows)`, with half as many rows each time that memory runs out, and the rows it took.

    Raises:
        RuntimeError, MemoryError: memory runs out for two rows, too.
    """
    while True:
        try:
            return work(rows), rows
        except (RuntimeError, MemoryError) as error:
            if rows // 2 < FEWEST or not out_of_memory(error):
                raise
        rows //= 2
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.empty_cache()


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says so: of CUDA, of torch's allocators of the CPU and MPS, of numpy."""
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, RuntimeError) and any(each in str(error).lower() for each in words)
