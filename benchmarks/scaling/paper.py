"""What one million, one hundred million and ten billion images take, on paper."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.scaling.lists import NAMES
from gandiag.extractors.inception import SIZE, InceptionNetwork

SIZES = {"one million": 10**6, "100 million": 10**8, "ten billion": 10**10}
WIDTH = 2048
CLASSES = 1008
SUBSETS, SUBSET = 100, 1000
FRECHET = 2 / 3 + 2 + 8 / 3
"""Operations over the cube of the width: two Cholesky factors, their product, and its singular
values without vectors (Golub & Van Loan 2013, sections 4.2.5 and 8.6.3)."""

Of = Callable[[int], float]


@cache
def inception() -> int:
    """Operations of the 2015 Inception on one picture, as torch counts those of products."""
    picture = torch.empty(1, 3, SIZE, SIZE, device="meta")
    with FlopCounterMode(display=False) as counter:
        InceptionNetwork()(picture, ["pool3"])
    return counter.get_total_flops()


def lists(n: int) -> float:
    """Operations of neighbours by lists: as many lists as the root of n, of which 16 are read."""
    return 3 * n * 2 * WIDTH * 17 * n**0.5


BYTES: dict[str, tuple[Of, str, str]] = {
    "features, float32": (lambda n: 4 * WIDTH * n, "one after the other", "exact"),
    "moments": (lambda n: 8 * (WIDTH**2 + WIDTH + 1), "add up", "exact, to rounding"),
    "hashes": (lambda n: 8 * n, "one after the other", "exact, while there are no collisions"),
    "histogram of classes": (lambda n: 8 * CLASSES, "add up", "exact"),
}
"""Of one set => bytes, how parts of it merge, and what it is at such a size."""

OPERATIONS: dict[str, tuple[Of, str, str]] = {
    "features by Inception": (lambda n: inception() * n, "shared out by images", "exact"),
    "adding up moments": (lambda n: 2 * WIDTH**2 * n, "shared out by images", "exact, to rounding"),
    "Fréchet distance": (lambda n: FRECHET * WIDTH**3, "once", "exact"),
    "kernel distance, all pairs": (
        lambda n: 4 * WIDTH * n**2,
        "shared out by pairs",
        "exact, while it can be had",
    ),
    f"kernel distance, {SUBSETS} subsets": (
        lambda n: SUBSETS * 3 * 2 * WIDTH * SUBSET**2,
        "shared out by subsets",
        "unbiased, with the noise of the subsets",
    ),
    "nearest neighbours, all pairs": (
        lambda n: 3 * 2 * WIDTH * n**2,
        "shared out by pairs",
        "exact, while it can be had",
    ),
    "nearest neighbours, 16 lists of √N": (
        lists,
        "shared out by lists",
        "approximate; see below",
    ),
}
"""Of one comparison of two such sets => operations, and the same."""


def collisions(n: int) -> float:
    """Pairs of different images that 64-bit hashes are expected to confuse."""
    return n * (n - 1) / 2 / 2**64


def scaled(value: float, unit: str) -> str:
    """A number with three digits and a prefix: ``8.19 GB``; ``8.2e+23`` where there is none."""
    for power, prefix in ((18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if value >= 999.5 * 10**18:
            return f"{value:.1e} {unit}".strip()
        if value >= 10**power:
            return f"{value / 10**power:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".strip()


def table() -> Iterator[str]:
    """Bytes of a set, then operations of a comparison."""
    yield f"| {WIDTH:,} features an image | {' | '.join(SIZES)} | parts of it | is |"
    yield "|---" * (len(SIZES) + 3) + "|"
    for name, (of, merges, exact) in BYTES.items():
        found = " | ".join(scaled(of(n), "B") for n in SIZES.values())
        yield f"| {name} | {found} | {merges} | {exact} |"
    found = " | ".join(f"{collisions(n):.1g}" for n in SIZES.values())
    yield f"| pairs of images that hashes confuse | {found} | | expected |"
    for name, (of, merges, exact) in OPERATIONS.items():
        found = " | ".join(scaled(of(n), "op") for n in SIZES.values())
        yield f"| {name} | {found} | {merges} | {exact} |"


def errors(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What `lists` found: the four as they are, then what each share of the lists is off."""
    heads = "normal features", "N", "lists", "looked into", "distances computed", "neighbours found"
    yield f"| {' | '.join((*heads, *NAMES))} |"
    yield "|---" * (len(heads) + len(NAMES)) + "|"
    for row in rows:
        for name, found in groupby(row["found"], lambda each: each["features"]):
            several = [*found]
            head = f"| {name} | {row['n']:,} | {several[0]['lists']} |"
            exact = " | ".join(f"{several[0]['exact'][each]:.3f}" for each in NAMES)
            yield f"{head} all | 100% | 100% | {exact} |"
            for each in several:
                off = " | ".join(f"{each['off'][name]:+.3f}" for name in NAMES)
                yield (
                    f"{head} {each['share']:.0%} | {each['computed']:.1%} "
                    f"| {each['neighbours']:.1%} | {off} |"
                )
