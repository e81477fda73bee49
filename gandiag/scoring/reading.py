"""What is done to each image before a network sees it, in threads beside the network's own."""

import hashlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import torch
from torch import Tensor

from gandiag.extractors.base import FeatureExtractor
from gandiag.extractors.slices import workers
from gandiag.scoring.looks import Looks
from gandiag.sources.base import Batch
from gandiag.sources.batching import read_ahead


@dataclass(frozen=True)
class Piece:
    """Some consecutive images of one size, and what is known of them."""

    batch: Batch
    prepared: Mapping[str, Tensor]
    """Extractor -> its input; without those that prepare images in the caller's thread alone."""
    looks: Looks | None
    """None of points."""
    digests: tuple[int, ...] = ()
    """One an image, if they were asked for."""

    @classmethod
    def of(cls, batch: Batch, extractors: Iterable[FeatureExtractor], *, hashed: bool) -> "Piece":
        """Resize, look at and hash the images.

        Raises:
            GandiagError: an extractor does not take such images.
        """
        images = batch.images
        # First, for what a network refuses is not counted.
        prepared = {each.name: each.prepare(images) for each in extractors}
        return cls(
            batch=batch,
            prepared=prepared,
            looks=Looks.of(images) if images.ndim == 4 and len(images) else None,
            digests=tuple(digest(image) for image in images) if hashed else (),
        )

    @property
    def nbytes(self) -> int:
        """What it holds in memory."""
        held = [self.batch.images, *self.prepared.values()]
        return sum(each.nbytes for each in held)


def read(
    batches: Iterator[Batch],
    extractors: Sequence[FeatureExtractor],
    *,
    hashed: bool,
    threads: int,
    most: int,
) -> Generator[Piece]:
    """The images of `batches` as pieces, in order, made ready by `threads` threads.

    They are ahead of the consumer by `most` images, or by `AHEAD_BYTES` if that is less, but at
    least by what keeps the threads busy. `batches` itself is read in the caller's thread.

    Args:
        batches: of a source.
        extractors: that will see them. Those that do not say that they may (``apart``) prepare
            nothing here.
        hashed: whether the digests are wanted.
        threads: how many; with none the caller does it all.
        most: images.
    """
    able = [each for each in extractors if getattr(each, "apart", False)]
    if not threads:
        for batch in batches:
            yield Piece.of(batch, able, hashed=hashed)
        return
    # Two pieces a thread share out a batch evenly. An accelerator resizes a whole one at once, and
    # is asked as seldom as can be.
    shared = all(each.device.type == "cpu" for each in able)
    size = -(-most // (2 * threads)) if shared else most
    with workers(threads, each=1) as pool:
        pieces = read_ahead(
            lambda batch: Piece.of(batch, able, hashed=hashed),
            _cut(batches, size),
            threads,
            most=-(-most // size),
            nbytes=lambda piece: piece.nbytes,
            pool=pool,
        )
        with closing(pieces):
            yield from pieces


def _cut(batches: Iterator[Batch], size: int) -> Iterator[Batch]:
    for batch in batches:
        for start in range(0, len(batch.images), size):
            end = start + size
            yield Batch(
                batch.images[start:end],
                batch.names[start:end],
                batch.labels and batch.labels[start:end],
            )


def digest(image: Tensor) -> int:
    """An image or a point => 64 bits that two share when they are the same, signed."""
    # The shape goes in too: images of 2 x 3 and 3 x 2 pixels may hold the same bytes.
    content = hashlib.blake2b(repr(tuple(image.shape)).encode(), digest_size=8)
    content.update(image.contiguous().numpy().data)
    return int.from_bytes(content.digest(), "little", signed=True)


class Filling:
    """Prepared images of any number => batches of one size, in memory that is used again."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.waiting = 0
        self._batch: Tensor | None = None

    def add(self, prepared: Tensor) -> Iterator[Tensor]:
        """The batches that (n, ...) more fill; each is to be used up before the next.

        Raises:
            ValueError: they are of another shape than those that wait.
        """
        start = 0
        while start < len(prepared):
            if not self.waiting and len(prepared) - start >= self.size:
                yield prepared[start : start + self.size]
                start += self.size
                continue
            batch = self._fitting(prepared)
            count = min(self.size - self.waiting, len(prepared) - start)
            batch[self.waiting : self.waiting + count] = prepared[start : start + count]
            self.waiting += count
            start += count
            if self.waiting == self.size:
                self.waiting = 0
                yield batch

    def rest(self) -> Tensor:
        """Those that wait for the batch to be full; they go on waiting."""
        assert self._batch is not None
        return self._batch[: self.waiting]

    def _fitting(self, prepared: Tensor) -> Tensor:
        batch = self._batch
        if batch is None or batch.shape[1:] != prepared.shape[1:] or batch.dtype != prepared.dtype:
            if self.waiting:
                raise ValueError("images of several sizes")
            last = prepared.ndim == 4 and not prepared.is_contiguous()
            batch = self._batch = torch.empty(
                (self.size, *prepared.shape[1:]),
                dtype=prepared.dtype,
                device=prepared.device,
                memory_format=torch.channels_last if last else torch.contiguous_format,
            )
        return batch
