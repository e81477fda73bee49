"""Numbers from statistics: a pure function for a paper's reader, a `Metric` for a scoring.

Functions on arrays call their sets `real` and `generated`. Where exchanging the two would give
another number (precision and recall, say), they are taken by name only.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gandiag.metrics.authenticity import Authenticity, authentic, authenticity
from gandiag.metrics.base import Better, Known, Metric, Pair, Role, Score, Unfit
from gandiag.metrics.birthday import Birthday, Collisions, closeness, collisions
from gandiag.metrics.copying import CT, Copying, data_copying
from gandiag.metrics.diversity import Diversity, diversity, mean_distances
from gandiag.metrics.frechet import (
    FrechetDistance,
    Gaussian,
    frechet_distance,
    frechet_from_moments,
    frechet_with_deviation,
)
from gandiag.metrics.inception_score import InceptionScore, class_divergences, inception_score
from gandiag.metrics.kernel import (
    Blocks,
    KernelDistance,
    Subsets,
    cubic_kernel,
    kernel_distance,
    kernel_distance_of_blocks,
    kernel_distance_of_subsets,
    kernel_distance_with_deviation,
)
from gandiag.metrics.likelihood import FLD, Likelihood, feature_likelihood
from gandiag.metrics.mifid import MiFID, memorization_distance, memorization_informed
from gandiag.metrics.modes import (
    Coverage,
    ModeCoverage,
    class_coverage,
    coverage_of,
    kl_floor,
    mode_coverage,
    nearest_modes,
)
from gandiag.metrics.ms_ssim import MSSSIM, ms_ssim
from gandiag.metrics.ndb import NDB, Bins, bins
from gandiag.metrics.near_copies import NearCopies, closest_pairs, near_copies
from gandiag.metrics.neighbours import (
    PRDC,
    Neighbourhoods,
    Tie,
    expected_coverage,
    k_nearest,
    neighbourhoods,
    precision_recall_density_coverage,
)
from gandiag.metrics.vendi import VendiScore, vendi_score

METRICS: Mapping[str, type[Metric]] = MappingProxyType(
    {
        "is": InceptionScore,
        "fid": FrechetDistance,
        "kid": KernelDistance,
        "prdc": PRDC,
        "vendi": VendiScore,
        "modes": ModeCoverage,
        "ndb": NDB,
        "birthday": Birthday,
        "authenticity": Authenticity,
        "near_copies": NearCopies,
        "mifid": MiFID,
        "ct": CT,
        "fld": FLD,
        "diversity": Diversity,
        "ms_ssim": MSSSIM,
    }
)
"""What the command line, the docs and the contract tests read: a line a metric."""

__all__ = [
    "CT",
    "FLD",
    "METRICS",
    "MSSSIM",
    "NDB",
    "PRDC",
    "Authenticity",
    "Better",
    "Bins",
    "Birthday",
    "Blocks",
    "Collisions",
    "Copying",
    "Coverage",
    "Diversity",
    "FrechetDistance",
    "Gaussian",
    "InceptionScore",
    "KernelDistance",
    "Known",
    "Likelihood",
    "Metric",
    "MiFID",
    "ModeCoverage",
    "NearCopies",
    "Neighbourhoods",
    "Pair",
    "Role",
    "Score",
    "Subsets",
    "Tie",
    "Unfit",
    "VendiScore",
    "authentic",
    "authenticity",
    "bins",
    "class_coverage",
    "class_divergences",
    "closeness",
    "closest_pairs",
    "collisions",
    "coverage_of",
    "cubic_kernel",
    "data_copying",
    "diversity",
    "expected_coverage",
    "feature_likelihood",
    "frechet_distance",
    "frechet_from_moments",
    "frechet_with_deviation",
    "inception_score",
    "k_nearest",
    "kernel_distance",
    "kernel_distance_of_blocks",
    "kernel_distance_of_subsets",
    "kernel_distance_with_deviation",
    "kl_floor",
    "mean_distances",
    "memorization_distance",
    "memorization_informed",
    "mode_coverage",
    "ms_ssim",
    "near_copies",
    "nearest_modes",
    "neighbourhoods",
    "precision_recall_density_coverage",
    "vendi_score",
]
