"""Names of classes: in which order they stand, and which are taken for which."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from torch import Tensor

LISTED = 100
"""Confusions that are kept, the most frequent ones."""


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """The distinct labels as a person ranges them, numbers in them by size: c2 before c10."""
    return tuple(sorted(set(labels), key=_natural))


def _natural(label: str) -> tuple[list[str | int], str]:
    # Text and digits take turns, so that like is compared with like.
    parts = re.split(r"([0-9]+)", label)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], label


def confusions(asked: Tensor, seen: Tensor, names: Sequence[str]) -> dict[str, float]:
    """How many samples that were asked to be of one class are taken for another.

    Args:
        asked: (n,) int64, places among `names`.
        seen: (n,) int64, the same; what is no such place is of no class.
        names: of the classes.

    Returns:
        ``asked 4, seen 9`` => count, the most frequent first; at most a hundred.
    """
    pairs = Counter(zip(asked.tolist(), seen.tolist(), strict=True))
    wrong = sorted(
        (-count, *pair) for pair, count in pairs.items() if pair[0] != pair[1]
    )  # equal counts by place, whatever came first
    return {
        f"asked {names[a]}, seen {names[b] if 0 <= b < len(names) else 'none'}": float(-count)
        for count, a, b in wrong[:LISTED]
    }
