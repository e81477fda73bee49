"""Several sets of rows at once, and draws that their order does not move."""

import hashlib
from collections import Counter
from collections.abc import Mapping

import torch
from torch import Tensor

from gandiag.metrics.checks import Rows, as_rows, check_count, check_same_width
from gandiag.metrics.tiles import tiles


def as_sets(sets: Mapping[str, Rows], least: Mapping[str, int]) -> tuple[Tensor, ...]:
    """Sets that can be compared, by name, on the device of the first.

    Args:
        sets: name -> (n, width).
        least: name -> how many rows it needs.

    Raises:
        GandiagError: as `as_rows`; or too few rows, or widths that differ.
    """
    found = {name: as_rows(values, name) for name, values in sets.items()}
    for name, rows in found.items():
        check_count(name, len(rows), least[name])
    check_same_width({name: rows.shape[1] for name, rows in found.items()})
    device = next(iter(found.values())).device
    return tuple(rows.to(device) for rows in found.values())


def shuffled(rows: Tensor, seed: int) -> Tensor:
    """(n, width) => (n,) int64, the rows in a random order that their own order does not move.

    They are ranged by a digest of their numbers and of the seed. Of equal rows, each has another
    digest: else copies would come one after the other, and a pair of neighbours be a pair of
    copies.
    """
    seen: Counter[bytes] = Counter()
    digests: list[bytes] = []
    salt = seed.to_bytes(8, "little", signed=True)
    for part in tiles(len(rows)):
        for row in (rows[part].double().cpu() + 0.0).numpy():  # -0.0 becomes 0.0
            plain = hashlib.blake2b(row.tobytes(), digest_size=16, salt=salt).digest()
            copy = seen[plain].to_bytes(8, "little")
            digests.append(hashlib.blake2b(copy, digest_size=16, key=plain).digest())
            seen[plain] += 1
    return torch.tensor(sorted(range(len(digests)), key=digests.__getitem__), device=rows.device)
