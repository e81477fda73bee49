"""Numbers from statistics: a pure function for a paper's reader, a `Metric` for a scoring.

Functions on arrays call their sets `real` and `generated`. Where exchanging the two would give
another number (precision and recall, say), they are taken by name only.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gandiag.metrics.alpha_precision import AlphaCurves, AlphaPrecision, alpha_beta_curves
from gandiag.metrics.authenticity import Authenticity, authentic, authenticity
from gandiag.metrics.base import Better, Known, Metric, Pair, Placed, Role, Score, Unfit
from gandiag.metrics.birthday import Birthday, Collisions, closeness, collisions
from gandiag.metrics.classification_accuracy import (
    Accuracies,
    ClassificationAccuracy,
    classification_accuracies,
)
from gandiag.metrics.copying import CT, Copying, data_copying
from gandiag.metrics.critic import CriticResult, CriticWasserstein, critic_wasserstein
from gandiag.metrics.diversity import Diversity, diversity, mean_distances
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
from gandiag.metrics.likelihood import FLD, Likelihood, feature_likelihood
from gandiag.metrics.max_sliced import MaxSlicedWasserstein, max_sliced_wasserstein
from gandiag.metrics.memberships import (
    Neighbourhoods,
    expected_coverage,
    neighbourhoods,
    precision_recall_density_coverage,
)
from gandiag.metrics.mifid import MiFID, memorization_distance, memorization_informed
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
from gandiag.metrics.ms_ssim import MSSSIM, ms_ssim
from gandiag.metrics.ndb import NDB, Bins, bins
from gandiag.metrics.near_copies import NearCopies, closest_pairs, near_copies
from gandiag.metrics.neighbours import Tie, k_nearest
from gandiag.metrics.p_precision import PPrecision, p_precision_recall
from gandiag.metrics.patches import SlicedPatches, patch_distances
from gandiag.metrics.prd import PRD, PRDCurve, prd_curve, prd_from_histograms
from gandiag.metrics.prdc import PRDC
from gandiag.metrics.realism import Realism, rarity, realism
from gandiag.metrics.rke import RKE, median_distance, rke_score
from gandiag.metrics.sinkhorn import SinkhornDivergence, sinkhorn_divergence
from gandiag.metrics.sliced import SlicedWasserstein, sliced_wasserstein
from gandiag.metrics.slopes import CriticBound, critic_bound
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
        "critic": CriticWasserstein,
        "swd_patches": SlicedPatches,
        "near_copies": NearCopies,
        "mifid": MiFID,
        "ct": CT,
        "fld": FLD,
        "diversity": Diversity,
        "ms_ssim": MSSSIM,
        "realism": Realism,
        "prd": PRD,
        "p_pr": PPrecision,
        "alpha": AlphaPrecision,
    }
)
"""What the command line, the docs and the contract tests read: a line a metric."""

__all__ = [
    "CT",
    "FLD",
    "METRICS",
    "MSSSIM",
    "NDB",
    "PRD",
    "PRDC",
    "RKE",
    "Accuracies",
    "AlphaCurves",
    "AlphaPrecision",
    "Authenticity",
    "Better",
    "Bins",
    "Birthday",
    "Blocks",
    "ClassificationAccuracy",
    "Collisions",
    "Copying",
    "Coverage",
    "CriticBound",
    "CriticResult",
    "CriticWasserstein",
    "Diversity",
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
    "Likelihood",
    "MaxSlicedWasserstein",
    "Metric",
    "MiFID",
    "ModeCoverage",
    "NearCopies",
    "Neighbourhoods",
    "PPrecision",
    "PRDCurve",
    "Pair",
    "Placed",
    "Realism",
    "Role",
    "Score",
    "SinkhornDivergence",
    "SlicedPatches",
    "SlicedWasserstein",
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
    "classification_accuracies",
    "closeness",
    "closest_pairs",
    "collisions",
    "coverage_of",
    "critic_bound",
    "critic_wasserstein",
    "cubic_kernel",
    "data_copying",
    "diversity",
    "exact_wasserstein",
    "expected_coverage",
    "feature_likelihood",
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
    "mean_distances",
    "median_distance",
    "memorization_distance",
    "memorization_informed",
    "mode_coverage",
    "ms_ssim",
    "near_copies",
    "nearest_modes",
    "neighbourhoods",
    "p_precision_recall",
    "patch_distances",
    "prd_curve",
    "prd_from_histograms",
    "precision_recall_density_coverage",
    "rarity",
    "realism",
    "rke_score",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "vendi_score",
]
