"""Squared distances to within a known error, in float32 where that will do.

What they leave open, near ties, is for float64 and for single distances to settle.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.small_tiles import small_tiles

SIDE = 512
"""Rows on a side of a tile: 1 MB in float32, and so 2 MB in float64."""
LEAST, MOST = 1e-12, 1e15
"""Of the largest value, between which squares in float32 neither vanish nor overflow."""
WIDEST = 1 << 16
"""Features up to which float32 is used: beyond, its sums may lose all digits."""


def whole_float32(device: torch.device) -> bool:
    """Whether products of float32 keep all of its digits, which torch may be told to give up.

    As TF32 on a GPU, or bfloat16 on a CPU that has it.
    """
    size = 128  # small products are not shortened
    last = torch.full((size, size), 1 + 2.0**-23, dtype=torch.float32, device=device)
    return torch.equal(last @ torch.eye(size, dtype=torch.float32, device=device), last)


def mean_of(rows: Tensor) -> Tensor:
    """(n, width) => (width,) float64, without a copy of all rows in float64."""
    return torch.stack(
        [part.sum(dim=0, dtype=torch.float64) for part in torch.split(rows, SIDE)]
    ).sum(dim=0) / len(rows)


@dataclass(frozen=True, eq=False)
class Coarse:
    """Rows around a centre, as they are multiplied."""

    rows: Tensor
    """(n, width), as they came."""
    centre: Tensor
    """(width,) float64, of float32's digits where it is in its range: what both sets are around."""
    sizes: Tensor
    """(n,) float64, squared distances from the centre."""
    dtype: torch.dtype
    """Of the products."""

    @classmethod
    def of(cls, rows: Tensor, centre: Tensor) -> Self:
        """In float32, where sizes, width and torch's settings allow it, or else in float64.

        Args:
            rows: (n, width).
            centre: (width,) the nearer to the rows, the smaller the error.

        Raises:
            GandiagError: squares overflow in float64.
        """
        rounded = centre.float().double()
        centre = rounded if torch.isfinite(rounded).all() else centre.double()
        sizes = torch.cat(
            [(part.double() - centre).square_().sum(dim=1) for part in torch.split(rows, SIDE)]
        )
        largest = float(sizes.max())
        if not math.isfinite(largest):
            raise GandiagError(
                "the features are so large that their squares overflow; divide real and generated "
                "by one constant"
            )
        few = rows.shape[1] <= WIDEST and LEAST < math.sqrt(largest) < MOST
        small = few and whole_float32(rows.device)
        return cls(rows, centre, sizes, torch.float32 if small else torch.float64)

    def block(self, i: slice) -> Tensor:
        """(rows, width) of the dtype of the products, around the centre."""
        rows = self.rows[i]
        if rows.dtype == self.dtype == torch.float32:
            return rows - self.centre.float()
        return (rows.double() - self.centre).to(self.dtype)

    def taken(self, index: Tensor) -> Self:
        """Some of the rows."""
        return type(self)(self.rows[index], self.centre, self.sizes[index], self.dtype)


@dataclass(frozen=True, eq=False)
class Bounds:
    """Of two sets' squared distances."""

    x: Coarse
    y: Coarse
    """Around the same centre, and multiplied in the same dtype."""

    @classmethod
    def of(cls, x: Tensor, y: Tensor, centre: Tensor) -> Self:
        """Both in float32, or both in float64."""
        both = cls(Coarse.of(x, centre), Coarse.of(y, centre))
        return both if both.x.dtype == both.y.dtype else both.finer()

    def finer(self) -> Self:
        """The same in float64."""
        x = replace(self.x, dtype=torch.float64)
        return type(self)(x, x if self.y is self.x else replace(self.y, dtype=torch.float64))

    def turned(self) -> Self:
        """Seen from the other set."""
        return type(self)(self.y, self.x)

    @property
    def error(self) -> float:
        """The bounds are this times both sizes from the squared distance, at most.

        The worst case of rounding: each of the products' sums over the width may lose half an ulp a
        term; centring and the sums of sizes and products a few more. Twice that in float64, in
        which single distances are rounded, too.
        """
        width, ulp = self.x.rows.shape[1], torch.finfo(self.x.dtype).eps
        return 1.02 * (width + 16) * ulp / 2 * (1 if self.x.dtype == torch.float32 else 4)

    @property
    def floor(self) -> float:
        """And this: what products that vanish in float32 come to."""
        return self.x.rows.shape[1] * 2.0**-120 if self.x.dtype == torch.float32 else 0.0

    def lower(self, i: slice, block: Tensor, j: slice) -> Tensor:
        """(rows i, rows j): never above the squared distance; `block` is ``-2 x.block(i)``."""
        dtype, less = self.x.dtype, 1 - self.error
        found = block @ self.y.block(j).T
        found += (less * self.x.sizes[i]).sub_(self.floor).to(dtype)[:, None]
        found += (less * self.y.sizes[j]).to(dtype)
        return found

    def tile(self, i: slice, j: slice) -> Tensor:
        """(rows i, rows j): the same of one tile alone."""
        return self.lower(i, self.x.block(i).mul_(-2), j)

    def slack(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Indices => float64, how far above its lower bound a squared distance may be."""
        sizes = self.x.sizes[rows] + self.y.sizes[columns]
        return 2 * self.error * sizes + 2 * self.floor

    def tiles(self, symmetric: bool = False) -> Iterator[tuple[slice, slice, Tensor]]:
        """Lower bounds, tile by tile; where both are one set, tiles below the diagonal left out."""
        for i in small_tiles(len(self.x.rows), SIDE):
            block = self.x.block(i).mul_(-2)
            for j in small_tiles(len(self.y.rows), SIDE):
                if not symmetric or j.start >= i.start:
                    yield i, j, self.lower(i, block, j)
