"""Generators seen from their latents: path lengths, interpolations, truncations."""

from gandiag.generators.distance import Distance, FeatureDistance, open_distance
from gandiag.generators.interpolation import INTERPOLATIONS, lerp, slerp, slerp_unit
from gandiag.generators.lpips import Lpips, open_lpips
from gandiag.generators.opening import open_generator
from gandiag.generators.path import PathLength, path_length, trimmed_mean
from gandiag.generators.sheets import interpolations, sheet, write_interpolations
from gandiag.generators.space import LatentGenerator, LatentSpace
from gandiag.generators.sweep import Sweep
from gandiag.generators.truncation import mean_of_w, resampled, truncated, truncation_sweep

__all__ = [
    "INTERPOLATIONS",
    "Distance",
    "FeatureDistance",
    "LatentGenerator",
    "LatentSpace",
    "Lpips",
    "PathLength",
    "Sweep",
    "interpolations",
    "lerp",
    "mean_of_w",
    "open_distance",
    "open_generator",
    "open_lpips",
    "path_length",
    "resampled",
    "sheet",
    "slerp",
    "slerp_unit",
    "trimmed_mean",
    "truncated",
    "truncation_sweep",
    "write_interpolations",
]
