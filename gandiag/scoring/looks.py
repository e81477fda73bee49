"""What the pixels of a set amount to: enough to see how they were made into bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

LEVELS = 256
WHITE = 255


@dataclass(frozen=True)
class Looks:
    """Counts over all pixels and images of a set; of two sets together they add up."""

    levels: tuple[int, ...] = (0,) * LEVELS
    """How often each of the levels 0 to 255 occurs, in any channel."""
    grey: int = 0
    """Images whose three channels are alike."""
    stretched: int = 0
    """Images that reach both 0 and 255."""

    @classmethod
    def of(cls, images: Tensor) -> Self:
        """(n, 3, height, width) uint8 => their counts."""
        flat = images.flatten(1)
        levels = torch.bincount(flat.flatten().int(), minlength=LEVELS)
        grey = (images == images[:, :1]).flatten(1).all(dim=1)
        stretched = (flat.amin(dim=1) == 0) & (flat.amax(dim=1) == WHITE)
        return cls(tuple(levels.tolist()), int(grey.sum()), int(stretched.sum()))

    @classmethod
    def restore(cls, told: Sequence[Any]) -> Self:
        """The inverse of `to_list`.

        Raises:
            ValueError: it is not what `to_list` gave.
        """
        *levels, grey, stretched = map(int, told)
        if len(levels) != LEVELS:
            raise ValueError(f"{len(levels)} levels, not {LEVELS}")
        return cls(tuple(levels), grey, stretched)

    def to_list(self) -> list[int]:
        """As JSON keeps it."""
        return [*self.levels, self.grey, self.stretched]

    def __add__(self, other: Self) -> Self:
        levels = tuple(a + b for a, b in zip(self.levels, other.levels, strict=True))
        return type(self)(levels, self.grey + other.grey, self.stretched + other.stretched)

    @property
    def truncated(self) -> bool | None:
        """Whether floats were cut off to bytes rather than rounded; None if nobody can say.

        ``(x + 1) 127.5`` cut off gives 255 for x = 1 alone, so that white pixels stand at 254.
        """
        below, white = self.levels[WHITE - 1], self.levels[WHITE]
        if below + white < sum(self.levels) / 1e4:
            return None  # too few pixels are white
        return white * 10 < below
