"""Every random number comes from a generator that a tuple of names seeds.

Batch 17 of step 400 is then the same whether the run was interrupted or not, and there is no state
to save; the global generator is left as it was.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_of(*path: int | str) -> int:
    """A 63-bit seed for a path such as ``(seed, "latent", step)``; the same on every machine."""
    digest = hashlib.blake2b(repr(path).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(*path: int | str) -> torch.Generator:
    """A CPU generator for a path; draws move to the device afterwards, so that devices agree."""
    return torch.Generator().manual_seed(seed_of(*path))


@contextmanager
def seeded(device: torch.device, *path: int | str) -> Iterator[None]:
    """Seed the global generators for a while, then put them back.

    For what knows no other randomness: the initialisation of layers, dropout.
    """
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed_of(*path))
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed_of(*path))
        yield


class Draws:
    """The random numbers of one micro-batch, by what they are for."""

    def __init__(self, rank: int, *path: int | str):
        self.rank = rank
        self.path = path

    def shared(self, purpose: str) -> torch.Generator:
        """The same in every process, each of which then takes its own rows."""
        return generator(*self.path, purpose)

    def own(self, purpose: str) -> torch.Generator:
        """Different in each process."""
        return generator(*self.path, purpose, self.rank)
