"""The published numerical protocols, as data: a row a tool.

A protocol says how images become features and with which parameters features become numbers. It
holds no code of its own: what differs between tools is resize, normalisation, splits, subsets,
draws, neighbours and tie rules, and each of these is a field of an extractor or of a metric.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gandiag.errors import GandiagError
from gandiag.extractors import (
    CLEAN_FID,
    CLEAN_FID_LEGACY_PYTORCH,
    CLEAN_FID_LEGACY_TENSORFLOW,
    DGM_EVAL,
    PYTORCH_FID,
    TORCH_FIDELITY,
    TORCHMETRICS,
    Preprocessing,
)
from gandiag.metrics import METRICS, Metric


@dataclass(frozen=True)
class Protocol:
    """How one tool turns images into numbers."""

    name: str
    summary: str
    features: str
    """The extractor it uses when the user names none."""
    preprocessing: Preprocessing | None
    """How images reach the Inception network; None for the extractor's own default."""
    metrics: Mapping[str, Metric]
    """What the tool computes, with its parameters."""
    extractors: Mapping[str, str] = field(default_factory=dict)
    """Metric -> the network the tool takes for it, where that is not `features`."""
    default: tuple[str, ...] | None = None
    """The metrics computed when the user names none; None for all."""
