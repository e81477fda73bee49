"""Numbers from statistics: a pure function for a paper's reader, a `Metric` for a scoring."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType, ModuleType

from gandiag.metrics.base import Metric, Role, Score
from gandiag.metrics.frechet import FrechetDistance, frechet_distance, frechet_from_moments
from gandiag.metrics.inception_score import InceptionScore, inception_score
from gandiag.metrics.kernel import (
    KernelDistance,
    Subsets,
    kernel_distance,
    kernel_distance_of_subsets,
)
from gandiag.metrics.modes import (
    Coverage,
    ModeCoverage,
    class_coverage,
    coverage_of,
    kl_floor,
    mode_coverage,
    nearest_modes,
)
from gandiag.metrics.neighbours import (
    PRDC,
    expected_coverage,
    k_nearest,
    precision_recall_density_coverage,
)


def family(name: str) -> ModuleType:
    """The file of a family of metrics, so that one line below adds a metric."""
    return import_module(f"gandiag.metrics.{name}")


METRICS: Mapping[str, type[Metric]] = MappingProxyType(
    {
        "is": family("inception_score").InceptionScore,
        "fid": family("frechet").FrechetDistance,
        "kid": family("kernel").KernelDistance,
        "prdc": family("neighbours").PRDC,
        "vendi": family("vendi").VendiScore,
        "modes": family("modes").ModeCoverage,
        "ndb": family("ndb").NDB,
        "birthday": family("birthday").Birthday,
    }
)
"""What the command line, the docs and the contract tests read: a line a metric."""

__all__ = [
    "METRICS",
    "PRDC",
    "Coverage",
    "FrechetDistance",
    "InceptionScore",
    "KernelDistance",
    "Metric",
    "ModeCoverage",
    "Role",
    "Score",
    "Subsets",
    "class_coverage",
    "coverage_of",
    "expected_coverage",
    "frechet_distance",
    "frechet_from_moments",
    "inception_score",
    "k_nearest",
    "kernel_distance",
    "kernel_distance_of_subsets",
    "kl_floor",
    "mode_coverage",
    "nearest_modes",
    "precision_recall_density_coverage",
]
