"""Numbers from statistics: a pure function for a paper's reader, a `Metric` for a scoring.

Functions on arrays call their sets `real` and `generated`. Where exchanging the two would give
another number (precision and recall, say), they are taken by name only.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gandiag.metrics.alpha_precision import AlphaCurves, AlphaPrecision, alpha_beta_curves
from gandiag.metrics.authenticity import Authenticity, authentic, authenticity
from gandiag.metrics.base import Better, Known, Metric, Role, Score, Unfit
from gandiag.metrics.birthday import Birthday, Collisions, closeness, collisions
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
from gandiag.metrics.modes import (
    Coverage,
    ModeCoverage,
    class_coverage,
    coverage_of,
    kl_floor,
    mode_coverage,
    nearest_modes,
)
from gandiag.metrics.ndb import NDB, Bins, bins
from gandiag.metrics.neighbours import (
    PRDC,
    Neighbourhoods,
    Tie,
    expected_coverage,
    k_nearest,
    neighbourhoods,
    precision_recall_density_coverage,
)
from gandiag.metrics.p_precision import PPrecision, p_precision_recall
from gandiag.metrics.prd import PRD, PRDCurve, prd_curve, prd_from_histograms
from gandiag.metrics.realism import Realism, rarity, realism
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
        "realism": Realism,
        "prd": PRD,
        "p_pr": PPrecision,
        "alpha": AlphaPrecision,
    }
)
"""What the command line, the docs and the contract tests read: a line a metric."""

__all__ = [
    "METRICS",
    "NDB",
    "PRD",
    "PRDC",
    "AlphaCurves",
    "AlphaPrecision",
    "Authenticity",
    "Better",
    "Bins",
    "Birthday",
    "Blocks",
    "Collisions",
    "Coverage",
    "FrechetDistance",
    "Gaussian",
    "InceptionScore",
    "KernelDistance",
    "Known",
    "Metric",
    "ModeCoverage",
    "Neighbourhoods",
    "PPrecision",
    "PRDCurve",
    "Realism",
    "Role",
    "Score",
    "Subsets",
    "Tie",
    "Unfit",
    "VendiScore",
    "alpha_beta_curves",
    "authentic",
    "authenticity",
    "bins",
    "class_coverage",
    "class_divergences",
    "closeness",
    "collisions",
    "coverage_of",
    "cubic_kernel",
    "expected_coverage",
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
    "mode_coverage",
    "nearest_modes",
    "neighbourhoods",
    "p_precision_recall",
    "prd_curve",
    "prd_from_histograms",
    "precision_recall_density_coverage",
    "rarity",
    "realism",
    "vendi_score",
]
