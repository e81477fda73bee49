"""Numbers from statistics: a pure function for a paper's reader, a `Metric` for a scoring.

Functions on arrays call their sets `real` and `generated`. Where exchanging the two would give
another number (precision and recall, say), they are taken by name only.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gandiag.metrics.authenticity import Authenticity, authentic, authenticity
from gandiag.metrics.base import Better, Known, Metric, Role, Score, Unfit
from gandiag.metrics.birthday import Birthday, Collisions, closeness, collisions
from gandiag.metrics.classification_accuracy import (
    Accuracies,
    ClassificationAccuracy,
    classification_accuracies,
)
from gandiag.metrics.exact_transport import ExactTransport, exact_wasserstein
from gandiag.metrics.frechet import (
    FrechetDistance,
    Gaussian,
    frechet_distance,
    frechet_from_moments,
    frechet_with_deviation,
)
from gandiag.metrics.inception_score import InceptionScore, class_divergences, inception_score
from gandiag.metrics.infinity import (
    Extrapolation,
    FrechetInfinity,
    InceptionInfinity,
    frechet_infinity,
    inception_infinity,
)
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
from gandiag.metrics.max_sliced import MaxSlicedWasserstein, max_sliced_wasserstein
from gandiag.metrics.mmd import (
    GaussianMMD,
    gaussian_mmd,
    gaussian_mmd_of_subsets,
    gaussian_mmd_with_deviation,
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
from gandiag.metrics.rke import RKE, median_distance, rke_score
from gandiag.metrics.sinkhorn import SinkhornDivergence, sinkhorn_divergence
from gandiag.metrics.sliced import SlicedWasserstein, sliced_wasserstein
from gandiag.metrics.vendi import VendiScore, vendi_score

METRICS: Mapping[str, type[Metric]] = MappingProxyType(
    {
        "is": InceptionScore,
        "fid": FrechetDistance,
        "kid": KernelDistance,
        "swd": SlicedWasserstein,
        "max_swd": MaxSlicedWasserstein,
        "emd": ExactTransport,
        "sinkhorn": SinkhornDivergence,
        "mmd": GaussianMMD,
        "is_inf": InceptionInfinity,
        "fid_inf": FrechetInfinity,
        "prdc": PRDC,
        "vendi": VendiScore,
        "rke": RKE,
        "modes": ModeCoverage,
        "ndb": NDB,
        "birthday": Birthday,
        "authenticity": Authenticity,
        "cas": ClassificationAccuracy,
    }
)
"""What the command line, the docs and the contract tests read: a line a metric."""

__all__ = [
    "METRICS",
    "NDB",
    "PRDC",
    "RKE",
    "Accuracies",
    "Authenticity",
    "Better",
    "Bins",
    "Birthday",
    "Blocks",
    "ClassificationAccuracy",
    "Collisions",
    "Coverage",
    "ExactTransport",
    "Extrapolation",
    "FrechetDistance",
    "FrechetInfinity",
    "Gaussian",
    "GaussianMMD",
    "InceptionInfinity",
    "InceptionScore",
    "KernelDistance",
    "Known",
    "MaxSlicedWasserstein",
    "Metric",
    "ModeCoverage",
    "Neighbourhoods",
    "Role",
    "Score",
    "SinkhornDivergence",
    "SlicedWasserstein",
    "Subsets",
    "Tie",
    "Unfit",
    "VendiScore",
    "authentic",
    "authenticity",
    "bins",
    "class_coverage",
    "class_divergences",
    "classification_accuracies",
    "closeness",
    "collisions",
    "coverage_of",
    "cubic_kernel",
    "exact_wasserstein",
    "expected_coverage",
    "frechet_distance",
    "frechet_from_moments",
    "frechet_infinity",
    "frechet_with_deviation",
    "gaussian_mmd",
    "gaussian_mmd_of_subsets",
    "gaussian_mmd_with_deviation",
    "inception_infinity",
    "inception_score",
    "k_nearest",
    "kernel_distance",
    "kernel_distance_of_blocks",
    "kernel_distance_of_subsets",
    "kernel_distance_with_deviation",
    "kl_floor",
    "max_sliced_wasserstein",
    "median_distance",
    "mode_coverage",
    "nearest_modes",
    "neighbourhoods",
    "precision_recall_density_coverage",
    "rke_score",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "vendi_score",
]
