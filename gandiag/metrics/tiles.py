"""Pairwise passes whose memory does not grow with N x N."""

from collections.abc import Iterator

TILE = 2048
"""Rows on a side: a tile of float64 is 32 MB, whatever N is."""


def tiles(n: int) -> Iterator[slice]:
    """Consecutive slices of `TILE` that cover range(n)."""
    for start in range(0, n, TILE):
        yield slice(start, min(start + TILE, n))
