"""Tiles smaller than usual: where those on a diagonal are computed whole, less of them is waste."""

from collections.abc import Iterator

from gandiag.metrics.tiles import tiles

SMALL = 512
"""Rows on a side: a tile of float64 is 2 MB."""


def small_tiles(n: int, side: int = SMALL) -> Iterator[slice]:
    """Consecutive slices of `side` that cover range(n), none over an edge of `tiles`."""
    for tile in tiles(n):
        for start in range(tile.start, tile.stop, side):
            yield slice(start, min(start + side, tile.stop))
