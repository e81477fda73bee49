"""Pairwise passes whose memory does not grow with N x N."""

from collections.abc import Iterator

TILE = 2048
"""Rows on a side: a tile of float64 is 32 MB, whatever N is."""


SMALL = 512
"""The same where tiles on a diagonal are computed whole: the less of the other half."""


def tiles(n: int, side: int | None = None) -> Iterator[slice]:
    """Consecutive slices of `TILE`, or fewer rows where `side` is fewer, that cover range(n)."""
    step = TILE if side is None else min(side, TILE)
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
