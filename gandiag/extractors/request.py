"""What is asked of an extractor when it is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from gandiag.extractors.base import FeatureExtractor, Precision
from gandiag.extractors.preprocessing import Preprocessing
from gandiag.extractors.weights import Found, find_weights


@dataclass(frozen=True)
class Request:
    """A specification ``NAME`` or ``NAME:ARGUMENT``, and how it is to run."""

    name: str
    argument: str
    """What stands after the colon; empty if nothing does."""
    device: torch.device
    precision: Precision = "fp32"
    preprocessing: Preprocessing | None = None
    weights: Path | None = None
    allow_unverified: bool = False

    def resize(self, own: str) -> str:
        """The resize of the protocol if one is asked for, else the extractor's own."""
        return own if self.preprocessing is None else self.preprocessing.resize

    def find_weights(self) -> Found:
        """The weights of the network of this name.

        Raises:
            GandiagError: no file is there, or the one there is not what it should be.
        """
        return find_weights(self.name, file=self.weights, allow_unverified=self.allow_unverified)


Opener = Callable[[Request], FeatureExtractor]
